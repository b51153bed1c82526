"""Pause is exact: when `pause()` has returned nobody moves, whatever the workers were doing."""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from participants import engine
from running import verbs
from tests.make import make_contacts, make_flow, make_list, make_participant, steps_of

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 400
TRIALS = 50
FINGERPRINT = """
select (select coalesce(sum(hop), 0) from participants_participant), (select count(*) from participants_steplog),
  (select count(*) from participants_participant where status <> 'active')
"""


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A running flow of quick steps, with people who are due."""
    with account_scope(acme.pk):
        steps = [{"update_record": {"city": city}} for city in ("Oslo", "Bergen", "Tromsø")]
        flow = make_flow([*steps, {"add_to_list": make_list()}], status=FlowStatus.RUNNING, email=False)
        first = steps_of(flow)[0]
        for person in make_contacts(PEOPLE, city="Moss"):
            make_participant(flow, person, step=first, only_once=False)
    return flow


class Workers:
    """Four threads that advance a flow until told to stop."""

    def __init__(self, flow: Flow) -> None:
        self.stop = threading.Event()
        self.errors: list[BaseException] = []
        self.threads = [threading.Thread(target=self._work, args=(flow,)) for _ in range(4)]

    def __enter__(self) -> "Workers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors

    def _work(self, flow: Flow) -> None:
        try:
            while not self.stop.is_set():
                engine.advance(flow.account_id, flow.pk, seconds=0.5)
        except BaseException as error:
            self.errors.append(error)
        finally:
            connection.close()


def fingerprint(flow: Flow) -> tuple[int, ...]:
    """Where everybody is, in three numbers."""
    with account_scope(flow.account_id), connection.cursor() as cursor:
        cursor.execute(FINGERPRINT)
        return cursor.fetchone()


def start_over(flow: Flow) -> None:
    """Put everyone back on the first step, so that the workers never run out. Nobody races: the flow is paused."""
    with account_scope(flow.account_id), connection.cursor() as cursor:
        cursor.execute(
            "update participants_participant set status = 'active', ended_at = null, due_at = now(), step_id ="
            " (select min(id) from flows_step where flow_id = %s)",
            [flow.pk],
        )


def trial(flow: Flow, pause: Callable[[], object], resume: Callable[[], object]) -> bool:
    """Pause, watch, start everyone over, resume; True when something moved after the pause had returned."""
    pause()
    before = fingerprint(flow)
    time.sleep(0.03)  # not waiting for a moment: this is the time in which a violation would show
    moved = fingerprint(flow) != before
    start_over(flow)
    resume()
    until = time.monotonic() + 5
    while fingerprint(flow)[:2] == before[:2] and time.monotonic() < until:
        time.sleep(0.002)
    return moved


def test_fifty_pauses_under_load_are_exact(flow: Flow) -> None:
    by = Actor.flyt(flow.account_id)
    start = fingerprint(flow)
    with Workers(flow):
        moved = [
            trial(
                flow,
                lambda: verbs.pause(flow.account_id, flow.pk, by=by),
                lambda: verbs.resume(flow.account_id, flow.pk, by=by),
            )
            for _ in range(TRIALS)
        ]
    assert fingerprint(flow)[0] > start[0] + TRIALS, "the workers did work"
    assert sum(moved) == 0


def in_the_middle_of_a_batch(flow: Flow, act: Callable[[], None]) -> tuple[bool, tuple[int, ...], tuple[int, ...]]:
    """Hold a worker in the middle of its batch, past its look at the status, while `act` turns the flow off.

    The batch wants a record that another session holds. Returns whether `act` had returned before the batch could
    go on, and where everybody was when `act` returned and after the batch.
    """
    returned, seen = threading.Event(), []

    def work() -> None:
        engine.advance(flow.account_id, flow.pk, seconds=0.1)
        connection.close()

    def turn_off() -> None:
        act()
        seen.append(fingerprint(flow))
        returned.set()
        connection.close()

    worker, switch = threading.Thread(target=work), threading.Thread(target=turn_off)
    holder = psycopg2.connect(**connection.get_connection_params())
    try:
        with holder.cursor() as cursor:
            cursor.execute("select id from records_record order by id limit 1 for update")
            worker.start()
            wait_for(cursor, WAITS_FOR_RECORD)
            switch.start()
            wait_for(cursor, WAITS_FOR_LOCK, returned)
            early = returned.is_set()
    finally:
        holder.close()
    worker.join()
    switch.join()
    return early, seen[0], fingerprint(flow)


WAITS_FOR_RECORD = """
select exists (select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%%for no key update%%')
"""
WAITS_FOR_LOCK = "select exists (select 1 from pg_stat_activity where wait_event = 'advisory')"


def wait_for(cursor: Any, query: str, or_else: threading.Event | None = None) -> None:
    """Look until the database says yes, or something else has happened."""
    until = time.monotonic() + 10
    while time.monotonic() < until and not (or_else and or_else.is_set()):
        cursor.execute("select pg_stat_clear_snapshot()")
        cursor.execute(query, [])
        if cursor.fetchone()[0]:
            return
    assert or_else and or_else.is_set(), query


def test_a_pause_waits_for_the_batch_under_way(flow: Flow) -> None:
    by = Actor.flyt(flow.account_id)
    early, before, after = in_the_middle_of_a_batch(flow, lambda: verbs.pause(flow.account_id, flow.pk, by=by))
    assert not early
    assert before == after
    assert before[0] > 0, "the batch did go through, before the pause returned"


def test_without_the_lock_people_move_after_the_switch_is_off(flow: Flow) -> None:
    """The trial above would notice: a plain UPDATE returns at once, and the batch goes on behind its back."""

    def flip() -> None:
        with account_scope(flow.account_id):
            Flow.objects.update(status=FlowStatus.PAUSED)

    early, before, after = in_the_middle_of_a_batch(flow, flip)
    assert early
    assert after[0] > before[0]


def test_of_many_who_press_the_toggle_at_once_one_wins(flow: Flow) -> None:
    by, outcomes = Actor.flyt(flow.account_id), []

    def press() -> None:
        try:
            verbs.pause(flow.account_id, flow.pk, by=by)
            outcomes.append("paused")
        except Exception as error:
            outcomes.append(getattr(error, "code", repr(error)))
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["paused"] + ["wrong_status"] * 5
