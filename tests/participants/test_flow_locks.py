"""The flow's lock, asked for by all who enrol, take out or put off: a verb shuts them out, and waits for who is in.

Each test holds one side in the middle of its transaction and lets the other come.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from flows.models import Flow, FlowStatus
from participants import commands, enrolment, intake
from participants.isolation import Isolation, Stopped
from participants.models import Intake, Participant
from records import events
from records.models import Event, List, Record
from running import ending, verbs
from tests.make import make_contact, make_contacts, make_flow, make_list, make_participant, steps_of
from tests.participants.test_pause import wait_for
from tests.participants.test_races import beside, session
from tests.walking import check_counts
from triggers import matching

pytestmark = pytest.mark.django_db(transaction=True)

TAKE = "select pg_advisory_xact_lock(hashtextextended('flow', %s))"
STANDS_BEFORE = """
select count(*) >= {n} from pg_locks where locktype = 'advisory' and not granted
  and database = (select oid from pg_database where datname = current_database())
"""
GATE = 42  # of a lock of the tests


@dataclass
class Stage:
    """A running flow with somebody on its first step, somebody in its intake, and others who may come."""

    account: Account
    flow: Flow
    inside: Participant
    newcomer: Record
    everybody: List

    @property
    def by(self) -> Actor:
        """Flyt itself."""
        return Actor.flyt(self.account.pk)

    def whole(self) -> list[Any]:
        """Everything that anybody here might change."""
        with account_scope(self.account.pk):
            return [
                *Participant.objects.order_by("pk").values_list("pk", "status", "hop", "step_id", "due_at", "failures"),
                *Intake.objects.order_by("pk").values_list("pk", flat=True),
            ]

    def end_and_empty(self) -> None:
        """What the verb does, and the house job after it."""
        verbs.end(self.account.pk, self.flow.pk, by=self.by)
        while ending.finish(self.account.pk, self.flow.pk):
            pass


@pytest.fixture
def stage(acme: Account) -> Stage:
    with account_scope(acme.pk):
        flow = make_flow([{"update_record": {"city": "Oslo"}}], status=FlowStatus.RUNNING, email=False)
        inside = make_participant(flow, step=steps_of(flow)[0])
        asked, newcomer = make_contact(), make_contact()
        Intake.objects.create(flow=flow, record=asked, cause="hand_over", cause_key="event:1")
        return Stage(acme, flow, inside, newcomer, make_list("Everybody", make_contacts(3)))


def enrol_by_hand(stage: Stage) -> object:
    return enrolment.enrol_records(stage.account.pk, stage.flow.pk, [stage.newcomer.pk], by=stage.by)


def enrol_list(stage: Stage) -> object:
    return enrolment.enrol_list(stage.account.pk, stage.flow.pk, stage.everybody.pk, by=stage.by)


def leave(stage: Stage) -> object:
    return commands.leave(stage.account.pk, stage.inside.pk, by=stage.by)


def leave_together(stage: Stage) -> object:
    return commands.leave_together(stage.account.pk, stage.flow.pk, [stage.inside.pk], by=stage.by)


def erase(stage: Stage) -> object:
    return commands.erase(stage.account.pk, stage.inside.pk, by=stage.by)


def erase_together(stage: Stage) -> object:
    return commands.erase_together(stage.account.pk, stage.flow.pk, [stage.inside.pk], by=stage.by)


def erase_walks(stage: Stage) -> object:
    return commands.erase_walks(stage.account.pk, [stage.inside.record_id])


def drain(stage: Stage) -> object:
    return intake.drain(stage.account.pk, stage.flow.pk)


ENTERING = (enrol_by_hand, enrol_list, drain)
LEAVING = (leave, leave_together, erase, erase_together, erase_walks)


# --- Whoever comes while a verb has the flow ----------------------------------------------------------------


@pytest.mark.parametrize("act", [*ENTERING, *LEAVING], ids=lambda act: act.__name__)
def test_while_a_verb_has_the_flow_nobody_enters_or_leaves(stage: Stage, act: Callable[[Stage], object]) -> None:
    before = stage.whole()
    with session() as verb:
        verb.execute(TAKE, [stage.flow.pk])
        if act is drain:
            assert act(stage) is False, "other work first; the intake keeps"
        elif act is erase_walks:
            assert act(stage) is True, "busy: again, please"
        else:
            with pytest.raises(NotAllowed) as refused:
                act(stage)
            assert refused.value.code == "busy"
        assert stage.whole() == before
        verb.connection.rollback()
    act(stage)
    assert stage.whole() != before, "a moment later it goes through"


def searching(stage: Stage, attempt: Callable[[list[int]], None]) -> Isolation:
    """A search for the culprit among those on the first step."""
    return Isolation(stage.account.pk, stage.flow.pk, stage.inside.step_id, attempt)


def test_while_a_verb_has_the_flow_nobody_is_put_off(stage: Stage) -> None:
    """It comes between the last attempt of the search and what becomes of those who failed."""
    before = stage.whole()
    with session() as verb:

        def attempt(_ids: list[int]) -> None:
            verb.execute(TAKE, [stage.flow.pk])
            raise ValueError("never")

        with pytest.raises(Stopped):
            searching(stage, attempt).run()
        assert stage.whole() == before


@pytest.mark.parametrize("press", [verbs.pause, verbs.end])
def test_nobody_of_a_flow_that_was_turned_off_is_put_off(stage: Stage, press: Callable[..., object]) -> None:
    """The search has looked while the flow was running; what it found does not count any more."""
    before = stage.whole()

    def attempt(_ids: list[int]) -> None:
        press(stage.account.pk, stage.flow.pk, by=stage.by)
        raise ValueError("never")

    with pytest.raises(Stopped):
        searching(stage, attempt).run()
    assert stage.whole() == before


# --- A verb that comes while somebody is at it --------------------------------------------------------------


@contextmanager
def gate_before(table: str, event: str) -> Iterator[Any]:
    """Whoever writes to `table` waits in the middle of its transaction until this session lets go of the gate."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(f"""
            create function at_the_gate() returns trigger language plpgsql security definer as $$
            begin perform pg_advisory_xact_lock_shared({GATE}); return coalesce(new, old); end $$;
            create trigger at_the_gate before {event} on {table} for each row execute function at_the_gate();
        """)
    try:
        with session() as holder:
            holder.execute("select pg_advisory_xact_lock(%s)", [GATE])
            yield holder
    finally:
        with every_account(), connection.cursor() as cursor:
            cursor.execute(f"drop trigger at_the_gate on {table}; drop function at_the_gate()")


def end_in_the_middle(stage: Stage, table: str, event: str, act: Callable[[], object]) -> bool:
    """End and empty the flow while `act` stands before its writing; True when the end had to wait for it."""
    ended = threading.Event()

    def turn_off() -> None:
        verbs.end(stage.account.pk, stage.flow.pk, by=stage.by)
        ended.set()
        while ending.finish(stage.account.pk, stage.flow.pk):
            pass

    with gate_before(table, event) as holder, session() as watcher, beside(act):
        wait_for(watcher, STANDS_BEFORE.format(n=1))
        with beside(turn_off):
            wait_for(watcher, STANDS_BEFORE.format(n=2), ended)
            waited = not ended.is_set()
            holder.connection.rollback()
    return waited


WRITES = {
    enrol_by_hand: ("participants_participant", "insert"),
    enrol_list: ("participants_intake", "insert"),
    drain: ("participants_participant", "insert"),
    leave: ("participants_participant", "update"),
    leave_together: ("participants_participant", "update"),
    erase: ("participants_participant", "delete"),
    erase_together: ("participants_participant", "delete"),
    erase_walks: ("participants_participant", "delete"),
}


@pytest.mark.parametrize("act", WRITES, ids=lambda act: act.__name__)
def test_an_end_waits_for_whoever_is_entering_or_leaving_and_leaves_nobody_inside(
    stage: Stage, act: Callable[[Stage], object]
) -> None:
    assert end_in_the_middle(stage, *WRITES[act], lambda: act(stage))
    with account_scope(stage.account.pk):
        check_counts(stage.flow)
        assert not Participant.objects.filter(status="active").exists(), "nobody is in a flow that has ended"
        assert not Intake.objects.exists()
        assert not ending.is_ending(Flow.objects.get(pk=stage.flow.pk))


def test_an_end_waits_for_whoever_is_being_put_off(stage: Stage) -> None:
    def attempt(_ids: list[int]) -> None:
        raise ValueError("never")

    assert end_in_the_middle(stage, "participants_participant", "update", searching(stage, attempt).run)
    with account_scope(stage.account.pk):
        stage.inside.refresh_from_db()
        assert (stage.inside.status, stage.inside.failures) == ("cancelled", 1)
        check_counts(stage.flow)


@pytest.mark.parametrize("act", ENTERING, ids=lambda act: act.__name__)
def test_nobody_enters_a_flow_that_has_ended(stage: Stage, act: Callable[[Stage], object]) -> None:
    stage.end_and_empty()
    before = stage.whole()
    if act is drain:
        assert act(stage) is False
    else:
        with pytest.raises(NotAllowed) as refused:
            act(stage)
        assert refused.value.code == "not_running"
    assert stage.whole() == before


def test_a_flow_that_starts_while_the_matcher_looks_does_not_refuse_whom_it_takes(stage: Stage) -> None:
    """Somebody is handed over to a flow that is off; it is turned on in the middle of the matcher's transaction."""
    with account_scope(stage.account.pk):
        target = make_flow(["wait 1 day"])
        events.listen(["flow_handed_over"])
        events.record_events("flow_handed_over", [stage.newcomer.pk], {"flow": target.pk}, flow_id=stage.flow.pk)
    act = beside(lambda: matching.match(stage.account.pk))
    with gate_before("records_event", "insert") as holder, session() as watcher, act:
        wait_for(watcher, STANDS_BEFORE.format(n=1))
        with account_scope(stage.account.pk):
            Flow.objects.filter(pk=target.pk).update(status=FlowStatus.RUNNING)
        holder.connection.rollback()
    with account_scope(stage.account.pk):
        assert Event.objects.filter(kind="flow_refused").exists() is not Intake.objects.filter(flow=target).exists()
