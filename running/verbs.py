"""The verbs of a flow: start, pause, resume, end, delete. Each is one durable transaction under the flow's lock.

Taking the lock exclusively first, and reading the flow only then, is what makes a pause exact: when `pause()` has
returned, no participant moves and no message of the flow leaves until it is resumed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.tenancy import account_scope
from flows import lifecycle
from flows.locks import take_exclusive
from flows.models import Activation, Flow, FlowStatus
from messaging.models import Outbox
from participants import hearing
from records import events
from scheduling.clock import now
from triggers import schedules

from . import deletion, ending
from .problems import Severity, problems


def start(account_id: int, flow_id: int, *, by: Actor) -> Flow:
    """not_running -> running: triggers active, newcomers walk. Refused while a problem stops it."""
    with _commanding(account_id, flow_id) as flow:
        _refuse_problems(flow, "start")
        lifecycle.move(flow, "start", by=by)
        ending.settle(flow)
        Activation.objects.create(flow=flow)
        events.listen(hearing.heard_kinds(flow))
        _hold(flow, held=False)
        schedules.arm(flow)
    return flow


def pause(account_id: int, flow_id: int, *, by: Actor) -> Flow:
    """running -> paused: everyone stands still, triggers stay active and fill the queue."""
    with _commanding(account_id, flow_id) as flow:
        lifecycle.move(flow, "pause", by=by)
        _hold(flow, held=True)
    return flow


def resume(account_id: int, flow_id: int, *, by: Actor) -> Flow:
    """paused -> running: everyone goes on from their step, the queue moves to the first. Constant time."""
    with _commanding(account_id, flow_id) as flow:
        _refuse_problems(flow, "resume")
        lifecycle.move(flow, "resume", by=by)
        events.listen(hearing.heard_kinds(flow))
        _hold(flow, held=False)
    return flow


def turn_on(account_id: int, flow_id: int, *, by: Actor) -> Flow:
    """What the toggle does: start or resume, whichever the flow's status asks for."""
    with account_scope(account_id):
        status = Flow.objects.values_list("status", flat=True).get(pk=flow_id)
    return (resume if status == FlowStatus.PAUSED else start)(account_id, flow_id, by=by)


def end(account_id: int, flow_id: int, *, by: Actor) -> Flow:
    """running or paused -> not_running at once; whoever is inside is cancelled in chunks (running/ending.py)."""
    with _commanding(account_id, flow_id) as flow:
        left = ending.left(flow.pk)
        lifecycle.move(flow, "end", by=by, detail={"cancelled": left.participants, "messages": left.messages})
        Activation.objects.filter(flow=flow, ended_at=None).update(ended_at=now())
        _hold(flow, held=True)
        schedules.disarm(flow)
    return flow


def delete(account_id: int, flow_id: int, *, by: Actor) -> None:
    """Remove a flow that is not running, with its steps, participants and their story, and unsent messages.

    Constant time: it is gone for everybody at once, and its rows are cleared away in chunks (running/deletion.py).
    """
    with _commanding(account_id, flow_id) as flow:
        if flow.status != FlowStatus.NOT_RUNNING:
            raise NotAllowed("not_ended", _("Pause the flow and end it, then delete it."), status=flow.status)
        if ending.is_ending(flow):
            raise NotAllowed("still_ending", _("The flow is still ending. Delete it when everyone has left."))
        history.record(flow, "delete", by=by, detail={"name": flow.name})
        deletion.mark(flow)


@contextmanager
def _commanding(account_id: int, flow_id: int) -> Iterator[Flow]:
    """The flow, alone under its lock; read in a second statement. Raises `Flow.DoesNotExist`, `NotAllowed("busy")`."""
    with account_scope(account_id, durable=True):
        take_exclusive(flow_id)
        yield Flow.objects.select_related("outbox", "object_type").get(pk=flow_id)


def _refuse_problems(flow: Flow, verb: str) -> None:
    sources, _target = lifecycle.MOVES[verb]
    if flow.status not in sources:
        return  # the move itself says so
    found = [problem for problem in problems(flow) if problem.severity == Severity.ERROR]
    if found:
        raise NotAllowed("has_problems", _("Something stops the flow from running."), problems=found)


def _hold(flow: Flow, *, held: bool) -> None:
    Outbox.objects.filter(pk=flow.outbox_id).update(held=held)
