"""Records as CSV: whole, safe for spreadsheets, read again by an import, and in memory that does not grow."""

import csv
import io
import json
import tracemalloc
from urllib.parse import quote

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Account, History
from accounts.rights import Role
from accounts.tenancy import account_scope
from records import exporting, searching
from records.import_chunks import import_chunk
from records.importing import Terms, start_import
from records.models import ObjectType, PropertyType, Record
from tests.make import make_contact, make_contacts, make_object_type, make_property
from tests.web.conftest import Browsers
from web.record_table import Table

OSLO = {"all": [{"property": "city", "operator": "eq", "value": "Oslo"}]}


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/acme/records/export/{query}")
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_all_values_are_exported_over_many_chunks_and_it_is_noted_who_took_them(
    member: Client, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 3)
    with account_scope(acme.pk):
        make_property("keen", PropertyType.BOOLEAN)
        make_property("interests", PropertyType.MULTIPLE_CHOICE, options=["Ski", "Sail"])
        kathe = make_contact(
            "kathe@example.com", first_name="Käthe", score=1.5, keen=False, interests=["Ski", "Sail"], external_id="K"
        )
        others = make_contacts(7, city="Oslo")
    rows = exported(member)
    assert [int(each["Id in Flyt"]) for each in rows] == [each.pk for each in reversed([kathe, *others])]
    last = rows[-1]
    assert (last["First name"], last["Score"], last["Keen"], last["Interests"]) == (
        "Käthe",
        "1.5",
        "false",
        "Ski; Sail",
    )
    assert last["Created"].endswith(("+01:00", "+02:00")), "in the account's zone"
    assert (last["External id"], last["Consent"]) == ("K", "given")
    assert len(exported(member, f"?criteria={quote(json.dumps(OSLO))}")) == 7
    assert len(exported(member, "?search=käthe")) == 1 and exported(member, "?archived=1") == []
    with account_scope(acme.pk):
        noted = History.objects.filter(verb="exported").order_by("pk").first()
        assert noted and noted.subject == "objecttype"


def test_a_spreadsheet_with_a_decimal_comma_can_open_the_file(acme: Account) -> None:
    with account_scope(acme.pk):
        contact = make_object_type()
        make_contact("kari@example.com", score=-1.5)
        wanted = Table.of(QueryDict()).wanted
    texts = [
        "".join(exporting.lines(acme, contact, wanted, language="nb", for_spreadsheets=each)).removeprefix("\ufeff")
        for each in (True, False)
    ]
    text, for_programs = texts
    (plain,) = csv.DictReader(io.StringIO(for_programs))
    assert "-1.5" in plain.values(), "a program reads the same in every language"
    (row,) = csv.DictReader(io.StringIO(text), delimiter=";")
    assert "-1,5" in row.values(), "no apostrophe before what is a number"
    with account_scope(acme.pk):
        source = start_import(name="Again", object_type=contact, file=io.BytesIO(text.encode()), terms=Terms("id"))
        import_chunk(acme.pk, source.pk)
        source.refresh_from_db()
        assert (source.unchanged, source.refused) == (1, 0)


@pytest.mark.parametrize("value", ["=1+1", "+47 1", "-1", "@sum", "\tx", "plain"])
def test_what_a_spreadsheet_would_calculate_is_made_safe(member: Client, acme: Account, value: str) -> None:
    with account_scope(acme.pk):
        make_contact(first_name=value)
    assert exported(member)[0]["First name"] == (value if value == "plain" else f"'{value}")


def test_an_export_imported_again_changes_nothing(member: Client, acme: Account) -> None:
    odd = ["=1+1", "+47 1", "-1", "@sum", "'", "'=1", "''@", "'tis", 'say "=1"; no', "two\nlines"]
    with account_scope(acme.pk):
        made = [make_contact(f"p{number}@b.no", first_name=value, city=value) for number, value in enumerate(odd)]
    answer = member.get("/acme/records/export/")
    file = io.BytesIO(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    with account_scope(acme.pk):
        contact = ObjectType.objects.get(key="contact")
        source = start_import(name="Back", object_type=contact, file=file, terms=Terms(match_on="id"))
        assert {"property": "first_name"} in source.mapping.values()
        while import_chunk(acme.pk, source.pk):
            pass
        source.refresh_from_db()
        assert (source.rows, source.updated, source.unchanged) == (len(odd), 0, len(odd))
        kept = Record.objects.in_bulk([each.pk for each in made])
        assert [kept[each.pk].properties["city"] for each in made] == odd


def test_only_admins_export_and_a_broken_filter_is_refused(acme: Account, member: Client, browser_of: Browsers) -> None:
    with account_scope(acme.pk):
        make_object_type()
    assert browser_of(acme, Role.FLOW_ADMIN).get("/acme/records/export/").status_code == 403
    assert member.get("/acme/records/export/?criteria={").status_code == 422
    for name in ("type", "search", "archived"):  # nor is a byte that cannot be noted
        assert member.get(f"/acme/records/export/?{name}=a%00").status_code == 200


def test_an_export_that_takes_too_long_says_so_and_is_not_noted(
    acme: Account, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with account_scope(acme.pk):
        make_contacts(1)
    monkeypatch.setattr(searching, "FROM", "from records_record r, pg_sleep(5) where {where}")
    monkeypatch.setattr(searching, "PATIENCE", 50)
    answer = member.get("/acme/records/export/")
    assert answer.status_code == 422 and "Looking takes too long" in answer.content.decode()
    with account_scope(acme.pk):
        assert not History.objects.filter(verb="exported").exists()


def test_records_erased_while_an_export_is_read_are_left_out_and_the_others_come(
    acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 2)
    with account_scope(acme.pk):
        made = [each.pk for each in make_contacts(6)]
        table = Table.of(QueryDict("type=contact"))
    pieces = exporting.lines(acme, table.object_type, table.wanted, language="en")
    read = [next(pieces), next(pieces)]
    with account_scope(acme.pk):
        Record.objects.filter(pk__in=made[2:4]).delete()
    rows = list(csv.DictReader(io.StringIO("".join([*read, *pieces]).removeprefix("\ufeff"))))
    assert [int(each["Id in Flyt"]) for each in rows] == [*reversed(made[4:]), *reversed(made[:2])]


def test_memory_does_not_grow_with_the_records(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def peak() -> int:
        with account_scope(acme.pk):
            table = Table.of(QueryDict("type=contact"))
        tracemalloc.start()
        for _piece in exporting.lines(acme, table.object_type, table.wanted, language="en"):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    monkeypatch.setattr(exporting, "AT_ONCE", 200)
    with account_scope(acme.pk):
        make_contacts(400, city="Oslo")
    peak()  # what is loaded once
    few = peak()
    with account_scope(acme.pk):
        make_contacts(3_600, city="Oslo")
        assert Record.objects.count() == 4_000
    assert peak() < 1.2 * few
