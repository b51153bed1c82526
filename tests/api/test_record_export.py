"""The records of a type as CSV over the API: the same as in the browser."""

import csv
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from accounts.models import Account, History
from accounts.tenancy import account_scope
from records import exporting, searching
from records.models import Record
from scheduling.clock import now
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/records/export/"
IN_OSLO = quote(json.dumps({"property": "city", "operator": "eq", "value": "Oslo"}))


def rows(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200 and answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.streaming and answer["Cache-Control"] == "no-store"
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def first(row: dict[str, str]) -> int:
    """The id, whatever its column is called."""
    return int(next(iter(row.values())))


@pytest.fixture
def people(acme: Account) -> list[int]:
    with account_scope(acme.pk):
        made = [make.make_contact(f"p{number}@example.com", city="Oslo") for number in range(5)]
        made.append(make.make_contact("kathe@example.com", first_name="Käthe", external_id="K"))
        make.make_record("company", name="Shop")
    return [each.pk for each in made]


def test_all_of_a_type_come_in_pieces_the_latest_made_first(
    api: APIClient, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 2)
    answer = api.get(URL)
    assert answer["Content-Disposition"] == 'attachment; filename="contact.csv"'
    found = rows(answer)
    assert [first(each) for each in found] == people[::-1]
    assert (found[0]["First name"], found[0]["External id"]) == ("Käthe", "K")
    assert [each["Name"] for each in rows(api.get(f"{URL}?object_type=company"))] == ["Shop"]


def test_the_filters_are_those_of_the_list(acme: Account, api: APIClient, people: list[int]) -> None:
    with account_scope(acme.pk):
        Record.objects.filter(pk=people[0]).update(archived_at=now())
    for query in (
        "search=käthe", "email=KATHE@example.com", "external_id=K", f"criteria={IN_OSLO}", "archived=true",
        f"archived=true&criteria={IN_OSLO}",
    ):  # fmt: skip
        listed = api.get(f"{API}/records/?object_type=contact&{query}").json()["results"]
        assert listed and [first(each) for each in rows(api.get(f"{URL}?{query}"))] == [
            each["id"] for each in reversed(listed)
        ], query


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("criteria={", "?criteria"),
        ("object_type=boat", "?object_type"),
        ("limit=5", "?limit"),
        ('criteria={"property":"shoe","operator":"known"}', "?criteria.property"),
    ],
)
def test_what_cannot_be_found_is_refused_and_nothing_is_noted(
    acme: Account, api: APIClient, query: str, path: str
) -> None:
    answer = api.get(f"{URL}?{query}")
    assert (answer.status_code, [each["path"] for each in answer.json()["errors"]]) == (422, [path])
    with account_scope(acme.pk):
        assert not History.objects.filter(verb="exported").exists()


def test_what_takes_too_long_to_find_is_refused_before_it_begins(
    acme: Account, api: APIClient, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "FROM", "from records_record r, pg_sleep(5) where {where}")
    monkeypatch.setattr(searching, "PATIENCE", 50)
    answer = api.get(f"{URL}?criteria={IN_OSLO}")
    assert (answer.status_code, [each["path"] for each in answer.json()["errors"]]) == (422, ["?criteria"])
    with account_scope(acme.pk):
        assert not History.objects.filter(verb="exported").exists()


def test_it_is_noted_who_took_them(acme: Account, api: APIClient, people: list[int]) -> None:
    api.get(f"{URL}?search=käthe&archived=true")
    with account_scope(acme.pk):
        noted = History.objects.get(verb="exported")
    assert (noted.subject, noted.detail) == ("objecttype", {"type": "contact", "search": "käthe", "archived": "1"})
    assert noted.by_name == "Key of acme"
