"""Importing in the browser: a file, its columns, how it comes in, and what was left out."""

import csv
import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Member
from accounts.rights import Role
from accounts.tenancy import account_scope
from records import import_chunks
from records.import_chunks import import_chunk
from records.models import Import, ImportStatus, List, Property, PropertyType, Record, RefusedRow
from tests.make import make_object_type, make_property
from tests.web.conftest import Browsers

DATA = Path(__file__).parent.parent / "data"
FILE = "Förnamn;E-post;Född;Skonummer\nKäthe;kathe@example.com;29.02.1984;37\nTorbjørn;torbjorn@example.com;snart;41\n"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def _contacts(acme: Account) -> None:
    with account_scope(acme.pk):
        make_object_type()


def upload(client: Client, text: str = FILE, **fields: str):  # type: ignore[no-untyped-def]
    file = SimpleUploadedFile("kunder hösten.csv", text.encode("cp1252"))
    return client.post("/acme/imports/new/", {"file": file, "object_type": "contact", **fields})


@pytest.fixture
def address(member: Client) -> str:
    """The page of a draft."""
    answer = upload(member)
    assert answer.status_code == 302
    return str(answer["Location"])


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def finish(acme: Account) -> Import:
    with account_scope(acme.pk):
        source = Import.objects.latest("pk")
    while import_chunk(acme.pk, source.pk):
        pass
    with account_scope(acme.pk):
        source.refresh_from_db()
    return source


def test_a_file_shows_its_columns_guessed_and_its_first_rows(member: Client, address: str) -> None:
    shown = page(member, address)
    for expected in ("kunder hösten", "Windows 1252", "semicolon", "2 rows", "Käthe", "All fit", "Import 2 rows"):
        assert expected in shown
    assert '<option value="property:first_name" selected>First name' in shown
    assert '<option value="cp1252" selected>' in shown and '<option value=";" selected>' in shown


def test_a_file_that_is_none_is_refused_beside_the_field(member: Client, acme: Account) -> None:
    answer = upload(member, "one@example.com\n")
    assert answer.status_code == 422
    assert "The first row must hold the names of the columns." in answer.content.decode()
    assert "Choose a file." in member.post("/acme/imports/new/").content.decode()
    with account_scope(acme.pk):
        assert not Import.objects.exists()


def test_choosing_where_a_column_goes_shows_at_once_what_does_not_fit(member: Client, address: str) -> None:
    answer = member.post(f"{address}settle/", {"column-2": "property:date_of_birth"}, **HTMX)
    shown = answer.content.decode()
    assert answer.status_code == 200 and "<html" not in shown
    assert "1 row does not fit" in shown and "“snart” is not a date" in shown
    assert "1 row does not fit" in page(member, address), "it is kept"


def test_the_preview_shows_values_as_pages_do_and_what_does_not_fit_as_it_is(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        someone = Member.objects.get()
    head = "Email;Score;Date of birth;Owner;Consent;Date of consent;Former employee;Website;Company;Record ID"
    row = f"A@b.no;12,500;03/04/1990;{someone.user.email};ja;2024-05-01 12:00;nej;b.no/<i>;Nova;0042"
    text = f"{head}\n{row}\nb@b.no;many;;;;;;;;\n"
    with account_scope(acme.pk):
        make_property("website", PropertyType.URL)
    address = str(upload(member, text)["Location"])

    def rows(decimal_mark: str, date_order: str) -> list[list[str]]:
        answer = member.post(f"{address}settle/", {"decimal_mark": decimal_mark, "date_order": date_order}, **HTMX)
        body = answer.content.decode().partition("How it will look")[2].partition("<tbody>")[2].partition("</tbody>")[0]
        cells = [re.findall(r"<td>(.*?)</td>", each, re.DOTALL) for each in body.split("</tr>") if each]
        return [[re.sub("<[^>]+>", "", cell) for cell in each] for each in cells]

    first, second = rows("point", "month_first")
    owner = str(someone.user)
    others = [owner, "Given", "1 May 2024 12:00", "No", "https://b.no/&lt;i&gt;", "Nova", "0042"]
    assert first == ["a@b.no", "12\u202f500", "4 March 1990", *others]
    assert second == ["b@b.no", "many“many” is not a number.", *["–"] * 8]
    assert rows("comma", "day_first")[0] == ["a@b.no", "12.5", "3 April 1990", *others]
    assert '<option value="comma" selected>Comma, as in 12,5' in page(member, address), "it is kept"


def test_companies_come_in_matched_by_nothing(member: Client, acme: Account) -> None:
    address = str(upload(member, "Name;Website\nNova;nova.no\nFjord;fjord.no\n", object_type="company")["Location"])
    shown = page(member, address)
    assert 'value="name" checked' in shown and "Say above which column is the e-mail address." not in shown
    assert "makes another one if the file is imported again" in shown
    blank = {"column-0": "", "column-1": "", "match_on": "new", "name": "x"}
    refused = member.post(f"{address}start/", blank)
    assert refused.status_code == 422 and "Say above where at least one column goes." in refused.content.decode()
    updates = member.post(f"{address}start/", {"match_on": "new", "mode": "update", "name": "x"})
    assert updates.status_code == 422 and "They cannot only update." in updates.content.decode()
    assert member.post(f"{address}start/", {"match_on": "new", "mode": "create", "name": "x"}).status_code == 302
    done = finish(acme)
    assert (done.created, done.refused, done.rows) == (2, 0, 2)
    assert "2 rows imported" in page(member, address)


def test_two_columns_in_one_place_are_refused_where_it_is(member: Client, address: str) -> None:
    answer = member.post(f"{address}settle/", {"column-0": "property:email"}, **HTMX)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "Another column goes to the same place." in shown
    first = shown.partition('name="column-0"')[2].partition("</select>")[0]
    assert 'value="property:email" selected' in first, "the fault stands beside what was chosen"
    assert 'value="property:first_name" selected' not in first


def test_a_wrong_encoding_is_refused_and_a_right_one_taken(member: Client, address: str) -> None:
    wrong = member.post(f"{address}read/", {"encoding": "utf-8", "delimiter": ";"}, **HTMX)
    assert wrong.status_code == 422 and "The file is not written in utf-8." in wrong.content.decode()
    right = member.post(f"{address}read/", {"encoding": "iso8859-15", "delimiter": ";"}, **HTMX)
    assert '<option value="iso8859-15" selected>' in right.content.decode()


def test_without_an_address_it_says_so_and_does_not_start(member: Client, acme: Account, address: str) -> None:
    answer = member.post(f"{address}start/", {"column-1": "", "match_on": "email", "name": "Kunder"})
    assert answer.status_code == 422
    assert "Say above which column is the e-mail address." in answer.content.decode()
    with account_scope(acme.pk):
        assert Import.objects.get().status == ImportStatus.DRAFT


def test_the_whole_way_to_the_result(member: Client, acme: Account, address: str) -> None:
    choices = {"column-2": "property:date_of_birth", "column-3": "new:number", "match_on": "email", "name": "Kunder"}
    for _press in range(2):
        answer = member.post(f"{address}start/", choices)
        assert (answer.status_code, answer["Location"]) == (302, address)
    assert "Waiting for a worker to begin." in page(member, address)
    assert "data-polls" in page(member, f"{address}progress/")
    source = finish(acme)
    done = member.get(f"{address}progress/", **HTMX)
    assert done["HX-Redirect"] == address
    shown = page(member, address)
    for expected in ("1 row imported", "1 row was left out", "snart", f"/acme/lists/{source.list_id}/"):
        assert expected in shown
    with account_scope(acme.pk):
        assert List.objects.get().name == "Kunder"
        made = Property.objects.get(label="Skonummer")
        assert Record.objects.get().properties[made.key] == 37


def test_the_result_says_how_long_what_was_left_out_is_kept(member: Client, acme: Account, address: str) -> None:
    member.post(f"{address}start/", {"column-2": "property:date_of_birth", "match_on": "email", "name": "Kunder"})
    source = finish(acme)
    with account_scope(acme.pk):
        Import.objects.filter(pk=source.pk).update(ended_at=datetime(2027, 1, 1, 12, tzinfo=UTC))
    assert "The download is there until" in page(member, address) and "1 Apr" in page(member, address)
    with account_scope(acme.pk):
        RefusedRow.objects.all().delete()
    gone = page(member, address)
    assert "It has been deleted" in gone and "Download these rows" not in gone and "kept for you to mend" not in gone


def test_the_bar_never_goes_back(member: Client, acme: Account, address: str) -> None:
    """The file is read once for repeats, before anything comes in."""
    member.post(f"{address}start/", {"match_on": "email", "name": "Kunder"})
    told = []
    for searched, next_row, next_byte, created in (
        (0, 0, 0, 0),
        (900, 0, 0, 0),
        (1_000, 10, 100, 10),
        (1_000, 98, 980, 98),
    ):
        with account_scope(acme.pk):
            Import.objects.update(
                status=ImportStatus.RUNNING,
                size=1_000,
                searched_byte=searched,
                next_row=next_row,
                next_byte=next_byte,
                created=created,
            )
        told.append(member.get(f"{address}progress/").context["percent"])
    assert told == [0, 9, 19, 98]


@pytest.mark.parametrize(
    ("file", "rows", "match_on"),
    [("contacts-export.csv", 10_000, "external_id"), ("kontakter-excel.csv", 2_000, "email")],
)
def test_what_other_products_export_comes_in_with_nothing_lost_and_again_changes_nothing(
    member: Client, acme: Account, file: str, rows: int, match_on: str
) -> None:
    counted = []
    for _time in range(2):
        sent = SimpleUploadedFile(file, (DATA / file).read_bytes())
        draft = member.post("/acme/imports/new/", {"file": sent, "object_type": "contact"})["Location"]
        member.post(f"{draft}start/", {"match_on": match_on, "name": file})
        done = finish(acme)
        assert (done.status, done.rows) == (ImportStatus.DONE, rows)
        assert done.created + done.updated + done.unchanged + done.refused == rows
        fetched = b"".join(member.get(f"{draft}refused/").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        lines = list(csv.reader(StringIO(fetched), delimiter=done.delimiter))
        reasons = [line[lines[0].index("reason")] for line in lines[1:]]
        assert len(reasons) == done.refused > 0 and all(reasons)
        counted.append(done)
    assert (counted[0].updated, counted[1].created, counted[1].updated) == (0, 0, 0)


def test_what_was_left_out_can_be_fetched(member: Client, acme: Account, address: str) -> None:
    member.post(f"{address}start/", {"column-2": "property:date_of_birth", "match_on": "email", "name": "Kunder"})
    finish(acme)
    answer = member.get(f"{address}refused/")
    lines = b"".join(answer).decode().splitlines()  # type: ignore[call-overload]
    assert lines[0] == "\ufeffrow;column;reason;Förnamn;E-post;Född;Skonummer"
    assert lines[1].startswith("2;Född;") and lines[1].endswith(";Torbjørn;torbjorn@example.com;snart;41")


def test_rows_that_were_left_out_come_back_read_as_they_were_and_the_page_says_so(
    member: Client, acme: Account, address: str
) -> None:
    assert "These rows were left out" not in page(member, address)
    chosen = {"name": "Hösten", "date_order": "month_first", "decimal_mark": "comma"}
    member.post(f"{address}start/", {**chosen, "column-2": "property:date_of_birth"})
    assert finish(acme).refused == 2, "there is no month 29"
    text = b"".join(member.get(f"{address}refused/")).decode("utf-8-sig")  # type: ignore[call-overload]
    shown = page(member, str(upload(member, text)["Location"]))
    assert "These rows were left out by the import “Hösten”." in shown
    assert '<option value="comma" selected>' in shown and '<option value="month_first" selected>' in shown


def test_how_rows_meet_what_is_there_is_chosen_and_kept(member: Client, acme: Account, address: str) -> None:
    chosen = {"match_on": "external_id", "mode": "update", "blank_cells": "clear", "date_order": "month_first"}
    shown = member.post(f"{address}settle/", {"column-3": "field:external_id", **chosen}, **HTMX).content.decode()
    for value in ("update", "clear", "month_first"):
        assert f'<option value="{value}" selected>' in shown
    assert "Say above which column" not in shown
    wrong = member.post(f"{address}settle/", {"match_on": "id", "mode": "create"}, **HTMX)
    assert wrong.status_code == 422 and "can only be updated" in wrong.content.decode()
    with account_scope(acme.pk):
        source = Import.objects.get()
        assert {name: getattr(source, name) for name in chosen} == chosen


def test_a_new_property_suggests_the_type_of_its_values(member: Client, address: str) -> None:
    assert "New: Number, as the values suggest" in page(member, address)


@pytest.mark.parametrize(
    ("header", "column", "country", "warns"),
    [
        ("Telefon", None, "", True),
        ("Telefon", None, "SE", False),
        ("Telefon", "", "", False),
        ("Växel", None, "", False),
        ("Växel", "new:phone", "", True),
    ],
)
def test_phone_numbers_of_an_account_without_a_country_are_warned_of(
    member: Client, acme: Account, browser_of: Browsers, header: str, column: str | None, country: str, warns: bool
) -> None:
    settings = {"name": "Acme", "slug": "acme", "time_zone": "Europe/Oslo", "language": "en"}
    assert member.post("/acme/settings/", {**settings, "country": country}).status_code == 302
    address = str(upload(member, f"E-post;{header}\nkathe@example.com;070-174 06 05\n")["Location"])
    if column is not None:
        member.post(f"{address}settle/", {"column-1": column})
    shown = page(member, address)
    assert ("The account has no country" in shown) == warns
    assert ('href="/acme/settings/#id_country"' in shown) == warns
    if warns:
        for_marketers = page(browser_of(acme, Role.MARKETER), address)
        assert "An admin can choose it" in for_marketers and "#id_country" not in for_marketers


def test_an_import_under_way_can_be_stopped(member: Client, acme: Account, browser_of: Browsers, address: str) -> None:
    member.post(f"{address}start/", {"match_on": "email", "name": "Kunder"})
    assert "Stop the import" in page(member, address)
    viewer = browser_of(acme, Role.VIEWER)
    assert "Stop the import" not in page(viewer, address) and viewer.post(f"{address}stop/").status_code == 403
    for _press in range(2):
        assert member.post(f"{address}stop/")["Location"] == address
    assert "The import was stopped before the end of the file." in page(member, address)
    assert finish(acme).created == 0


def test_a_stopped_import_that_matches_nothing_says_how_far_it_came(
    member: Client, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 2)
    text = "Name\nNova\nFjord\nSkog\n"
    address = str(upload(member, text, object_type="company")["Location"])
    member.post(f"{address}start/", {"name": "Companies", "match_on": "new"})
    with account_scope(acme.pk):
        source = Import.objects.latest("pk")
    import_chunk(acme.pk, source.pk)
    member.post(f"{address}stop/")
    finish(acme)
    shown = page(member, address)
    assert "The first 2 rows of the file have been gone through." in shown and "take them out" in shown
    assert "nothing comes in twice" not in shown


def test_rows_about_one_person_are_told_of(member: Client, acme: Account) -> None:
    address = upload(member, "E-mail\na@b.no\nA@b.no\n")["Location"]
    member.post(f"{address}start/", {"match_on": "email", "name": "Two"})
    finish(acme)
    assert "1 row is about a record that an earlier row of the file speaks of too." in page(member, address)


def test_a_draft_can_be_thrown_away_for_another_file(member: Client, acme: Account, address: str) -> None:
    assert member.post(f"{address}discard/")["Location"] == "/acme/imports/"
    assert member.get(address).status_code == 404


def test_a_viewer_sees_imports_and_makes_none(acme: Account, browser_of: Browsers, address: str) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    assert "You need the role marketer" in page(viewer, "/acme/imports/")
    assert "kunder hösten" in page(viewer, address)
    assert upload(viewer).status_code == 403
    for verb in ("read", "settle", "start", "discard"):
        assert viewer.post(f"{address}{verb}/").status_code == 403


def test_no_page_costs_more_queries_with_more_rows(member: Client, acme: Account) -> None:
    used = []
    for more in (1, 20):
        for _ in range(more):
            upload(member)
        with CaptureQueriesContext(connection) as queries:
            page(member, "/acme/imports/")
        used.append(len(queries))
    rows = "E-mail\n" + "".join(f"p{n}@example.com\n" for n in range(500))
    for text in ("E-mail\np@example.com\n", rows):
        address = upload(member, text)["Location"]
        with CaptureQueriesContext(connection) as queries:
            page(member, address)
        used.append(len(queries))
    assert used[0] == used[1] and used[2] == used[3]
