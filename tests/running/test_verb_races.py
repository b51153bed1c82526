"""Start, pause, resume, end and edit pressed at once while people walk: one wins, the others hear why not."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows import lifecycle
from flows.document import as_document
from flows.models import Activation, Flow, FlowStatus
from messaging.models import Outbox
from participants import engine
from participants.models import Participant
from running import ending, verbs
from running.editing import StaleRevision, edit
from tests.make import make_contacts, make_flow, make_list, make_participant, steps_of
from tests.walking import check_counts
from triggers.models import Schedule

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, ROUNDS = 60, 12
CLEAR = {"wrong_status", "still_ending", "busy", "stale", "pause_first", "must_pause", "running"}


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A running flow with a schedule, people who are due, and something to listen to."""
    with account_scope(acme.pk):
        steps = [{"update_record": {"city": "Oslo"}}, "wait 1 days", {"add_to_list": make_list()}]
        flow = make_flow(steps, schedule={"frequency": "daily"}, status=FlowStatus.RUNNING)
        flow.exclusion_lists.create(list=make_list())
        for person in make_contacts(PEOPLE, city="Moss"):
            make_participant(flow, person, step=steps_of(flow)[0], only_once=False)
    return flow


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


def press_together(flow: Flow, names: list[str], by: Actor) -> list[tuple[str, str]]:
    """Press all of these at the same moment; what each heard: "done" or the code of the refusal."""
    together, heard = threading.Barrier(len(names)), []
    buttons = pressed(flow, by)

    def press(name: str) -> None:
        together.wait()
        try:
            buttons[name]()
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


def test_verbs_and_edits_that_race_each_other_and_the_workers_leave_nothing_torn(flow: Flow) -> None:
    by, stop, raised = Actor.flyt(flow.account_id), threading.Event(), []
    seed, before = random.randrange(10**6), deadlocks()
    print(f"seed {seed}")  # shown when the test fails
    rolls, heard = random.Random(seed), Counter()

    def work() -> None:
        try:
            while not stop.is_set():
                engine.advance(flow.account_id, flow.pk, seconds=0.2)
        except BaseException as error:
            raised.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(ROUNDS):
            names = rolls.choices(["start", "pause", "resume", "edit"], k=4) + rolls.choices(["end", "pause"], [1, 3])
            heard.update(press_together(flow, names, by))
            if check_whole(flow) == FlowStatus.NOT_RUNNING:
                let_go(flow)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    refusals = {outcome for _name, outcome in heard} - {"done"}
    assert raised == [] and refusals <= CLEAR, heard
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
