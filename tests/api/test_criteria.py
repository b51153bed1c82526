"""Trying criteria: their faults by place, what they say in three languages, whom they take now."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tenancy import account_scope
from records import matching
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/criteria/preview/"
IN_OSLO = {"all": [{"property": "city", "operator": "eq", "value": "Oslo"}]}


@pytest.fixture
def people(acme, api):
    with account_scope(acme.pk):
        return [make.make_contact(first_name=f"Ann {n}", email=f"ann{n}@a.no", city="Oslo") for n in range(12)]


def ask(client, tree, **more):
    return client.post(URL, {"criteria": tree, **more})


def test_it_answers_with_a_sentence_a_count_and_the_ten_newest(api, people):
    answer = ask(api, IN_OSLO)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["sentence"] == "City is Oslo"
    assert found["count"] == 12
    assert found["sample"] == [{"id": each.pk, "name": f"{each.properties['first_name']}"} for each in people[:1:-1]]


@pytest.mark.parametrize("language", ["nb", "sv"])
def test_the_sentence_is_in_the_language_of_the_request(api, people, language):
    answer = api.post(URL, {"criteria": IN_OSLO}, HTTP_ACCEPT_LANGUAGE=language)
    assert answer.json()["sentence"].endswith("är Oslo" if language == "sv" else "er Oslo")


def test_every_fault_is_told_with_its_place(api, people):
    tree = {"all": [{"property": "nope", "operator": "eq"}, {"any": [{"property": "score", "operator": "gt"}]}]}
    answer = ask(api, tree)
    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == [
        "criteria.all.0.property",
        "criteria.all.1.any.0.value",
    ]
    assert ask(api, IN_OSLO, object_type="ship").json()["errors"][0]["path"] == "object_type"
    assert api.post(URL, {}).json()["errors"][0]["path"] == "criteria"


def test_records_and_lists_of_others_count_for_nothing(api, acme, stranger, globex, people):
    with account_scope(globex.pk):
        theirs = make.make_list("Theirs", [make.make_contact(city="Oslo")])
    assert ask(stranger, IN_OSLO).json()["count"] == 1
    assert ask(api, IN_OSLO).json()["count"] == 12
    refused = ask(api, {"list": theirs.pk, "operator": "in"})
    assert refused.json()["errors"][0]["path"] == "criteria.list"


def test_whoever_may_see_may_ask(as_role, nobody, people):
    assert ask(as_role("viewer"), IN_OSLO).json()["count"] == 12
    assert ask(nobody, IN_OSLO).status_code == 401


def test_looking_that_takes_too_long_is_given_up(api, people, monkeypatch):
    monkeypatch.setattr(matching, "WHERE", matching.WHERE.replace("records_record r", "records_record r, pg_sleep(5)"))
    monkeypatch.setattr(matching, "PATIENCE", 50)
    found = ask(api, IN_OSLO).json()
    assert (found["count"], found["sample"]) == (None, [])


def test_it_takes_the_same_number_of_queries_however_many_are_found(api, acme, people):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert ask(api, IN_OSLO).status_code == 200
        return len(captured)

    queries()
    few = queries()
    with account_scope(acme.pk):
        for _ in range(20):
            make.make_contact(city="Oslo")
    assert queries() == few
