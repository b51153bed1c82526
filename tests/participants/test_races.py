"""The races that the engine is built against: each is won, and is lost again when its mechanism is taken out."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import connection, connections

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from flows.models import Flow, FlowStatus
from flows.steps.base import Batch
from participants import engine, enrolment, lifecycle, statistics, tasks, waking
from participants.models import Participant
from records import events
from records.models import Record
from running import verbs
from scheduling.clock import now
from tests.make import make_contact, make_contacts, make_flow, make_participant, steps_of
from tests.participants.test_pause import wait_for
from triggers import matching

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "select count(*) = {n} from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


@contextmanager
def session() -> Iterator[Any]:
    """A cursor of the owner's own session, in a transaction that is rolled back unless the block commits."""
    plain = psycopg2.connect(**connection.get_connection_params())
    try:
        with plain.cursor() as cursor:
            cursor.execute("select session_user::text")
            cursor.execute("select set_config('role', %s, false)", cursor.fetchone())
            plain.commit()
            yield cursor
    finally:
        plain.close()


@contextmanager
def beside(*works: Callable[[], object]) -> Iterator[None]:
    """Each of `works` in a thread beside the block, which lets them end; what one raises fails the test."""
    raised: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join(30)
    assert raised == [] and not any(thread.is_alive() for thread in threads)


def advance(flow: Flow) -> None:
    """Let whoever is due go as far as they can."""
    for _ in range(20):
        engine.advance(flow.account_id, flow.pk, seconds=0.5)


# --- Only once ---------------------------------------------------------------------------------------------


@contextmanager
def without_index(name: str) -> Iterator[None]:
    """The database without one of its indexes."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute("select pg_get_indexdef(%s::regclass)", [name])
        definition = cursor.fetchone()[0]
        cursor.execute(f"drop index {name}")
    try:
        yield
    finally:
        with every_account(), connection.cursor() as cursor:
            cursor.execute("truncate participants_participant")
            cursor.execute(definition)


def walks_after_two_enrolments(account: Account) -> int:
    """How often somebody walks a flow "only once" who is enrolled while an earlier look still knows of no walk.

    The second enrolment has looked, and waits for another person's row; meanwhile the first enrols and the walk ends.
    """
    with account_scope(account.pk):
        flow = make_flow(["finish"], status=FlowStatus.RUNNING, email=False, only_once=True)
        first, person = make_contacts(2)
        place = steps_of(flow)[0].pk
    by = Actor.flyt(account.pk)
    with session() as holder, session() as watcher:
        holder.execute(
            "insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop,"
            " failures, succeeded, success_criterion, cause, only_once, depth, enrolled_at)"
            " values (%s, %s, %s, 'active', '', %s, 0, 0, false, '', 'by_hand', true, 0, now())",
            [account.pk, flow.pk, first.pk, place],
        )
        late = [first.pk, person.pk]
        with beside(lambda: enrolment.enrol_records(account.pk, flow.pk, late, by=by)):
            wait_for(watcher, WAITING.format(n=1))
            enrolment.enrol_records(account.pk, flow.pk, [person.pk], by=by)
            advance(flow)
            holder.connection.rollback()
    with account_scope(account.pk):
        assert Participant.objects.filter(record=first).count() == 1, "the late enrolment did go through"
        return Participant.objects.filter(record=person).count()


def test_whoever_goes_once_goes_once_though_two_enrol_at_the_same_time(acme: Account) -> None:
    assert walks_after_two_enrolments(acme) == 1


def test_without_its_unique_index_only_once_is_twice(acme: Account) -> None:
    with without_index("only_once"):
        assert walks_after_two_enrolments(acme) == 2


# --- Wait for an event -------------------------------------------------------------------------------------


@dataclass
class Waiting:
    """Somebody on their way into a wait for an event, in a running flow."""

    account: Account
    flow: Flow
    person: Record
    place: int  # the step that waits

    def happens(self) -> None:
        """The event, and the matcher."""
        with account_scope(self.account.pk):
            events.record_events("custom.bought", [self.person.pk])
        matching.match(self.account.pk)

    def walk(self) -> Participant:
        """The participant as read now."""
        with account_scope(self.account.pk):
            return Participant.objects.get(record=self.person)


@pytest.fixture
def waiting(acme: Account) -> Waiting:
    wait = {"kind": "wait_for_event", "settings": {"events": [{"event": "custom.bought", "detail": {}}]}}
    with account_scope(acme.pk):
        flow = make_flow([{"update_record": {"city": "Oslo"}}, wait], email=False)
        person = make_contact(city="Moss")
    verbs.start(acme.pk, flow.pk, by=Actor.flyt(acme.pk))
    with account_scope(acme.pk):
        flow.refresh_from_db()
        first, second, _finish = steps_of(flow)
        make_participant(flow, person, step=first)
    return Waiting(acme, flow, person, second.pk)


def test_what_happens_between_arrival_and_look_is_seen_by_the_look(waiting: Waiting) -> None:
    turn = engine._Slice(waiting.account.pk, waiting.flow.pk)
    engine.advance_step(turn, steps_of_in(waiting)[0])
    assert waiting.walk().step_id == waiting.place, "arrived, and has not looked yet"
    waiting.happens()
    advance(waiting.flow)
    assert waiting.walk().status == "finished"


def steps_of_in(waiting: Waiting) -> list[int]:
    with account_scope(waiting.account.pk):
        return [step.pk for step in steps_of(waiting.flow)]


def happens_during_the_look(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> Participant:
    """Let the event happen when the look has seen nothing and has not committed; the walk after everything."""
    looked, go_on = threading.Event(), threading.Event()
    hold = lifecycle.hold_batch

    def held(*args: Any, **options: Any) -> None:
        looked.set()
        go_on.wait(20)
        hold(*args, **options)

    engine.advance_step(engine._Slice(waiting.account.pk, waiting.flow.pk), steps_of_in(waiting)[0])
    monkeypatch.setattr(lifecycle, "hold_batch", held)
    matched = threading.Event()

    def happens() -> None:
        waiting.happens()
        matched.set()

    with session() as watcher, beside(lambda: advance(waiting.flow)):
        assert looked.wait(20)
        with beside(happens):
            wait_for(watcher, WAITING.format(n=1), matched)
            go_on.set()
    advance(waiting.flow)
    return waiting.walk()


def test_what_happens_during_the_look_wakes_the_one_who_waits(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert happens_during_the_look(waiting, monkeypatch).status == "finished"


def test_a_wake_that_skips_who_is_being_looked_at_leaves_them_asleep(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipping = waking.WAKE.replace("for no key update", "for no key update skip locked")
    assert skipping != waking.WAKE
    monkeypatch.setattr(waking, "WAKE", skipping)
    stuck = happens_during_the_look(waiting, monkeypatch)
    assert (stuck.status, stuck.step_id, stuck.due_at) == ("active", waiting.place, None)


def test_arriving_and_looking_in_one_transaction_would_miss_what_happens(waiting: Waiting) -> None:
    with session() as engine_session:
        engine_session.execute(
            "select count(*) from records_event where record_id = %s and kind = 'custom.bought'", [waiting.person.pk]
        )
        assert engine_session.fetchone() == (0,)
        waiting.happens()  # the matcher finds nobody there
        engine_session.execute(
            "update participants_participant set step_id = %s, hop = hop + 1, due_at = null where record_id = %s",
            [waiting.place, waiting.person.pk],
        )
        engine_session.connection.commit()
    advance(waiting.flow)
    stuck = waiting.walk()
    assert (stuck.status, stuck.step_id, stuck.due_at) == ("active", waiting.place, None)


# --- Everybody is in somebody else's hands -----------------------------------------------------------------


def test_whoever_finds_all_who_are_due_in_other_hands_leaves_them_to_those(acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow([{"update_record": {"city": "Oslo"}}, "wait 1 day"], status=FlowStatus.RUNNING, email=False)
        for place, person in enumerate(make_contacts(4)):
            make_participant(flow, person, step=steps_of(flow)[0] if place else None)
    claims: list[str] = []

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        claims.extend([sql] if "skip locked" in sql and "insert into batch" in sql else [])
        return execute(sql, *rest)

    with session() as holder, connection.execute_wrapper(count):
        holder.execute("select 1 from participants_participant for no key update")
        assert engine.advance(acme.pk, flow.pk, seconds=10) is False
        assert len(claims) == 2, "a look at each of the two places"
        with every_account(), connection.cursor() as cursor:
            cursor.execute(tasks.DUE_FLOWS, {"now": now()})
            assert cursor.fetchall() == [(acme.pk, flow.pk)], "the next tick asks again"
        holder.connection.rollback()
    engine.advance(acme.pk, flow.pk, seconds=10)
    with account_scope(acme.pk):
        assert not Participant.objects.filter(due_at__lte=now()).exists()


# --- Record updates in the order of the records ------------------------------------------------------------


def update_from_both_ends(account: Account) -> list[str]:
    """Two flows update the same three people, one from either end, and meet at the one in the middle.

    Returns the cities in which they end up, which tells that both flows came through.
    """
    flows = []
    with account_scope(account.pk):
        people = make_contacts(2_000, city="Moss")[::700]  # among so many they are looked up one by one
        for name, order in (("Oslo", people), ("Bergen", people[::-1])):
            flow = make_flow([{"update_record": {"city": name}}], status=FlowStatus.RUNNING, email=False)
            flows.append(flow)
            for place, person in enumerate(order):
                due_at = now() - timedelta(seconds=9 - place)
                make_participant(flow, person, step=steps_of(flow)[0], due_at=due_at)
    with every_account(), connection.cursor() as cursor:
        cursor.execute("analyze records_record")

    def work(flow: Flow) -> None:
        with connection.cursor() as cursor:  # the batch in its order, one look at a record each
            for way in ("hashjoin", "mergejoin", "seqscan", "bitmapscan"):
                cursor.execute(f"set enable_{way} = off")
        advance(flow)

    with session() as holder, session() as watcher:
        holder.execute("select id from records_record where id = %s for no key update", [people[1].pk])
        with beside(*(lambda flow=flow: work(flow) for flow in flows)):
            wait_for(watcher, WAITING.format(n=2))
            holder.connection.rollback()
    with account_scope(account.pk):
        assert set(Participant.objects.values_list("status", flat=True)) == {"finished"}
        return sorted({record.properties["city"] for record in Record.objects.filter(pk__in=[p.pk for p in people])})


def test_two_flows_that_update_the_same_people_never_wait_in_a_circle(
    acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="participants")
    assert len(update_from_both_ends(acme)) == 1
    assert "40P01" not in caplog.text


def test_without_locking_in_order_they_do_and_the_engine_tries_again(
    acme: Account, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = Batch.execute

    def unordered(batch: Batch, sql: str, **params: Any) -> int:
        return 0 if "order by r.id for no key update" in sql else execute(batch, sql, **params)

    monkeypatch.setattr(Batch, "execute", unordered)
    caplog.set_level("INFO", logger="participants")
    update_from_both_ends(acme)
    assert "40P01" in caplog.text


# --- Counts ------------------------------------------------------------------------------------------------


COUNTER = "select coalesce(sum(n), 0) from participants_counter where flow_id = %s and what = 'enrolled'"
TALLY = "select coalesce(sum(n), 0) from participants_tally where flow_id = %s and what = 'enrolled'"


def roll_up(flow: Flow) -> None:
    with account_scope(flow.account_id):
        statistics.roll_up(flow.pk)


def enrolled(flow: Flow) -> int:
    with account_scope(flow.account_id):
        return statistics.counts([flow.pk])[flow.pk].enrolled


def test_a_count_in_two_statements_is_wrong_when_it_is_rolled_up_in_between(acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["finish"], status=FlowStatus.RUNNING, email=False)
        statistics.add(flow.pk, [(0, "enrolled", 7)])
    with session() as reader:
        reader.execute(COUNTER, [flow.pk])
        rolled_up = reader.fetchone()[0]
        roll_up(flow)
        reader.execute(TALLY, [flow.pk])
        assert rolled_up + reader.fetchone()[0] == 0, "seven are gone"
    assert enrolled(flow) == 7


def test_a_count_never_goes_back_while_it_is_added_to_and_rolled_up(acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["finish"], status=FlowStatus.RUNNING, email=False)
    times, adders, read = 150, 2, []
    ended: list[int] = []

    def add() -> None:
        try:
            for _ in range(times):
                with account_scope(acme.pk):
                    statistics.add(flow.pk, [(0, "enrolled", 1)])
        finally:
            ended.append(1)

    def is_over() -> bool:
        return len(ended) == adders

    def roll() -> None:
        while not is_over():
            roll_up(flow)

    with beside(*[add] * adders, roll, roll):
        while not is_over():
            read.append(enrolled(flow))
    assert read == sorted(read)
    assert enrolled(flow) == times * adders
