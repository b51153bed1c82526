"""Imports: what is refused, and how a file is read: its encoding, its delimiter, its columns."""

import io
import tracemalloc
from typing import Any

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import import_mapping
from records.import_chunks import import_chunk
from records.import_refusals import refused_lines
from records.importing import read_again, start_import, take_in
from records.models import (
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
from tests.records.files import begin, bring_in, counts, finish, refusal

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
        ({"mapping": {"Email": {"property": "email"}, "Mail": {"field": "id"}}}, ["mapping.Mail"]),
        ({"mapping": {"Email": {"property": "email"}, "Mail": {"associated": "deal"}}}, ["mapping.Mail"]),
        ({"mapping": {"Email": {"property": "email"}, "Mail": {"new": "Mail", "type": "owner"}}}, ["mapping.Mail"]),
        ({"mapping": {"Email": {"property": "email"}, "Mail": {"new": "Mail", "type": "choice"}}}, ["mapping.Mail"]),
        ({"mode": "replace"}, ["mode"]),
        ({"match_on": "id", "mode": "create"}, ["mode"]),
        ({"blank_cells": "keep"}, ["blank_cells"]),
        ({"date_order": "year_first"}, ["date_order"]),
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


def test_two_gigabytes_are_refused_with_a_few_megabytes_of_memory(contact: ObjectType, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 24 * 1024**2
    line = b"somebody@example.com,Oslo,a rather long note that fills the line\n"

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1, /) -> bytes:
            self.given += size
            assert self.given < 30 * 1024**2, "reading goes on after the limit"
            start = b"Email,City,Notes\n" if self.given == size else b""
            return (start + line * (size // len(line) + 1))[:size]

    tracemalloc.start()
    try:
        with pytest.raises(Invalid) as refused:
            start_import(name="Huge", object_type=contact, file=Endless())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [error.path for error in refused.value.errors] == ["file"] and "24 MB" in str(refused.value)
    assert peak < 12 * 1024**2
    assert not Import.objects.exists() and not ImportFile.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_found_without_its_mark(contact: ObjectType, encoding: str) -> None:
    source = bring_in(contact, "Email,City\na@b.no,Malmö\n".encode(encoding))
    assert (source.encoding, Record.objects.get().properties["city"]) == (encoding, "Malmö")


def test_a_line_without_end_is_refused(contact: ObjectType) -> None:
    assert refusal(contact, b"Email\n" + b"x" * (9 * 1024**2)) == ["file"]


@pytest.mark.parametrize("letter", ["x", "\u0a0a", "\u0d0d"])  # of some each half looks like the end of a line
def test_a_line_without_end_is_refused_in_utf_16_too(contact: ObjectType, letter: str) -> None:
    assert refusal(contact, ("Email\na@b.no\n" + letter * (9 * 1024**2)).encode("utf-16")) == ["file"]


def test_a_large_file_is_not_read_again_as_one_line_of_utf_16(contact: ObjectType) -> None:
    draft = take_in(name="Fair", object_type=contact, file=io.BytesIO(b"Email\n" + b"ann@bb.no\n" * 1_900_000))
    with pytest.raises(Invalid) as refused:
        read_again(draft, encoding="utf-16-le", delimiter=",")
    assert [error.path for error in refused.value.errors] == ["file"]


def test_a_header_of_millions_of_columns_costs_no_more_than_its_line(contact: ObjectType) -> None:
    tracemalloc.start()
    assert refusal(contact, b"," * 4 * 1024**2 + b"\na\n") == ["file"]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 120 * 1024**2


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


def test_a_file_that_breaks_off_midway_makes_properties_as_what_came_before_suggests(contact: ObjectType) -> None:
    good = "".join(f"p{number}@firma.example,{number}\n" for number in range(150))
    source = bring_in(contact, f'Email,Shoes\n{good}end@firma.example,"42\n', create_properties=True)
    assert (source.status, source.created) == (ImportStatus.FAILED, 150)
    assert Property.objects.get(label="Shoes").type == "number"


# --- Mapping -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [200, 12_000])
def test_a_quotation_mark_that_is_never_closed_swallows_nobody(contact: ObjectType, before: int) -> None:
    good = "".join(f"good{n}@b.no,Per\n" for n in range(before))
    source = finish(begin(contact, f'Email,Notes\n{good}a@b.no,"Anne\n' + "lost@b.no,Ola\n" * 50))
    assert (source.status, source.created) == (ImportStatus.FAILED, before)
    assert source.problem == f"Row {before + 1} cannot be read: a quotation mark is opened and never closed."


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_quotation_marks_that_are_closed_may_hold_anything(contact: ObjectType, end: str) -> None:
    source = bring_in(contact, f'Email,Notes\na@b.no,Anne\nb@b.no,"P ""x"" er\nz"{end}')
    assert (source.status, source.created, source.problem) == (ImportStatus.DONE, 2, "")


def test_a_quotation_mark_that_is_open_in_the_first_rows_is_told_at_once(contact: ObjectType) -> None:
    with pytest.raises(Invalid) as refused:
        begin(contact, 'Email,Notes\n"a@b.no,Anne\nb@b.no,Per\n')
    assert "never closed" in refused.value.errors[0].message


def test_consent_of_the_future_is_refused(contact: ObjectType) -> None:
    source = bring_in(contact, "Email,Consent,Consent date\na@b.no,given,2199-01-01\nb@b.no,given,2024-05-01\n")
    assert (source.created, source.refused) == (1, 1)
    assert RefusedRow.objects.get().reason == "Consent cannot have been given in the future."


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
        "Företag": {"associated": "company"},
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
        "skostorrelse": 42,
        "column_7_dager": "x",
        "e_mail_2": "y",
        "column": "z",
    }
    assert Property.objects.get(key="skostorrelse").label == "Skostørrelse"
    again = bring_in(contact, content, create_properties=True)
    assert (again.unchanged, Property.objects.count()) == (1, before + 4), "its properties are found again"


def test_refused_rows_that_come_back_make_no_properties_of_what_was_said_of_them(contact: ObjectType) -> None:
    first = bring_in(contact, "Email,Shoe,reason\nnobody,42,x\n", create_properties=True)
    before = Property.objects.count()
    assert Property.objects.filter(key="reason").exists(), "a column of that name elsewhere is one like any other"
    refused = "".join(refused_lines(bring_in(contact, "Email,Shoe\nnobody,42\nnoone,43\n")))
    once = bring_in(contact, refused.replace("nobody,", "a@b.no,"), create_properties=True)
    assert (first.refused, once.created, once.refused, Property.objects.count()) == (1, 1, 1, before)
    assert Record.objects.get().properties == {"email": "a@b.no", "shoe": 42}
    again = "".join(refused_lines(once))
    assert again.count("reason") == 1, "mended twice, they have their own columns once"
    twice = bring_in(contact, again.replace("noone,", "c@d.no,"))
    assert (twice.created, twice.refused) == (1, 0)
    assert Record.objects.get(email="c@d.no").properties == {"email": "c@d.no", "shoe": 43}


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
