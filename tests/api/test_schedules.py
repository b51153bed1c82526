"""Schedules over the API: previews, runs, running now, skipping the next."""

from datetime import UTC, datetime

import pytest

from accounts.tenancy import account_scope
from scheduling import clock
from tests import make
from triggers.models import Occurrence

from .conftest import API

pytestmark = pytest.mark.django_db
PREVIEW = f"{API}/schedules/preview/"
FRIDAYS = {
    "frequency": "monthly",
    "flexible": {"ordinal": "last", "day": "friday"},
    "times": ["15:00"],
    "time_zone": "Europe/Oslo",
}
FROM_OSLO = {"property": "city", "operator": "eq", "value": "Oslo"}


@pytest.fixture
def january(db):
    clock.move_to(datetime(2027, 1, 1, 12, tzinfo=UTC))


@pytest.fixture
def flow(acme, january):
    with account_scope(acme.pk):
        make.make_contact(city="Oslo")
        make.make_contact(city="Bergen")
        return make.make_flow(schedule=FRIDAYS, criteria=FROM_OSLO, status="running")


def at(flow, path):
    return f"{API}/flows/{flow.pk}/{path}"


def test_a_schedule_says_what_it_means_and_when_it_runs(api, january):
    told = api.post(PREVIEW, FRIDAYS).json()
    assert told["sentence"] == "Every last Friday of the month at 15:00, Europe/Oslo"
    assert len(told["runs"]) == 10
    assert told["runs"][0] == {
        "at": "2027-01-29T14:00:00Z",
        "local": "2027-01-29T15:00:00+01:00",
        "shifted": False,
        "repeated": False,
    }


def test_a_schedule_warns_of_months_without_a_run(api, january):
    told = api.post(PREVIEW, {**FRIDAYS, "flexible": None, "days": [31]}).json()
    assert "months_without_run" in {warning["code"] for warning in told["warnings"]}


def test_a_preview_without_a_zone_takes_the_accounts(api, january):
    body = {name: value for name, value in FRIDAYS.items() if name != "time_zone"}
    assert api.post(PREVIEW, body).json()["runs"][0]["at"] == "2027-01-29T14:00:00Z"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "frequency"),
        ({**FRIDAYS, "times": ["25:00"]}, "times.0"),
        ({**FRIDAYS, "flexible": {"ordinal": "fifth", "day": "friday"}}, "flexible.ordinal"),
        ({**FRIDAYS, "colour": "red"}, "colour"),
        ({**FRIDAYS, "safety_brake": 0}, "safety_brake"),
        ([], ""),
        ("daily", ""),
    ],
)
def test_a_schedule_with_a_fault_names_its_place(api, body, path):
    answer = api.post(PREVIEW, body)
    assert answer.status_code == 422, answer.content
    assert path in {error["path"] for error in answer.json()["errors"]}


def test_a_preview_of_a_flow_says_who_matches_now_and_when_it_runs(api, flow):
    told = api.get(at(flow, "preview/")).json()
    assert told["matching"]["count"] == 1
    assert [each["properties"]["city"] for each in told["matching"]["examples"]] == ["Oslo"]
    assert "Oslo" in told["matching"]["sentence"]
    assert [run["at"] for run in told["schedule"]["runs"]][:2] == ["2027-01-29T14:00:00Z", "2027-02-26T14:00:00Z"]


def test_a_preview_shows_ten_examples_and_counts_all(api, acme, flow):
    with account_scope(acme.pk):
        make.make_contacts(20, city="Oslo")
    told = api.get(at(flow, "preview/")).json()["matching"]
    assert (told["count"], len(told["examples"])) == (21, 10)


def test_a_flow_without_a_schedule_has_nothing_to_preview(api, acme):
    with account_scope(acme.pk):
        flow = make.make_flow()
    assert api.get(at(flow, "preview/")).json() == {"matching": None, "schedule": None}


def test_running_now_makes_one_run_for_a_key(api, acme, flow):
    first = api.post(at(flow, "occurrences/"), headers={"Idempotency-Key": "k"})
    assert (first.status_code, first.json()["kind"], first.json()["status"]) == (201, "run_now", "pending")
    again = api.post(at(flow, "occurrences/"), headers={"Idempotency-Key": "k"})
    assert again.json() == first.json()
    other = api.post(at(flow, "occurrences/"))
    assert other.json()["id"] != first.json()["id"]
    shown = api.get(at(flow, "occurrences/")).json()["results"]
    assert {each["id"] for each in shown} == {first.json()["id"], other.json()["id"]}
    with account_scope(acme.pk):
        assert Occurrence.objects.get(pk=first.json()["id"]).idempotency_key == "k"


def test_runs_are_found_by_status(api, flow):
    api.post(at(flow, "occurrences/"))
    assert len(api.get(at(flow, "occurrences/?status=pending")).json()["results"]) == 1
    assert api.get(at(flow, "occurrences/?status=done")).json()["results"] == []
    assert api.get(at(flow, "occurrences/?status=over")).status_code == 422


def test_a_flow_that_is_not_running_is_not_run_now(api, acme):
    with account_scope(acme.pk):
        flow = make.make_flow(schedule={"frequency": "daily"})
    for path in ("occurrences/", "skip-next/"):
        answer = api.post(at(flow, path))
        assert (answer.status_code, answer.json()["code"]) == (409, "not_running")


def test_a_flow_without_a_schedule_is_not_run_now(api, acme):
    with account_scope(acme.pk):
        flow = make.make_flow(status="running")
    answer = api.post(at(flow, "occurrences/"))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_schedule")


def test_the_next_run_is_skipped_once(api, flow):
    for _ in range(2):
        answer = api.post(at(flow, "skip-next/"))
        assert (answer.status_code, answer.json()) == (200, {"run_at": "2027-01-29T14:00:00Z"})
