"""Imports: real files, and workers that die or work side by side."""

import csv
import io
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.tenancy import account_scope
from records import import_chunks, list_entries, lists, tasks
from records.import_chunks import import_chunk
from records.models import (
    Association,
    Event,
    EventPending,
    Import,
    ImportFile,
    ImportStatus,
    ListEntry,
    ObjectType,
    Record,
    RefusedRow,
)
from records.schema import ensure_object_types
from tests.conftest import make_account
from tests.records.files import EXCEL, EXPORT, begin, bring_in, counts, finish, is_address, rows_of


def people() -> QuerySet[Record]:
    """The contacts, without the companies that were made on the way."""
    return Record.objects.filter(object_type__key="contact")


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
    assert not EventPending.objects.exists(), "an import fires no trigger"
    assert not Event.objects.exists(), "who came is told by the record itself"
    assert set(Record.objects.values_list("import_id", flat=True)) == {source.pk}
    assert not ImportFile.objects.exists(), "what came in needs no file any more"

    stored = dict(people().values_list("external_id", "email"))
    expected = {row["Record ID"]: row["Email"].strip().lower() or None for row in rows if row["Record ID"] not in bad}
    assert stored == expected
    consents = Counter(people().values_list("consent", flat=True))
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

    helena = Record.objects.get(external_id="100005")
    company = Record.objects.get(object_type__key="company", properties__name="Buckley PLC")
    assert Association.objects.get(record=helena).other_id == company.pk

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
    assert set(people().values_list("email", flat=True)) == set(good)
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
    put_in, calls = list_entries.put_in, Counter[str]()

    class Killed(BaseException):
        pass

    def dies_now_and_then(*args: Any, **more: Any) -> int:
        """After the records and refused rows of a chunk are written, before its place is."""
        calls["add"] += 1
        if calls["add"] in (1, 3, 4, 7):
            raise Killed
        return put_in(*args, **more)

    monkeypatch.setattr(list_entries, "put_in", dies_now_and_then)
    deaths, more = 0, True
    while more:
        try:
            more = import_chunk(source.account_id, source.pk)
        except Killed:
            deaths += 1
    source = finish(source)
    assert (deaths, source.status, source.rows) == (4, ImportStatus.DONE, 2_000)

    def end(owner: Import) -> tuple[list[Any], list[Any], set[int]]:
        records = list(people().order_by("pk").values_list("properties", "consent", "former_employee"))
        refused = list(RefusedRow.objects.filter(source=owner).order_by("row").values_list("row", "reason", "column"))
        return records, refused, set(ListEntry.objects.filter(list=owner.list).values_list("record__email", flat=True))

    killed, killed_counts = end(source), counts(source)
    Record.objects.all().delete()
    monkeypatch.setattr(list_entries, "put_in", put_in)
    smooth = bring_in(contact, EXCEL.read_bytes())
    assert end(smooth) == killed
    assert counts(smooth) == killed_counts


def test_a_chunk_that_fails_is_tried_again_but_not_for_ever(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 300)
    source = begin(contact, EXCEL.read_bytes())
    put_in, calls = list_entries.put_in, Counter[str]()

    def fails(*args: Any, **more: Any) -> int:
        """Four times in the first chunk; in the third, always."""
        calls["in"] += 1
        if calls["in"] not in (5, 6):
            raise ZeroDivisionError
        return put_in(*args, **more)

    monkeypatch.setattr(list_entries, "put_in", fails)
    tries = 0
    while import_chunk(source.account_id, source.pk) or not Import.objects.filter(ended_at__isnull=False):
        tries += 1
        assert tries < 20
    source.refresh_from_db()
    assert (source.status, calls["in"], source.rows) == (ImportStatus.FAILED, 11, 556), "44 rows were set aside"
    assert source.problem == "Flyt could not go on after 556 rows; operators find the reason in the log."
    assert source.created + source.updated + source.unchanged + source.refused == 556
    assert not ImportFile.objects.exists()


def test_a_lost_connection_is_no_fault_of_the_file(contact: ObjectType, monkeypatch: pytest.MonkeyPatch) -> None:
    source = begin(contact, EXCEL.read_bytes())

    def lost(*_args: Any, **_more: Any) -> int:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(list_entries, "put_in", lost)
    for _ in range(import_chunks.MOST_FAILURES + 1):
        with pytest.raises(OperationalError):
            import_chunk(source.account_id, source.pk)
    source.refresh_from_db()
    assert (source.status, source.failures) == (ImportStatus.WAITING, 0)


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


def test_only_the_last_chunk_waits_for_the_disk(contact: ObjectType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 2)
    source = begin(contact, "Email\n" + "".join(f"p{n}@example.com\n" for n in range(5)))
    waits = []
    has_more = True
    while has_more:
        with CaptureQueriesContext(connection) as asked:
            has_more = import_chunk(contact.account_id, source.pk)
        waits.append(not any("synchronous_commit" in each["sql"] for each in asked))
    assert len(waits) > 2 and waits == [*([False] * (len(waits) - 1)), True]
    assert Import.objects.get(pk=source.pk).created == 5


def test_rows_about_one_record_in_different_chunks_are_applied_in_order(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 1)
    source = bring_in(contact, "Email,City,Score\na@b.no,Oslo,1\nA@B.no,Bergen,\na@b.no,Bergen,1\n")
    assert counts(source) == {"rows": 3, "created": 1, "updated": 0, "unchanged": 2, "refused": 0}
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
        assert source.created == people().count() == ListEntry.objects.count()
        assert source.refused == RefusedRow.objects.count()
    hinted.clear()
    tasks.resume_imports()
    assert hinted == []
