"""Working through a run while workers die, others work beside, and people turn the switch."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from django.db import OperationalError, connection, connections

from accounts.actors import Actor
from accounts.tenancy import account_scope
from flows.models import Flow
from participants.models import Participant
from running import verbs
from scheduling import clock
from tests.triggers.stage import (
    DAILY,
    at,
    contacts,
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
from triggers.models import Occurrence, Schedule

NINE = at("2027-03-10 09:00")


@pytest.fixture(autouse=True)
def _early(db: None) -> None:
    clock.move_to(at("2027-03-10 08:00"))


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
@pytest.mark.parametrize("code", ["40P01", "40001"])  # a deadlock, a failed serialisation
def test_a_chunk_that_clashes_is_tried_again_and_counts_as_no_failure(code: str) -> None:
    acme = make_account("Acme")
    people = contacts(acme, 12)
    flow = scheduled(acme, DAILY)
    clock.move_to(NINE)
    fire_all()
    run = the_run(acme)
    with counting("clashes"):
        once = f"if nextval('clashes') = 1 then raise exception 'a clash' using errcode = '{code}'; end if;"
        with raising(people[0], once):
            assert occurrences.work(acme.pk, run.pk) is True
            assert (the_run(acme).failures, enrolled(acme, flow)) == (0, []), "nothing of it has been written"
            work_all()
    assert (the_run(acme).status, the_run(acme).failures, enrolled(acme, flow)) == ("done", 0, people)


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
def counting(name: str) -> Iterator[None]:
    """A sequence: what counts how often it was called is not taken back with the transaction."""
    with connection.cursor() as cursor, connection.as_owner():  # type: ignore[attr-defined]
        cursor.execute(f"create sequence {name}")
    try:
        yield
    finally:
        with connection.cursor() as cursor, connection.as_owner():  # type: ignore[attr-defined]
            cursor.execute(f"drop sequence {name}")


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
