"""The schedule of a flow: saving it, starting and ending with it, run now and skip next."""

from datetime import datetime
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows.models import Flow
from running import verbs
from scheduling import clock
from scheduling.recurrence import RecurrenceError
from tests import make
from tests.triggers.stage import (
    DAILY,
    at,
    enrolled,
    fire_all,
    in_threads,
    make_account,
    runs,
    schedule_of,
    scheduled,
    work_all,
)
from triggers import schedules
from triggers.models import Occurrence, Schedule, Trigger

AT_NOON = {**DAILY, "times": ["12:00"]}


@pytest.fixture(autouse=True)
def _early(db: None) -> None:
    clock.move_to(at("2027-03-10 08:00"))


def with_trigger(account: Account, *, status: str = "not_running", **fields: Any) -> Flow:
    """A flow whose schedule trigger has no schedule yet."""
    with account_scope(account.pk):
        flow = make.make_flow(["wait 1 days"], status=status, time_zone="UTC", **fields)
        Trigger.objects.create(flow=flow, kind="schedule", criteria={"all": []})
    return flow


def save(account: Account, flow: Flow, data: object) -> Schedule:
    with account_scope(account.pk):
        return schedules.save(flow.triggers.get(), data)


def moments(found: list[Any]) -> list[datetime]:
    return [run.at for run in found]


def test_a_schedule_is_saved_in_the_flows_time_zone_with_what_was_left_out(acme: Account) -> None:
    flow = with_trigger(acme)
    save(acme, flow, {"frequency": "daily", "times": ["12:00"], "safety_brake": 500})
    schedule = schedule_of(acme, flow)
    assert schedule.recurrence == {"frequency": "daily", "times": ["12:00"], "time_zone": "UTC", "interval": 1} | {
        "excluded_dates": []
    }
    assert (schedule.catch_up, schedule.safety_brake) == ("latest", 500)
    assert schedule.next_run_at is None


@pytest.mark.parametrize("status", ["running", "paused"])
def test_saving_in_a_flow_that_is_on_takes_effect_at_once(acme: Account, status: str) -> None:
    flow = with_trigger(acme, status=status)
    save(acme, flow, AT_NOON)
    assert schedule_of(acme, flow).next_run_at == at("2027-03-10 12:00")
    save(acme, flow, {**AT_NOON, "times": ["07:00", "17:30"]})
    assert schedule_of(acme, flow).next_run_at == at("2027-03-10 17:30")


def test_the_next_run_is_strictly_after_now(acme: Account) -> None:
    flow = with_trigger(acme, status="running")
    clock.move_to(at("2027-03-10 12:00"))
    save(acme, flow, AT_NOON)
    assert schedule_of(acme, flow).next_run_at == at("2027-03-11 12:00")


def test_a_run_that_came_due_before_the_schedule_was_saved_is_not_lost(acme: Account) -> None:
    flow = with_trigger(acme, status="paused")
    save(acme, flow, AT_NOON)
    clock.move_to(at("2027-03-10 12:00:01"))
    save(acme, flow, {**AT_NOON, "times": ["15:00"]})
    assert runs(acme) == [("03-10 12:00", "pending", "")]
    assert schedule_of(acme, flow).next_run_at == at("2027-03-10 15:00")


def test_saving_the_same_again_keeps_what_is_to_be_skipped_and_another_moment_does_not(
    acme: Account, owner: Actor
) -> None:
    flow = with_trigger(acme, status="running")
    save(acme, flow, AT_NOON)
    skipped = schedules.skip_next(acme.pk, flow.pk, by=owner)
    save(acme, flow, AT_NOON)
    assert schedule_of(acme, flow).skip_run_at == skipped
    save(acme, flow, {**AT_NOON, "times": ["13:00"]})
    assert schedule_of(acme, flow).skip_run_at is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"times": ["25:00"]}, "times.0"),
        ({"frequency": "hourly"}, "frequency"),
        ({"catch_up": "some"}, "catch_up"),
        ({"safety_brake": 0}, "safety_brake"),
        ({"safety_brake": "many"}, "safety_brake"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_and_changes_nothing(
    acme: Account, change: dict[str, Any], path: str
) -> None:
    flow = with_trigger(acme, status="running")
    save(acme, flow, AT_NOON)
    with pytest.raises(RecurrenceError) as refused:
        save(acme, flow, {**AT_NOON, **change})
    assert [place for place, _message in refused.value.errors] == [path]
    assert schedule_of(acme, flow).recurrence["times"] == ["12:00"]


def test_every_fault_is_told_at_once(acme: Account) -> None:
    flow = with_trigger(acme)
    with pytest.raises(RecurrenceError) as refused:
        save(acme, flow, {"frequency": "daily", "times": [], "catch_up": "some", "safety_brake": -1})
    assert {place for place, _message in refused.value.errors} == {"times", "catch_up", "safety_brake"}


@pytest.mark.parametrize("data", [None, "daily", []])
def test_what_is_no_object_is_refused(acme: Account, data: object) -> None:
    flow = with_trigger(acme)
    with pytest.raises(RecurrenceError):
        save(acme, flow, data)


def test_start_arms_end_disarms_and_start_arms_anew(acme: Account, owner: Actor) -> None:
    flow = with_trigger(acme)
    save(acme, flow, AT_NOON)
    verbs.start(acme.pk, flow.pk, by=owner)
    assert schedule_of(acme, flow).next_run_at == at("2027-03-10 12:00")
    verbs.pause(acme.pk, flow.pk, by=owner)
    verbs.resume(acme.pk, flow.pk, by=owner)
    assert schedule_of(acme, flow).next_run_at == at("2027-03-10 12:00")
    verbs.end(acme.pk, flow.pk, by=owner)
    assert schedule_of(acme, flow).next_run_at is None
    clock.move_to(at("2027-03-12 12:00"))
    assert fire_all() == 0
    verbs.start(acme.pk, flow.pk, by=owner)
    assert schedule_of(acme, flow).next_run_at == at("2027-03-13 12:00")
    assert runs(acme) == []


def test_a_resume_does_not_lose_a_run_that_is_due(acme: Account, owner: Actor) -> None:
    flow = with_trigger(acme, status="paused")
    save(acme, flow, AT_NOON)
    clock.move_to(at("2027-03-10 12:00"))
    verbs.resume(acme.pk, flow.pk, by=owner)
    fire_all()
    assert runs(acme) == [("03-10 12:00", "pending", "")]


def test_end_aborts_the_runs_that_wait(acme: Account, owner: Actor) -> None:
    flow = scheduled(acme, AT_NOON)
    other = scheduled(acme, AT_NOON)
    clock.move_to(at("2027-03-10 12:00"))
    fire_all()
    verbs.end(acme.pk, flow.pk, by=owner)
    assert runs(acme, flow) == [("03-10 12:00", "aborted", "flow_ended")]
    assert runs(acme, other) == [("03-10 12:00", "pending", "")]


def test_the_coming_runs_are_those_of_the_recurrence(acme: Account) -> None:
    flow = scheduled(acme, {**DAILY, "frequency": "monthly", "days": [31], "times": ["15:00"]})
    with account_scope(acme.pk):
        found = schedules.coming(flow, limit=3)
    assert moments(found) == [at("2027-03-31 15:00"), at("2027-05-31 15:00"), at("2027-07-31 15:00")]


def test_no_run_comes_after_the_end_of_enrolment_or_in_a_flow_that_stands_still(acme: Account) -> None:
    still = scheduled(acme, AT_NOON, status="not_running")
    with account_scope(acme.pk):
        assert schedules.coming(still) == []
        limited = make.make_flow(status="running", schedule=AT_NOON, enrolment_ends_at=at("2027-03-12 12:00"))
        assert moments(schedules.coming(limited)) == [at("2027-03-10 12:00"), at("2027-03-11 12:00")]


def test_a_preview_says_when_it_would_run_and_saves_nothing(acme: Account) -> None:
    data = {"frequency": "monthly", "days": [31], "times": ["15:00"], "catch_up": "all"}
    with account_scope(acme.pk):
        preview = schedules.preview(data, time_zone="Europe/Oslo", limit=2)
        assert Schedule.objects.count() == 0
    assert preview.sentence == "Every month on the 31st at 15:00, Europe/Oslo"
    assert moments(preview.runs) == [at("2027-03-31 13:00"), at("2027-05-31 13:00")]
    assert "months_without_run" in [warning.code for warning in preview.warnings]


def test_skip_next_skips_the_coming_run_and_asking_twice_skips_one(acme: Account, owner: Actor) -> None:
    flow = scheduled(acme, AT_NOON)
    assert schedules.skip_next(acme.pk, flow.pk, by=owner) == at("2027-03-10 12:00")
    assert schedules.skip_next(acme.pk, flow.pk, by=owner) == at("2027-03-10 12:00")
    for moment in ("2027-03-10 12:00", "2027-03-11 12:00"):
        clock.move_to(at(moment))
        fire_all()
    assert runs(acme) == [("03-10 12:00", "skipped", "skipped_by_hand"), ("03-11 12:00", "pending", "")]
    with account_scope(acme.pk):
        assert History.objects.filter(subject="flow", verb="skip_next").count() == 1


def refusal(verb: Any, account: Account, flow: Flow, by: Actor) -> str:
    with pytest.raises(NotAllowed) as refused:
        verb(account.pk, flow.pk, by=by)
    return refused.value.code


def test_skip_next_needs_a_flow_that_is_on_and_has_a_coming_run(acme: Account, owner: Actor) -> None:
    still = scheduled(acme, AT_NOON, status="not_running")
    over = scheduled(acme, {"frequency": "once", "on": "2027-03-01", "time_zone": "UTC"})
    bare = with_trigger(acme, status="running")
    assert refusal(schedules.skip_next, acme, still, owner) == "not_running"
    assert refusal(schedules.skip_next, acme, over, owner) == "no_coming_run"
    assert refusal(schedules.skip_next, acme, bare, owner) == "no_schedule"


@pytest.mark.parametrize("status", ["running", "paused"])
def test_run_now_enrols_at_once_and_leaves_the_next_run_alone(acme: Account, owner: Actor, status: str) -> None:
    with account_scope(acme.pk):
        people = [record.pk for record in make.make_contacts(2)]
    flow = scheduled(acme, AT_NOON, status=status)
    run = schedules.run_now(acme.pk, flow.pk, by=owner)
    assert (run.kind, run.status) == ("run_now", "pending")
    work_all()
    assert enrolled(acme, flow) == people
    assert schedule_of(acme, flow).next_run_at == at("2027-03-10 12:00")
    with account_scope(acme.pk):
        assert History.objects.get(subject="flow", verb="run_now").by_name == "Olga Owner"


def test_run_now_with_the_same_key_is_one_run_also_after_the_end(acme: Account, owner: Actor) -> None:
    flow = scheduled(acme, AT_NOON)
    first = schedules.run_now(acme.pk, flow.pk, by=owner, idempotency_key="a")
    assert schedules.run_now(acme.pk, flow.pk, by=owner, idempotency_key="a").pk == first.pk
    assert schedules.run_now(acme.pk, flow.pk, by=owner, idempotency_key="b").pk != first.pk
    assert schedules.run_now(acme.pk, flow.pk, by=owner).pk != schedules.run_now(acme.pk, flow.pk, by=owner).pk
    verbs.end(acme.pk, flow.pk, by=owner)
    assert schedules.run_now(acme.pk, flow.pk, by=owner, idempotency_key="a").pk == first.pk


def test_run_now_needs_a_flow_that_is_on_with_a_schedule_and_criteria(acme: Account, owner: Actor) -> None:
    still = scheduled(acme, AT_NOON, status="not_running")
    bare = with_trigger(acme, status="running")
    nobody = scheduled(acme, AT_NOON)
    closed = scheduled(acme, AT_NOON)
    with account_scope(acme.pk):
        Trigger.objects.filter(flow=nobody).update(criteria=None)
        Flow.objects.filter(pk=closed.pk).update(enrolment_ends_at=at("2027-03-10 08:00"))
    assert refusal(schedules.run_now, acme, still, owner) == "not_running"
    assert refusal(schedules.run_now, acme, bare, owner) == "no_schedule"
    assert refusal(schedules.run_now, acme, nobody, owner) == "criteria_missing"
    assert refusal(schedules.run_now, acme, closed, owner) == "enrolment_closed"


def test_another_accounts_flow_cannot_be_commanded(acme: Account, globex: Account, owner: Actor) -> None:
    flow = scheduled(globex, AT_NOON)
    for verb in (schedules.run_now, schedules.skip_next):
        with pytest.raises(Flow.DoesNotExist):
            verb(acme.pk, flow.pk, by=owner)


@pytest.mark.django_db(transaction=True)
def test_one_key_pressed_twice_at_once_is_one_run() -> None:
    acme = make_account("Acme")
    flow = scheduled(acme, AT_NOON)
    found: list[int] = []

    def press() -> None:
        found.append(schedules.run_now(acme.pk, flow.pk, by=Actor.flyt(acme.pk), idempotency_key="a").pk)

    in_threads(press, press, press)
    assert len(found) == 3
    assert len(set(found)) == 1
    with account_scope(acme.pk):
        assert Occurrence.objects.count() == 1
