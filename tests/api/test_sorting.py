"""Records in an order of their values: each once, whatever comes and goes between two pages."""

import itertools
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tenancy import account_scope
from records import searching
from records.models import Record
from scheduling.clock import now
from tests import make

from .conftest import API
from .test_pagination import ids, walk

pytestmark = pytest.mark.django_db
URL = f"{API}/records/?object_type=contact&limit=3"
LONG = "L" * 3_000


@pytest.fixture
def people(acme, api):
    """With scores 5, 1, 3 and none, twice each; and first names that differ in case, length and letters."""
    names = ["bo", "Bo", None, "Åse", LONG + "a", LONG + "b", "5", "cy"]
    with account_scope(acme.pk):
        make.make_property("topics", type="multiple_choice", options=["A", "B"])
        return [
            make.make_contact(
                **{key: value for key, value in {"score": score, "first_name": name}.items() if value is not None}
            ).pk
            for score, name in zip([5, 1, 3, None] * 2, names, strict=True)
        ]


def test_by_a_number_rising_and_falling_and_unknown_values_last(api, people):
    places = [people[n] for n in (5, 1, 6, 2, 4, 0, 7, 3)]
    assert ids(walk(api, f"{URL}&ordering=score")) == places
    assert ids(walk(api, f"{URL}&ordering=-score")) == [people[n] for n in (4, 0, 6, 2, 5, 1, 7, 3)]


@pytest.mark.parametrize("by", [*searching.sortable(None)[1:], "first_name", "score", "topics", "email"])
def test_by_anything_the_pages_hold_each_record_once_in_the_order_of_one_page(api, acme, people, by):
    with account_scope(acme.pk):
        Record.objects.filter(pk__in=people[:3]).update(external_id=None, former_employee=True)
        for number, topics in enumerate((["A"], ["A", "B"], None)):
            record = Record.objects.get(pk=people[number])
            record.properties["topics"] = topics
            record.save()
    for ordering in (by, f"-{by}"):
        paged = ids(walk(api, f"{URL}&ordering={ordering}"))
        assert paged == ids(walk(api, f"{API}/records/?object_type=contact&ordering={ordering}"))
        assert sorted(paged) == people


def test_the_moments_of_making_and_changing(api, acme, people):
    assert ids(walk(api, f"{URL}&ordering=created_at")) == people
    assert ids(walk(api, f"{URL}&ordering=-created_at")) == people[::-1]
    with account_scope(acme.pk):
        for seconds, number in enumerate((2, 7, 4)):
            later = now() + timedelta(hours=1, microseconds=seconds)
            Record.objects.filter(pk=people[number]).update(updated_at=later)
    changed = [people[n] for n in (4, 7, 2)]
    assert ids(walk(api, f"{API}/records/?limit=2&ordering=-updated_at"))[:3] == changed
    assert ids(walk(api, f"{API}/records/?limit=2&ordering=updated_at"))[-3:] == changed[::-1]


def test_what_comes_and_goes_between_two_pages_moves_nothing(api, acme, people):
    first = api.get(f"{URL}&ordering=score").json()
    assert [each["id"] for each in first["results"]] == [people[n] for n in (5, 1, 6)]
    with account_scope(acme.pk):
        make.make_contact(score=0)
        later = make.make_contact(score=4).pk
        Record.objects.filter(pk=people[6]).update(archived_at=Record.objects.get(pk=people[6]).created_at)
    assert ids(walk(api, first["next"])) == [people[2], later, *(people[n] for n in (4, 0, 7, 3))]


def test_what_nothing_can_be_sorted_by_is_refused_with_what_there_is(api, people):
    for text in ("nope", "-nope", "--id", "", "properties", "id; drop table x"):
        answer = api.get(f"{API}/records/", {"object_type": "contact", "ordering": text})
        assert answer.status_code == 422, text
        (error,) = answer.json()["errors"]
        assert error["path"] == "?ordering"
        assert not text or re.search(r"id, .*updated_at.*first_name", error["message"])
    without_a_type = api.get(f"{API}/records/?ordering=score").json()["errors"][0]["message"]
    assert "updated_at" in without_a_type and "score" not in without_a_type


def test_a_cursor_holds_for_its_own_order_only(api, people):
    orders = ("id", "score", "-score", "updated_at")
    cursors = {by: api.get(f"{URL}&ordering={by}").json()["next"].partition("cursor=")[2][:900] for by in orders}
    for by, other in itertools.permutations(orders, 2):
        cursor = re.match("[^&]*", cursors[by])[0]
        answer = api.get(f"{URL}&ordering={other}&cursor={cursor}")
        assert answer.status_code == 422, (by, other)
        assert answer.json()["errors"][0]["path"] == "?cursor"


def test_too_many_to_sort_are_refused(api, people, monkeypatch):
    monkeypatch.setattr(searching, "MOST_SORTED", 7)
    answer = api.get(f"{URL}&ordering=score")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"path": "?ordering", "message": "More than 7 records cannot be sorted. Narrow the search or the criteria."}
    ]
    assert api.get(f"{URL}&ordering=-id").status_code == 200


def test_a_sorted_page_takes_the_same_number_of_queries_however_long_it_is(api, acme, people):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert api.get(f"{API}/records/?object_type=contact&ordering=-score").status_code == 200
        return len(captured)

    queries()
    few = queries()
    with account_scope(acme.pk):
        make.make_contacts(20)
    assert queries() == few


def test_others_records_are_in_no_order(stranger, people):
    assert stranger.get(f"{URL}&ordering=score").json()["results"] == []
