"""Start, pause, resume, end and edit pressed at once while people walk: one wins, the others hear why not."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import Sum

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows import lifecycle
from flows.document import as_document
from flows.locks import take_exclusive
from flows.models import Activation, Flow, FlowStatus
from messaging.models import Message, Outbox
from participants import commands, engine
from participants.models import Participant
from running import ending, verbs
from running.editing import StaleRevision, edit
from tests.make import make_contacts, make_content, make_flow, make_list, make_participant, steps_of
from tests.participants.test_pause import wait_for
from tests.participants.test_races import WAITING, beside, session
from tests.walking import check_counts
from triggers.models import Schedule

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, ROUNDS = 30, 8
STEPS = 30  # so many that there is always somebody to move when a verb comes
CLEAR = {"wrong_status", "still_ending", "busy", "stale", "pause_first", "must_pause", "running"}


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A running flow with a schedule, people who are due, and something to listen to."""
    with account_scope(acme.pk):
        steps = [*[{"update_record": {"city": "Oslo"}}] * STEPS, "wait 1 days", {"add_to_list": make_list()}]
        flow = make_flow(steps, schedule={"frequency": "daily"}, status=FlowStatus.RUNNING)
        flow.exclusion_lists.create(list=make_list())
        come_in(flow)
    return flow


def come_in(flow: Flow) -> None:
    """New people, due on the first step."""
    first = steps_of(flow)[0]
    for person in make_contacts(PEOPLE, city="Moss"):
        make_participant(flow, person, step=first, only_once=False)


def hops(flow: Flow) -> int:
    """How often anybody of the flow has been moved; it only grows."""
    with account_scope(flow.account_id):
        return int(Participant.objects.filter(flow=flow).aggregate(n=Sum("hop", default=0))["n"])


def pressed(flow: Flow, by: Actor) -> dict[str, Callable[[], Any]]:
    """What people may press, each as one call."""
    account = flow.account_id

    def rename() -> None:
        with account_scope(account):
            now = Flow.objects.get(pk=flow.pk)
            document, revision = as_document(now), now.revision
        edit(account, flow.pk, {**document, "name": f"Renamed {random.random()}"}, revision=revision, by=by)

    return {
        "start": lambda: verbs.start(account, flow.pk, by=by),
        "pause": lambda: verbs.pause(account, flow.pk, by=by),
        "resume": lambda: verbs.resume(account, flow.pk, by=by),
        "end": lambda: verbs.end(account, flow.pk, by=by),
        "edit": rename,
    }


def set_off(flow: Flow, by: Actor) -> None:
    """Have the flow running, with people who walk."""
    with account_scope(flow.account_id):
        status = Flow.objects.get(pk=flow.pk).status
    if status != FlowStatus.RUNNING:
        verbs.turn_on(flow.account_id, flow.pk, by=by)
    with account_scope(flow.account_id):
        come_in(flow)


def press_together(flow: Flow, names: list[str], by: Actor, stopped: list[int] | None = None) -> list[tuple[str, str]]:
    """Press all of these at the same moment; what each heard: "done" or the code of the refusal.

    Into `stopped` go the hops of the flow as they are when a pause or an end has returned.
    """
    together, heard = threading.Barrier(len(names)), []
    buttons = pressed(flow, by)

    def press(name: str) -> None:
        together.wait()
        try:
            buttons[name]()
            if name in ("pause", "end") and stopped is not None:
                stopped.append(hops(flow))
            heard.append((name, "done"))
        except NotAllowed as refusal:
            heard.extend((name, code) for code in codes_of(refusal))
        except StaleRevision:
            heard.append((name, "stale"))
        except BaseException as error:
            heard.append((name, repr(error)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard


def codes_of(refusal: NotAllowed) -> list[str]:
    """Its code; for problems the code of each: a start right after an end hears that the flow is still ending."""
    problems = refusal.detail.get("problems", ())
    return [problem.code for problem in problems] or [refusal.code]


def check_whole(flow: Flow) -> str:
    """The status of the flow, after making sure that everything that hangs on it says the same."""
    with account_scope(flow.account_id):
        take_exclusive(flow.pk)  # nobody moves between one look and the next
        now = Flow.objects.get(pk=flow.pk)
        is_on = now.status != FlowStatus.NOT_RUNNING
        assert Outbox.objects.get(pk=now.outbox_id).held == (now.status != FlowStatus.RUNNING)
        assert Activation.objects.filter(flow=flow, ended_at=None).count() == int(is_on)
        assert (Schedule.objects.get(flow=flow).next_run_at is not None) == is_on
        moves = History.objects.filter(verb__in=lifecycle.MOVES).order_by("pk").values_list("verb", flat=True)
        status: str = FlowStatus.RUNNING
        for verb in moves:
            sources, target = lifecycle.MOVES[verb]
            assert status in sources, f"{verb} of a flow that was {status}"
            status = target
        assert status == now.status, "the history tells how it came here"
        check_counts(flow)
        return status


def let_go(flow: Flow) -> None:
    """As the house job does after an end."""
    while ending.finish(flow.account_id, flow.pk):
        pass
    with account_scope(flow.account_id):
        assert not Participant.objects.filter(flow=flow, status="active").exists()


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_clear_snapshot()")
        cursor.execute("select deadlocks from pg_stat_database where datname = current_database()")
        return int(cursor.fetchone()[0])


def race(flow: Flow, rolls: random.Random, by: Actor) -> list[tuple[str, str]]:
    """One round: six press at once, and what is left is whole; what each heard."""
    stopped: list[int] = []
    names = rolls.choices(["start", "pause", "resume", "edit"], k=4) + rolls.choices(["end", "pause"], [1, 3])
    heard = press_together(flow, names, by, stopped)
    status = check_whole(flow)
    if status != FlowStatus.RUNNING and stopped:
        assert hops(flow) == max(stopped), "somebody moved after the switch was off"
    if status == FlowStatus.NOT_RUNNING:
        let_go(flow)
    return heard


def test_verbs_and_edits_that_race_each_other_and_the_workers_leave_nothing_torn(flow: Flow) -> None:
    by, stop = Actor.flyt(flow.account_id), threading.Event()
    seed, before = random.randrange(10**6), deadlocks()
    print(f"seed {seed}")  # shown when the test fails
    rolls, heard = random.Random(seed), Counter()

    def work() -> None:
        while not stop.is_set():
            engine.advance(flow.account_id, flow.pk, seconds=0.2)

    with beside(work, work):
        try:
            for number in range(ROUNDS):
                if number % 2 == 0:
                    set_off(flow, by)
                heard.update(race(flow, rolls, by))
        finally:
            stop.set()
    refusals = {outcome for _name, outcome in heard} - {"done"}
    assert refusals <= CLEAR, heard
    assert sum(n for (_name, outcome), n in heard.items() if outcome == "done") >= ROUNDS / 2
    assert deadlocks() == before


@pytest.mark.parametrize("name", ["pause", "end"])
def test_of_six_who_press_the_same_at_once_one_wins(flow: Flow, name: str) -> None:
    heard = press_together(flow, [name] * 6, Actor.flyt(flow.account_id))
    assert sorted(outcome for _name, outcome in heard) == ["done"] + ["wrong_status"] * 5
    check_whole(flow)


def test_a_pause_and_an_end_at_once_both_count_or_the_end_came_first(flow: Flow) -> None:
    heard = dict(press_together(flow, ["pause", "end"], Actor.flyt(flow.account_id)))
    assert heard["end"] == "done" and heard["pause"] in ("done", "wrong_status")
    assert check_whole(flow) == FlowStatus.NOT_RUNNING


def test_whoever_leaves_while_an_ended_flow_is_emptied_waits_in_no_circle(flow: Flow) -> None:
    """Both take people and their messages, in this order: the other way round each would hold what the other wants."""
    by = Actor.flyt(flow.account_id)
    with account_scope(flow.account_id):
        first, second = Participant.objects.order_by("pk")[:2]
        for each in (first, second):
            key = f"participant:{each.pk}:{each.hop}"
            Message.objects.create(
                outbox=flow.outbox, origin_key=key, record_id=each.record_id, content=make_content(key)
            )
    verbs.end(flow.account_id, flow.pk, by=by)
    gone = threading.Event()

    def leave() -> None:
        commands.leave(flow.account_id, second.pk, by=by)
        gone.set()

    with session() as holder, session() as watcher:
        holder.execute("select id from participants_participant where id = %s for no key update", [first.pk])
        with beside(lambda: ending.finish(flow.account_id, flow.pk)):
            wait_for(watcher, WAITING.format(n=1))
            with beside(leave):
                wait_for(watcher, WAITING.format(n=2), gone)
                holder.connection.rollback()
    let_go(flow)
    with account_scope(flow.account_id):
        assert set(Message.objects.values_list("status", flat=True)) == {"cancelled"}
        check_counts(flow)
