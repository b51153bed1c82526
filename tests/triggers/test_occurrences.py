"""Working through a run: everyone who matches, once, whatever happens meanwhile."""

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from participants import engine
from participants.models import Participant
from records.models import Record
from running import verbs
from scheduling import clock
from tests import make
from tests.triggers.stage import (
    DAILY,
    at,
    contacts,
    enrolled,
    fire_all,
    runs,
    scheduled,
    the_run,
    work_all,
)
from triggers import occurrences
from triggers.models import Trigger

IN_OSLO = {"property": "city", "operator": "eq", "value": "Oslo"}
NINE, NEXT_NINE = at("2027-03-10 09:00"), at("2027-03-11 09:00")


@pytest.fixture(autouse=True)
def _early(db: None) -> None:
    clock.move_to(at("2027-03-10 08:00"))


def test_everyone_who_matches_is_enrolled_and_counted(acme: Account) -> None:
    oslo, _bergen = contacts(acme, 3, city="Oslo"), contacts(acme, 2, city="Bergen")
    flow = scheduled(acme, DAILY, criteria=IN_OSLO)
    clock.move_to(NINE)
    fire_all()
    work_all()
    run = the_run(acme)
    assert (run.status, run.matched, run.enrolled, run.left_out) == ("done", 3, 3, {})
    assert run.started_at is not None
    assert run.ended_at is not None
    assert enrolled(acme, flow) == oslo


def test_a_run_that_nobody_matches_is_done(acme: Account) -> None:
    scheduled(acme, DAILY, criteria=IN_OSLO)
    clock.move_to(NINE)
    fire_all()
    work_all()
    assert (the_run(acme).status, the_run(acme).matched) == ("done", 0)


def test_a_paused_flow_queues_those_it_enrols(acme: Account) -> None:
    people = contacts(acme, 2)
    flow = scheduled(acme, DAILY, status="paused")
    clock.move_to(NINE)
    fire_all()
    work_all()
    assert enrolled(acme, flow) == people
    with account_scope(acme.pk):
        assert set(Participant.objects.values_list("status", "step_id")) == {("active", None)}


def test_a_record_made_after_the_firing_waits_for_the_next_run(acme: Account) -> None:
    early = contacts(acme, 2)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    late = contacts(acme, 2)
    work_all()
    assert enrolled(acme, flow) == early
    clock.move_to(NEXT_NINE)
    fire_all()
    work_all()
    assert enrolled(acme, flow) == early + late


def test_one_still_active_is_left_out_and_counted(acme: Account) -> None:
    people = contacts(acme, 3)
    flow = scheduled(acme, DAILY)
    with account_scope(acme.pk):
        make.make_participant(flow, Record.objects.get(pk=people[0]))
    clock.move_to(NINE)
    fire_all()
    work_all()
    run = the_run(acme)
    assert (run.matched, run.enrolled, run.left_out) == (3, 2, {"already_active": 1})


def test_everyone_is_enrolled_again_at_the_next_run_though_only_once_is_on(acme: Account) -> None:
    people = contacts(acme, 2)
    with account_scope(acme.pk):
        flow = make.make_flow(["finish"], status="running", only_once=True, schedule=DAILY)
    for moment in (NINE, NEXT_NINE):
        clock.move_to(moment)
        fire_all()
        work_all()
        while engine.advance(acme.pk, flow.pk):
            pass
    assert enrolled(acme, flow) == sorted(people * 2)
    with account_scope(acme.pk):
        assert set(Participant.objects.values_list("status", flat=True)) == {"finished"}


def test_one_who_no_longer_matches_is_not_enrolled(acme: Account) -> None:
    stays, moves = contacts(acme, 2, city="Oslo")
    flow = scheduled(acme, DAILY, criteria=IN_OSLO)
    with account_scope(acme.pk):
        Record.objects.filter(pk=moves).update(properties={"city": "Bergen"})
    clock.move_to(NINE)
    fire_all()
    work_all()
    assert enrolled(acme, flow) == [stays]


def test_relative_dates_count_from_the_moment_of_the_run_not_from_a_late_now(acme: Account) -> None:
    with account_scope(acme.pk):
        make.make_property("renewal", "date")
    due, _later = contacts(acme, 1, renewal="2027-03-10"), contacts(acme, 1, renewal="2027-03-11")
    today = {"property": "renewal", "operator": "is_today"}
    flow = scheduled(acme, {**DAILY, "times": ["23:30"]}, criteria=today)
    clock.move_to(at("2027-03-11 02:00"))
    fire_all()
    clock.move_to(at("2027-03-11 02:05"))
    work_all()
    assert enrolled(acme, flow) == due


def test_today_is_a_day_of_the_schedules_time_zone(acme: Account) -> None:
    with account_scope(acme.pk):
        make.make_property("renewal", "date")
    _yesterday, due = contacts(acme, 1, renewal="2027-03-10"), contacts(acme, 1, renewal="2027-03-11")
    criteria = {"property": "renewal", "operator": "is_today"}
    zone = {"frequency": "daily", "times": ["00:30"], "time_zone": "Europe/Oslo"}  # 23:30 in UTC
    flow = scheduled(acme, zone, criteria=criteria)
    clock.move_to(at("2027-03-10 23:31"))
    fire_all()
    work_all()
    assert enrolled(acme, flow) == due


@pytest.mark.usefixtures("small_chunks")
def test_accounts_whose_ids_interleave_enrol_only_their_own(acme: Account, globex: Account) -> None:
    ours: list[int] = []
    theirs: list[int] = []
    for _ in range(12):
        ours += contacts(acme, 1)
        theirs += contacts(globex, 2)
    flows = {account.pk: scheduled(account, DAILY) for account in (acme, globex)}
    clock.move_to(NINE)
    fire_all()
    work_all()
    assert enrolled(acme, flows[acme.pk]) == ours
    assert enrolled(globex, flows[globex.pk]) == theirs
    assert (the_run(acme).enrolled, the_run(globex).enrolled) == (12, 24)


@pytest.mark.usefixtures("small_chunks")
def test_gaps_between_the_accounts_ids_cost_no_chunks(acme: Account, globex: Account) -> None:
    contacts(acme, 5)
    contacts(globex, 50)
    contacts(acme, 5)
    scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    run = the_run(acme)
    assert occurrences.work(acme.pk, run.pk) is True
    assert occurrences.work(acme.pk, run.pk) is False
    assert the_run(acme).enrolled == 10


def test_the_safety_brake_aborts_before_anyone_is_enrolled(acme: Account) -> None:
    contacts(acme, 4)
    flow = scheduled(acme, DAILY, safety_brake=3)
    clock.move_to(NINE)
    fire_all()
    work_all()
    run = the_run(acme)
    assert (run.status, run.reason, run.matched, run.enrolled) == ("aborted", "safety_brake", 4, 0)
    assert enrolled(acme, flow) == []


def test_as_many_as_the_safety_brake_allows_are_enrolled(acme: Account) -> None:
    contacts(acme, 3)
    scheduled(acme, DAILY, safety_brake=3)
    clock.move_to(NINE)
    fire_all()
    work_all()
    assert (the_run(acme).status, the_run(acme).enrolled) == ("done", 3)


@pytest.mark.usefixtures("small_chunks")
def test_end_in_the_middle_aborts_the_run(acme: Account, owner: Actor) -> None:
    contacts(acme, 12)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    assert occurrences.work(acme.pk, the_run(acme).pk) is True
    verbs.end(acme.pk, flow.pk, by=owner)
    assert runs(acme) == [("03-10 09:00", "aborted", "flow_ended")]
    assert occurrences.work(acme.pk, the_run(acme).pk) is False
    assert (the_run(acme).enrolled, len(enrolled(acme, flow))) == (5, 5)


def test_a_run_of_an_earlier_activation_enrols_nobody(acme: Account) -> None:
    """What `end` did not see to, as when it was restored from a backup: the worker looks for itself."""
    contacts(acme, 2)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    with every_account(), connection.cursor() as cursor:
        cursor.execute("update flows_activation set ended_at = now() where flow_id = %s", [flow.pk])
    work_all()
    assert runs(acme) == [("03-10 09:00", "aborted", "flow_ended")]
    assert enrolled(acme, flow) == []


@pytest.mark.usefixtures("small_chunks")
def test_criteria_edited_while_paused_do_not_split_a_run(acme: Account) -> None:
    people = contacts(acme, 12, city="Oslo")
    flow = scheduled(acme, DAILY, status="paused", criteria=IN_OSLO)
    clock.move_to(NINE)
    fire_all()
    assert occurrences.work(acme.pk, the_run(acme).pk) is True
    with account_scope(acme.pk):
        Trigger.objects.update(criteria={"property": "city", "operator": "eq", "value": "Bergen"})
    work_all()
    assert enrolled(acme, flow) == people


def test_criteria_that_name_a_property_that_is_gone_fail_the_run(acme: Account) -> None:
    contacts(acme, 2)
    flow = scheduled(acme, DAILY, criteria={"property": "no_such", "operator": "eq", "value": "x"})
    clock.move_to(NINE)
    fire_all()
    work_all()
    assert runs(acme) == [("03-10 09:00", "failed", "criteria_invalid")]
    assert enrolled(acme, flow) == []


@pytest.mark.usefixtures("small_chunks")
def test_the_oldest_run_of_each_account_comes_first(acme: Account, globex: Account) -> None:
    for account, flows in ((acme, 3), (globex, 1)):
        for _ in range(flows):
            scheduled(account, DAILY)
    clock.move_to(NINE)
    fire_all()
    found = occurrences.to_do(2)
    assert sorted(account_id for account_id, _run in found) == sorted([acme.pk, globex.pk])
