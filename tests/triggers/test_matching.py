"""The matcher: each pending event has its consequences once, whatever dies or stands in the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg2
import pytest
from django.db import OperationalError, connection

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import FlowStatus
from flows.steps import KINDS
from messaging import lifecycle
from messaging.models import Message
from participants.models import Participant
from records import events
from records.models import EventPending
from tests.make import make_contact, make_flow, make_participant, steps_of
from tests.walking import walk
from triggers import matching

pytestmark = pytest.mark.django_db(transaction=True)
WAITS = "select exists (select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%%found%%')"


@pytest.fixture
def waiting(acme: Account) -> int:
    """The id of a participant whose message has been handed over: the event is pending."""
    with account_scope(acme.pk):
        flow = make_flow(["send_email", "wait 1 day"], status=FlowStatus.RUNNING)
        events.listen(KINDS["send_email"].listens_to)
        participant = make_participant(flow, make_contact("ola@example.com"), step=steps_of(flow)[0])
    walk(flow)
    with account_scope(acme.pk):
        message = Message.objects.get()
        lifecycle.move_many("take", "true", {})
        lifecycle.move_many("send", "true", {})
        lifecycle.record("message_handed_over", message)
        assert (Participant.objects.get().due_at, EventPending.objects.count()) == (None, 1)
    return participant.pk


@contextmanager
def another_session() -> Iterator[Any]:
    """A cursor of somebody else, past row security; what it did is rolled back at the end unless committed."""
    session = psycopg2.connect(**connection.get_connection_params())
    try:
        with session.cursor() as cursor:
            yield cursor
    finally:
        session.rollback()  # closing alone lets go of the locks a moment later
        session.close()


@contextmanager
def in_the_background(work: Callable[[], Any]) -> Iterator[list[Any]]:
    """Work in a thread; the list gets what it returned or raised."""
    told: list[Any] = []

    def run() -> None:
        try:
            told.append(work())
        except OperationalError as error:
            told.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield told
    thread.join()


def until_it_waits(cursor: Any) -> None:
    """Return when the matcher waits for a row that somebody holds."""
    end = monotonic() + 10
    while monotonic() < end:
        cursor.execute("select pg_stat_clear_snapshot()")
        cursor.execute(WAITS, [])
        if cursor.fetchone()[0]:
            return
    raise AssertionError("the matcher waits for nobody")


def state(account: Account) -> tuple[bool, int]:
    """Whether the participant is due, and how many events are pending."""
    with account_scope(account.pk):
        return Participant.objects.get().due_at is not None, EventPending.objects.count()


def test_a_message_that_was_handed_over_lets_its_participant_go_on(acme: Account, waiting: int) -> None:
    assert matching.match(acme.pk) is False
    assert state(acme) == (True, 0)
    with account_scope(acme.pk):
        flow = Participant.objects.select_related("flow").get().flow
    walk(flow)
    with account_scope(acme.pk):
        assert Participant.objects.get().step_id == steps_of(flow, "wait")[0].pk


def test_an_event_of_one_account_wakes_nobody_in_another(acme: Account, globex: Account, waiting: int) -> None:
    matching.match(globex.pk)
    assert state(acme) == (False, 1)


def test_whoever_is_being_looked_at_is_waited_for_and_woken(acme: Account, waiting: int) -> None:
    """A batch that looked before the hand-over says "nothing to do" last: passed over, its person would stay asleep."""
    with another_session() as holder:
        holder.execute("update participants_participant set due_at = null where id = %s", [waiting])
        with in_the_background(lambda: matching.match(acme.pk)) as told:
            until_it_waits(holder)
            holder.connection.commit()
    assert told == [False]
    assert state(acme) == (True, 0)


def test_a_matcher_that_dies_leaves_its_events_to_the_next(acme: Account, waiting: int) -> None:
    with another_session() as holder:
        holder.execute("select 1 from participants_participant where id = %s for update", [waiting])
        with in_the_background(lambda: matching.match(acme.pk)) as told:
            until_it_waits(holder)
            holder.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'"
                " and query like '%%found%%' and pid <> pg_backend_pid()",
                [],
            )
    assert isinstance(told[0], OperationalError)
    assert state(acme) == (False, 1)
    matching.match(acme.pk)
    assert state(acme) == (True, 0)


def test_an_account_has_one_matcher_at_a_time(acme: Account, waiting: int) -> None:
    with another_session() as holder:
        holder.execute("select pg_advisory_xact_lock(hashtextextended('match', %s))", [acme.pk])
        assert matching.match(acme.pk) is False
        assert state(acme) == (False, 1)
    matching.match(acme.pk)
    assert state(acme) == (True, 0)
