"""Imports: real files, refused ones, guessed mappings, and a worker that dies."""

import csv
import io
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import import_chunks, import_mapping, lists, tasks
from records.import_chunks import import_chunk
from records.importing import start_import
from records.models import (
    Event,
    Import,
    ImportFile,
    ImportStatus,
    List,
    ListEntry,
    ObjectType,
    Property,
    Record,
    RefusedRow,
)
from records.refusals import Invalid
from records.schema import ensure_object_types
from tests.conftest import make_account

DATA = Path(__file__).parent.parent / "data"
EXPORT, EXCEL = DATA / "contacts-export.csv", DATA / "kontakter-excel.csv"


def begin(object_type: ObjectType, content: str | bytes, **more: Any) -> Import:
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return start_import(**{"name": "Fair", "object_type": object_type, "file": file, "match_on": "email", **more})


def finish(source: Import) -> Import:
    while import_chunk(source.account_id, source.pk):
        pass
    source.refresh_from_db()
    assert source.created + source.updated + source.unchanged + source.refused == source.next_row
    return source


def bring_in(object_type: ObjectType, content: str | bytes, **more: Any) -> Import:
    return finish(begin(object_type, content, **more))


def counts(source: Import) -> dict[str, int]:
    return {name: getattr(source, name) for name in ("rows", "created", "updated", "unchanged", "refused")}


def rows_of(path: Path, encoding: str, delimiter: str) -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def is_address(text: str) -> bool:
    return "@" in text and not text.endswith(".")


def refusal(object_type: ObjectType, content: str | bytes, **more: Any) -> list[str]:
    with pytest.raises(Invalid) as refused:
        begin(object_type, content, **more)
    assert all(error.message for error in refused.value.errors)
    assert not Import.objects.exists() and not ImportFile.objects.exists() and not List.objects.exists()
    return [error.path for error in refused.value.errors]


# --- Real files ------------------------------------------------------------------------------------------------


def test_an_export_of_ten_thousand_contacts_comes_in_and_again_changes_nothing(contact: ObjectType) -> None:
    rows = rows_of(EXPORT, "utf-8-sig", ",")
    bad = [row["Record ID"] for row in rows if row["Email"] and not is_address(row["Email"].strip())]
    assert (len(rows), len(bad)) == (10_000, 154)
    source = bring_in(contact, EXPORT.read_bytes(), name="Export", match_on="external_id")
    assert (source.encoding, source.delimiter, source.status) == ("utf-8", ",", ImportStatus.DONE)
    assert counts(source) == {"rows": 10_000, "created": 9_846, "updated": 0, "unchanged": 0, "refused": 154}
    assert source.list is not None and source.list.name == "Export"
    assert lists.size(source.list) == 9_846
    assert not Event.objects.exists(), "an import fires no trigger"
    assert not ImportFile.objects.exists(), "what came in needs no file any more"

    stored = dict(Record.objects.values_list("external_id", "email"))
    expected = {row["Record ID"]: row["Email"].strip().lower() or None for row in rows if row["Record ID"] not in bad}
    assert stored == expected
    consents = Counter(Record.objects.values_list("consent", flat=True))
    said = Counter(row["Newsletter opt-in"].lower() for row in rows if row["Record ID"] not in bad)
    assert consents == {
        "given": said["true"] + said["yes"],
        "withdrawn": said["false"] + said["no"],
        "unknown": said[""],
    }
    assert Record.objects.get(external_id="100005").properties == {
        "first_name": "Helena",
        "last_name": "Luukkonen",
        "email": "helena.luukkonen68@example.org",
        "company_name": "Buckley PLC",
        "city": "Lumparland",
        "country": "FI",
        "language": "fi",
        "lifecycle_stage": "Customer",
        "score": 1,
        "date_of_birth": "1979-07-03",
        "created_on": "2022-12-25T15:10:00Z",  # 16:10 in Oslo
        "notes": 'Said "not now", ask again; in May',
    }
    assert Record.objects.get(external_id="100001").properties["notes"] == '=HYPERLINK("http://x")'
    assert Record.objects.get(external_id="100008").properties["notes"] == "Ring tillbaka\nefter semestern"
    assert Record.objects.get(external_id="100003").properties["phone"] == "+4767232686"

    refused = {row.values["Record ID"]: row for row in RefusedRow.objects.all()}
    assert set(refused) == set(bad)
    green = refused["100009"]
    assert (green.row, green.column, green.reason) == (10, "Email", "The address needs an ending, such as .no.")

    before = list(Record.objects.order_by("pk").values())
    again = bring_in(contact, EXPORT.read_bytes(), name="Export", match_on="external_id")
    assert counts(again) == {"rows": 10_000, "created": 0, "updated": 0, "unchanged": 9_846, "refused": 154}
    assert list(Record.objects.order_by("pk").values()) == before
    assert again.list is not None and again.list.name == "Export 2"
    assert lists.size(again.list) == 9_846


def test_a_sheet_from_excel_comes_in_matched_by_address_and_again_changes_nothing(contact: ObjectType) -> None:
    rows = rows_of(EXCEL, "cp1252", ";")
    addresses = [row["E-post"].strip().lower() for row in rows]
    good = [address for address in addresses if is_address(address)]
    source = bring_in(contact, EXCEL.read_bytes())
    assert (source.encoding, source.delimiter, source.status) == ("cp1252", ";", ImportStatus.DONE)
    assert counts(source) == {
        "rows": 2_000,
        "created": len(set(good)),
        "updated": 0,
        "unchanged": len(good) - len(set(good)),
        "refused": 2_000 - len(good),
    }
    assert len(set(good)) < len(good) < 2_000
    assert source.mapping["Mobiltelefon"] == {"property": "phone"}
    assert source.mapping["Nyhetsbrev"] == {"field": "consent"}
    assert set(Record.objects.values_list("email", flat=True)) == set(good)
    blomqvist = Record.objects.get(email="allan.blomqvist1@firma.example")
    assert blomqvist.consent == "given"
    assert blomqvist.properties == {
        "first_name": "Allan",
        "last_name": "Blomqvist",
        "email": "allan.blomqvist1@firma.example",
        "city": "Piteå",
        "country": "SE",
        "lifecycle_stage": "Subscriber",
        "score": 42,
        "date_of_birth": "1947-12-22",
        "renewal_date": "2027-09-06",
    }
    twice = next(address for address, n in Counter(good).items() if n > 1)
    last = [row for row in rows if row["E-post"].strip().lower() == twice][-1]
    assert Record.objects.get(email=twice).properties["last_name"] == last["Efternamn"]

    before = list(Record.objects.order_by("pk").values())
    again = bring_in(contact, EXCEL.read_bytes())
    assert (again.created, again.updated, again.refused) == (0, 0, source.refused)
    assert list(Record.objects.order_by("pk").values()) == before


# --- A worker that dies, and two at once -----------------------------------------------------------------------


def test_a_worker_that_dies_in_a_chunk_leaves_it_to_the_next(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 300)
    source = begin(contact, EXCEL.read_bytes())
    put_in, calls = lists.add, Counter[str]()

    class Killed(BaseException):
        pass

    def dies_now_and_then(*args: Any, **more: Any) -> int:
        """After the records and refused rows of a chunk are written, before its place is."""
        calls["add"] += 1
        if calls["add"] in (1, 3, 4, 7):
            raise Killed
        return put_in(*args, **more)

    monkeypatch.setattr(lists, "add", dies_now_and_then)
    deaths, more = 0, True
    while more:
        try:
            more = import_chunk(source.account_id, source.pk)
        except Killed:
            deaths += 1
    source = finish(source)
    assert (deaths, source.status, source.rows) == (4, ImportStatus.DONE, 2_000)

    def end(owner: Import) -> tuple[list[Any], list[Any], set[int]]:
        records = list(Record.objects.order_by("pk").values_list("properties", "consent", "former_employee"))
        refused = list(RefusedRow.objects.filter(source=owner).order_by("row").values_list("row", "reason", "column"))
        return records, refused, set(ListEntry.objects.filter(list=owner.list).values_list("record__email", flat=True))

    killed, killed_counts = end(source), counts(source)
    Record.objects.all().delete()
    monkeypatch.setattr(lists, "add", put_in)
    smooth = bring_in(contact, EXCEL.read_bytes())
    assert end(smooth) == killed
    assert counts(smooth) == killed_counts


def test_chunks_of_any_size_lead_to_the_same_records(contact: ObjectType, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = ["plain", "two\r\nlines", 'with "quotes"', "åäö", "", "=1+1", "semi;colon", "last\n"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Email", "Notes"])
    writer.writerows([f"p{number}@firma.example", note] for number, note in enumerate(notes))
    ends = []
    for encoding, size in (("utf-8-sig", 1), ("utf-16", 3), ("utf-8", 7), ("cp1252", 8), ("utf-16-be", 100)):
        monkeypatch.setattr(import_chunks, "CHUNK_ROWS", size)
        Record.objects.all().delete()
        given = "utf-16-be" if encoding == "utf-16-be" else None
        source = bring_in(contact, text.getvalue().encode(encoding), encoding=given)
        assert (source.rows, source.created) == (len(notes), len(notes))
        ends.append([record.properties.get("notes") for record in Record.objects.order_by("pk")])
    assert ends == [[note.strip() or None for note in notes]] * 5


def test_rows_about_one_record_in_different_chunks_are_applied_in_order(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 1)
    source = bring_in(contact, "Email,City,Score\na@b.no,Oslo,1\nA@B.no,Bergen,\na@b.no,Bergen,1\n")
    assert counts(source) == {"rows": 3, "created": 1, "updated": 1, "unchanged": 1, "refused": 0}
    assert Record.objects.get().properties == {"email": "a@b.no", "city": "Bergen", "score": 1}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_import_do_each_row_once_and_the_clock_finds_what_was_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 150)
    account = make_account("Acme", "acme")
    with account_scope(account.pk):
        ensure_object_types()
        contact = ObjectType.objects.get(key="contact")
        source = begin(contact, EXCEL.read_bytes())
    hinted: list[tuple[int, ...]] = []
    monkeypatch.setattr(tasks.run_import, "hint", lambda *args: hinted.append(args))
    tasks.resume_imports()
    assert hinted == [(account.pk, source.pk)]

    def work() -> None:
        try:
            for _ in range(200):
                tasks.run_import(account.pk, source.pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    with account_scope(account.pk):
        source = finish(source)
        assert (source.status, source.rows) == (ImportStatus.DONE, 2_000)
        assert source.created == Record.objects.count() == ListEntry.objects.count()
        assert source.refused == RefusedRow.objects.count()
    hinted.clear()
    tasks.resume_imports()
    assert hinted == []


# --- What is refused before anything is stored -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", "file"),
        (b" \r\n \r\n", "file"),
        (b"PK\x03\x04\x14\x00\x06\x00", "file"),
        (b"Email\na@b.no\n\x00\n", "file"),
        ("Email\n\x00@b.no\n".encode("utf-16"), "file"),
        ("Email,Name\n", "file"),
        ("Email,Name\n,\n\n", "file"),
        ("a@b.no,Anne\nc@d.no,Per\n", "file"),
        (",,\na@b.no,Anne,\n", "file"),
        ("Email,Email\na@b.no,c@d.no\n", "file"),
        (",".join(f"c{number}" for number in range(1_001)) + "\n1\n", "file"),
        ('Email\n"' + "x" * 200_000 + "\n", "file"),
        ("Name\nAnne\n", "match_on"),
        ("City;Name\nOslo;Anne\n", "match_on"),
    ],
)
def test_what_is_no_file_of_records_is_refused(contact: ObjectType, content: str | bytes, path: str) -> None:
    assert refusal(contact, content) == [path]


@pytest.mark.parametrize(
    ("settings", "paths"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"match_on": "phone"}, ["match_on"]),
        ({"match_on": "external_id"}, ["match_on"]),
        ({"delimiter": "x"}, ["delimiter"]),
        ({"encoding": "klingon"}, ["encoding"]),
        ({"encoding": "utf-7"}, ["encoding"]),
        ({"mapping": {"E-post": {"property": "email"}}}, ["mapping.E-post"]),
        ({"mapping": {"Email": {"property": "nothing"}}}, ["mapping.Email"]),
        ({"mapping": {"Email": {"property": ["email"]}}}, ["mapping.Email"]),
        ({"mapping": {"Email": {"field": "id"}}}, ["mapping.Email"]),
        ({"mapping": {"Email": "email"}}, ["mapping.Email"]),
        ({"mapping": {"Email": {"property": "email"}, "Mail": {"property": "email"}}}, ["mapping.Mail"]),
        ({"mapping": {"Email": {"property": "email", "field": "consent"}}}, ["mapping.Email"]),
        ({"mapping": {"Email": None}}, ["match_on"]),
    ],
)
def test_settings_that_do_not_fit_are_refused(contact: ObjectType, settings: dict[str, Any], paths: list[str]) -> None:
    assert refusal(contact, "Email,Mail\na@b.no,\n", **settings) == paths


def test_a_file_that_is_not_written_as_it_was_said_is_refused(contact: ObjectType) -> None:
    assert refusal(contact, "Email\nå@b.no\n".encode("cp1252"), encoding="utf-8") == ["encoding"]
    assert refusal(contact, b"\xef\xbb\xbfEmail\n\xe5@b.no\n") == ["encoding"]
    assert refusal(contact, b"Email\na\x81\x8d\x98@b.no\n", encoding="cp1252") == ["encoding"]


def test_a_file_over_the_limit_is_refused_while_it_is_read(contact: ObjectType, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 2 * 1024**2
    assert refusal(contact, "Email\n" + "a@b.no\n" * 400_000) == ["file"]
    assert begin(contact, "Email\n" + "a@b.no\n" * 200_000).status == ImportStatus.WAITING


def test_a_line_without_end_is_refused(contact: ObjectType) -> None:
    assert refusal(contact, b"Email\n" + b"x" * (9 * 1024**2)) == ["file"]


# --- Reading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found_out(contact: ObjectType, delimiter: str, line_end: str) -> None:
    lines = [["E-post", "Ort"], ["anne@firma.example", '"Oslo, ""by"" | x; y\tz"'], ["per@firma.example", "Bodø"]]
    source = bring_in(contact, line_end.join(delimiter.join(line) for line in lines))
    assert (source.delimiter, source.created) == (delimiter, 2)
    cities = [record.properties["city"] for record in Record.objects.order_by("pk")]
    assert cities == ['Oslo, "by" | x; y\tz', "Bodø"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "mac-roman", "cp850"])
def test_encodings_are_found_out(contact: ObjectType, encoding: str) -> None:
    places = ["Ålesund", "Östersund", "Bodø", "Trelleborg", "Malmö", "Sandnessjøen", "Vänersborg", "Måløy"]
    if encoding == "cp850":
        places = [place for place in places if "ø" not in place]
    text = "E-post;Ort;Förnamn\n" + "".join(f"p{n}@firma.example;{place};Pär\n" for n, place in enumerate(places))
    bring_in(contact, text.encode(encoding))
    assert [record.properties["city"] for record in Record.objects.order_by("pk")] == places
    assert {record.properties["first_name"] for record in Record.objects.all()} == {"Pär"}


def test_letters_beyond_the_first_piece_decide_about_the_encoding(contact: ObjectType) -> None:
    rows = "".join(f"p{number}@firma.example;Oslo\r\n" for number in range(40_000))
    source = begin(contact, f"E-post;Ort\r\n{rows}slut@firma.example;Malmö\r\n".encode("cp1252"))
    assert source.encoding == "cp1252"
    assert ImportFile.objects.filter(source=source).count() == 2


def test_a_single_column_is_fine(contact: ObjectType) -> None:
    assert bring_in(contact, "E-postadresse\nanne@firma.example\n\nper@firma.example").created == 2


def test_empty_rows_do_not_count_and_empty_cells_change_nothing(contact: ObjectType) -> None:
    bring_in(contact, "Email,City\nanne@firma.example,Oslo\n")
    source = bring_in(contact, "Email,City\n\n,\nanne@firma.example,\n  ,\n")
    assert counts(source) == {"rows": 1, "created": 0, "updated": 0, "unchanged": 1, "refused": 0}
    assert Record.objects.get().properties["city"] == "Oslo"


def test_a_row_that_does_not_fit_is_refused_with_its_cells(contact: ObjectType) -> None:
    content = "Email,Score,City\na@b.no,1,Oslo,more\nb@b.no,2,Oslo,,\nc@b.no,many\nd@b.no\nnobody,x\n"
    source = bring_in(contact, content)
    assert counts(source) == {"rows": 5, "created": 2, "updated": 0, "unchanged": 0, "refused": 3}
    long, wrong, worse = RefusedRow.objects.filter(source=source).order_by("row")
    assert (long.row, long.column, long.values[""]) == (1, "", ["more"])
    assert (wrong.row, wrong.column, wrong.values) == (3, "Score", {"Email": "c@b.no", "Score": "many"})
    assert wrong.reason == "“many” is not a number."
    assert (worse.row, worse.column) == (5, "Email")
    assert "one @" in worse.reason and "not a number" in worse.reason


def test_a_file_that_breaks_off_midway_keeps_what_came_before_and_says_where(contact: ObjectType) -> None:
    good = "".join(f"p{number}@firma.example,x\n" for number in range(150))
    source = begin(contact, f'Email,Notes\n{good}end@firma.example,"{"x" * 200_000}')
    source = finish(source)
    assert (source.status, source.created, source.rows) == (ImportStatus.FAILED, 150, 150)
    assert source.problem.startswith("Row 151 cannot be read")
    assert source.ended_at is not None


# --- Mapping -------------------------------------------------------------------------------------------------------


def test_headers_of_three_languages_find_their_place(contact: ObjectType) -> None:
    expected: dict[str, dict[str, str]] = {
        "E-post": {"property": "email"},
        "Email Address": {"property": "email"},
        "E-postadresse": {"property": "email"},
        "Fornamn": {"property": "first_name"},
        "Förnamn": {"property": "first_name"},
        "FORNAVN": {"property": "first_name"},
        "Etternavn": {"property": "last_name"},
        "Mobiltelefon": {"property": "phone"},
        "Tlf.": {"property": "phone"},
        "Företag": {"property": "company_name"},
        "Poststed": {"property": "city"},
        "Country/Region": {"property": "country"},
        "Språk": {"property": "language"},
        "Poäng": {"property": "score"},
        "Fødselsdato": {"property": "date_of_birth"},
        "Avtal förnyas": {"property": "renewal_date"},
        "date_of_birth": {"property": "date_of_birth"},
        "Nyhetsbrev": {"field": "consent"},
        "Newsletter opt-in": {"field": "consent"},
        "Record ID": {"field": "external_id"},
        "Kundnummer": {"field": "external_id"},
    }
    for header, target in expected.items():
        assert import_mapping.guess([header], contact) == {header: target}
    assert import_mapping.guess(["Shoe size", "日本"], contact) == {"Shoe size": None, "日本": None}
    assert import_mapping.guess(["Phone", "Mobile"], contact) == {"Phone": {"property": "phone"}, "Mobile": None}


def test_a_given_mapping_decides(contact: ObjectType) -> None:
    mapping = {"Mail": {"property": "email"}, "City": None, "OK?": {"field": "consent"}}
    bring_in(contact, "Mail,City,OK?,Score\na@b.no,Oslo,ja,7\n", mapping=mapping)
    record = Record.objects.get()
    assert (record.properties, record.consent) == ({"email": "a@b.no"}, "given")


def test_columns_that_belong_nowhere_become_properties_when_asked(contact: ObjectType) -> None:
    content = "Email,Skostørrelse,City,7-dager,E-mail 2,日本\na@b.no,42,Oslo,x,y,z\n"
    assert bring_in(contact, content).created == 1
    assert Record.objects.get().properties == {"email": "a@b.no", "city": "Oslo"}
    before = Property.objects.count()
    source = bring_in(contact, content, create_properties=True)
    assert source.updated == 1
    assert Record.objects.get().properties == {
        "email": "a@b.no",
        "city": "Oslo",
        "skostorrelse": "42",
        "column_7_dager": "x",
        "e_mail_2": "y",
        "column": "z",
    }
    assert Property.objects.get(key="skostorrelse").label == "Skostørrelse"
    again = bring_in(contact, content, create_properties=True)
    assert (again.unchanged, Property.objects.count()) == (1, before + 4), "its properties are found again"


# --- Accounts --------------------------------------------------------------------------------------------------------


def test_another_account_sees_nothing_of_an_import_and_cannot_run_it(contact: ObjectType, globex: Account) -> None:
    source = begin(contact, "Email\nnobody\na@b.no\n")
    assert import_chunk(globex.pk, source.pk) is False
    finish(source)
    with account_scope(globex.pk):
        for model in (Import, ImportFile, RefusedRow, Record, List, ListEntry):
            assert not model.objects.exists()
    with every_account():
        assert RefusedRow.objects.count() == 1
