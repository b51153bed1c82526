"""Working through a run: everyone who matches, once, whatever happens meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from django.db import OperationalError, connection, connections

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from flows.models import Flow
from participants import engine
from participants.models import Participant
from records.models import Record
from running import verbs
from scheduling import clock
from tests import make
from tests.triggers.stage import (
    DAILY,
    at,
    enrolled,
    fire_all,
    in_threads,
    make_account,
    runs,
    scheduled,
    the_run,
    work_all,
)
from triggers import firing, occurrences
from triggers.models import Occurrence, Schedule, Trigger

IN_OSLO = {"property": "city", "operator": "eq", "value": "Oslo"}
NINE, NEXT_NINE = at("2027-03-10 09:00"), at("2027-03-11 09:00")


@pytest.fixture(autouse=True)
def _early(db: None) -> None:
    clock.move_to(at("2027-03-10 08:00"))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five records a chunk, so that few records make many."""
    monkeypatch.setattr(occurrences, "CHUNK", 5)


def contacts(account: Account, n: int, **properties: object) -> list[int]:
    with account_scope(account.pk):
        return [record.pk for record in make.make_contacts(n, **properties)]


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_chunks")
def test_a_worker_that_dies_in_a_chunk_loses_nobody_and_doubles_nobody() -> None:
    acme = make_account("Acme")
    people = contacts(acme, 23)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    run = the_run(acme)
    with raising(people[11], "perform pg_terminate_backend(pg_backend_pid());"):
        assert occurrences.work(acme.pk, run.pk) is True
        assert occurrences.work(acme.pk, run.pk) is True
        with pytest.raises(OperationalError):
            occurrences.work(acme.pk, run.pk)
        connections.close_all()
        assert (the_run(acme).cursor, the_run(acme).enrolled) == (people[9], 10)
    work_all()
    assert enrolled(acme, flow) == people
    assert (the_run(acme).status, the_run(acme).enrolled) == ("done", 23)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_chunks")
def test_a_run_that_fails_again_and_again_stops_and_says_so() -> None:
    acme = make_account("Acme")
    people = contacts(acme, 12)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    with raising(people[7], "raise exception 'out of order';"):
        for _ in range(2):
            work_all()
        assert (the_run(acme).status, the_run(acme).failures) == ("running", 2)
        for _ in range(4):
            work_all()
    assert runs(acme) == [("03-10 09:00", "failed", "error")]
    assert enrolled(acme, flow) == people[:5]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_chunks")
def test_two_workers_on_one_run_enrol_everyone_once() -> None:
    acme = make_account("Acme")
    people = contacts(acme, 103)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    run = the_run(acme)

    def worker() -> None:
        while the_run(acme).status in ("pending", "running"):
            occurrences.work(acme.pk, run.pk)

    in_threads(worker, worker)
    assert enrolled(acme, flow) == people
    assert (the_run(acme).status, the_run(acme).matched, the_run(acme).enrolled) == ("done", 103, 103)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_chunks")
def test_when_end_has_returned_nobody_more_is_enrolled() -> None:
    acme = make_account("Acme")
    by = Actor.flyt(acme.pk)
    contacts(acme, 200)
    for _ in range(3):
        flow = scheduled(acme, DAILY, next_run_at=NINE)
        clock.move_to(NINE)
        after: list[int] = []
        stopped = threading.Event()

        def worker(stopped: threading.Event = stopped) -> None:
            while not stopped.is_set():
                fire_all()
                work_all()

        def ender(flow: Flow = flow, stopped: threading.Event = stopped, after: list[int] = after) -> None:
            while not enrolled(acme, flow):
                pass
            verbs.end(acme.pk, flow.pk, by=by)
            after.append(len(enrolled(acme, flow)))
            for _ in range(20):
                work_all()
            stopped.set()

        in_threads(worker, ender)
        assert len(enrolled(acme, flow)) == after[0] < 200
        assert the_run(acme, flow=flow).status == "aborted"


@pytest.mark.django_db(transaction=True)
def test_when_pause_has_returned_newcomers_wait_in_the_queue() -> None:
    """A worker stands still in the middle of its chunk while the flow is paused: the pause waits for it."""
    acme = make_account("Acme")
    people = contacts(acme, 3)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    run = the_run(acme)
    walking_at_pause: list[int] = []

    def walking() -> int:
        with account_scope(acme.pk):
            return Participant.objects.filter(flow=flow, step_id__isnull=False).count()

    def pauser() -> None:
        until(lambda: waiting_for_a_lock() == 1)
        verbs.pause(acme.pk, flow.pk, by=Actor.flyt(acme.pk))
        walking_at_pause.append(walking())

    def releaser() -> None:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(42)")
            holding.set()
            until(lambda: waiting_for_a_lock() == 2 or bool(walking_at_pause))
            cursor.execute("select pg_advisory_unlock(42)")

    def worker() -> None:
        holding.wait(10)
        occurrences.work(acme.pk, run.pk)

    holding = threading.Event()
    with raising(people[1], "perform pg_advisory_xact_lock(42);"):
        in_threads(releaser, worker, pauser)
    assert walking_at_pause == [walking()] == [3]


def waiting_for_a_lock() -> int:
    """How many sessions wait for an advisory lock."""
    with connection.cursor() as cursor:
        cursor.execute("""
            select count(*) from pg_locks where locktype = 'advisory' and not granted
              and database = (select oid from pg_database where datname = current_database())
        """)
        return int(cursor.fetchone()[0])


def until(is_so: Callable[[], bool]) -> None:
    """Look again and again, for ten seconds at most."""
    end = monotonic() + 10
    while not is_so():
        assert monotonic() < end


@pytest.mark.django_db(transaction=True)
def test_an_end_that_races_with_firing_leaves_no_run_open() -> None:
    acme = make_account("Acme")
    by = Actor.flyt(acme.pk)
    flows = [scheduled(acme, DAILY) for _ in range(40)]
    clock.move_to(NINE)

    def end_all() -> None:
        for flow in flows:
            verbs.end(acme.pk, flow.pk, by=by)

    def fire() -> None:
        for _ in range(60):
            firing.fire_due(limit=3)

    in_threads(end_all, fire)
    assert {status for _moment, status, _reason in runs(acme)} <= {"aborted"}
    with account_scope(acme.pk):
        assert Schedule.objects.filter(next_run_at__isnull=False).count() == 0
        assert Occurrence.objects.count() <= 40


@contextmanager
def raising(record_id: int, statement: str) -> Iterator[None]:
    """Whoever enrols this record runs `statement`, in the database itself."""
    with connection.cursor() as cursor, connection.as_owner():  # type: ignore[attr-defined]
        cursor.execute(f"""
            create function stumble() returns trigger language plpgsql security definer as
              $$ begin if new.record_id = {record_id} then {statement} end if; return new; end $$;
            create trigger stumble before insert on participants_participant
              for each row execute function stumble();
        """)
    try:
        yield
    finally:
        with connection.cursor() as cursor, connection.as_owner():  # type: ignore[attr-defined]
            cursor.execute("drop trigger stumble on participants_participant; drop function stumble()")
