"""A huge flow keeps a worker for a slice and no longer, and every flow that has work gets its turn."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty

import pytest
from celery import current_app
from django.core.cache import cache
from django.db import connection
from django.db.models import Sum
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Account
from accounts.tasks import LANE_HELD
from flows.models import Flow, FlowStatus
from participants import engine, halving, intake
from participants.models import Intake, Participant
from participants.tasks import advance_flow, dispatch, drain_intake
from tests.make import make_contacts, make_flow, make_participant, steps_of

pytestmark = pytest.mark.django_db

STEPS = 30
update = {"update_record": {"city": "Oslo"}}


@pytest.fixture
def each_unit_takes_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds that pass with the work, however quick the machine: one for a hop, a failure, or somebody let in."""

    def seconds() -> float:
        walks = Participant.objects.aggregate(hops=Sum("hop", default=0), failures=Sum("failures", default=0))
        return float(walks["hops"] + walks["failures"] + Participant.objects.filter(cause="hand_over").count())

    for module in (engine, intake, halving):
        monkeypatch.setattr(module, "monotonic", seconds)


def hops() -> int:
    """How often anybody was moved."""
    return int(Participant.objects.aggregate(n=Sum("hop", default=0))["n"])


@pytest.mark.usefixtures("each_unit_takes_a_second")
def test_a_long_walk_is_broken_off_after_a_slice(in_acme: Account) -> None:
    flow = make_flow([update] * STEPS, status=FlowStatus.RUNNING, email=False)
    make_participant(flow, step=steps_of(flow)[0])
    assert advance_flow(in_acme.pk, flow.pk) is True, "a hint asks for the rest"
    assert 1 <= hops() < LANE_HELD, "over before others think that this worker is dead"
    slices = 1
    while advance_flow(in_acme.pk, flow.pk):
        slices += 1
    assert (hops(), Participant.objects.get().status) == (STEPS + 1, "finished")
    assert slices > STEPS / LANE_HELD


@pytest.mark.usefixtures("each_unit_takes_a_second")
def test_a_flow_with_people_on_all_its_steps_is_broken_off_in_the_middle_of_them(in_acme: Account) -> None:
    flow = make_flow([update] * STEPS, status=FlowStatus.RUNNING, email=False)
    for step in steps_of(flow):
        make_participant(flow, step=step)
    assert advance_flow(in_acme.pk, flow.pk) is True
    assert 1 <= hops() < LANE_HELD


@pytest.mark.usefixtures("each_unit_takes_a_second")
def test_whoever_lets_many_in_makes_way_after_a_slice(in_acme: Account) -> None:
    flow = make_flow(["wait 1 day"], status=FlowStatus.RUNNING, email=False)
    for depth, person in enumerate(make_contacts(STEPS)):  # of each depth in a transaction of their own
        Intake.objects.create(flow=flow, record=person, cause="hand_over", cause_key=f"event:{depth}", depth=depth)
    assert drain_intake(in_acme.pk, flow.pk) is True, "a hint asks for the rest"
    assert 1 <= Participant.objects.count() < LANE_HELD
    while drain_intake(in_acme.pk, flow.pk):
        pass
    assert (Participant.objects.count(), Intake.objects.count()) == (STEPS, 0)


@contextmanager
def engine_queue() -> Iterator[object]:
    """What workers of the engine take from; empty before and after."""
    with current_app.connection_for_read() as broker:
        queue = broker.SimpleQueue("engine", no_ack=True)
        queue.clear()
        cache.clear()
        yield queue
        queue.clear()
        cache.clear()


def waiting(queue: object) -> list[tuple[str, int]]:
    """The tasks and flows that wait, in the order in which workers take them."""
    hints = []
    with suppress(Empty):
        while message := queue.get(block=False):  # type: ignore[attr-defined]
            _lane, _account, flow = message.payload[0]
            hints.append((message.headers["task"].rpartition(".")[2], flow))
    cache.clear()  # as when the hints have grown old
    return hints


def test_whichever_flow_has_work_comes_first_at_times(
    in_acme: Account, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """Where more is to be done than workers can do, hints at the end of the queue grow old: always the same ones
    would starve."""
    random.seed(7)
    flows: list[Flow] = [make_flow(["wait 1 day"], status=FlowStatus.RUNNING, email=False) for _ in range(4)]
    for flow in flows[:3]:
        make_participant(flow)
    person = make_contacts(1)[0]
    for flow in flows[2:]:
        Intake.objects.create(flow=flow, record=person, cause="list", cause_key="key")
    expected = {("advance_flow", flow.pk) for flow in flows[:3]} | {("drain_intake", flow.pk) for flow in flows[2:]}
    first = set()
    with engine_queue() as queue:
        for _ in range(60):
            with django_capture_on_commit_callbacks(execute=True), connection.cursor():
                dispatch()
            hints = waiting(queue)
            assert sorted(hints) == sorted(expected), "every one of them, once"
            first.add(hints[0])
    assert first == expected
