"""What people do to a participant: make them leave, or erase every trace of the walk."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.history import NotAllowed, record, record_all
from accounts.tenancy import account_scope
from flows.locks import try_shared
from scheduling.clock import now

from . import lifecycle, statistics, traces
from .leaving import release
from .models import Intake, Participant, ParticipantStatus, StepLog


def leave(account_id: int, participant_id: int, *, by: Actor) -> Participant:
    """Take an active participant out; the story stays. Allowed while the flow runs or is paused.

    Opens its own durable scope. Raises `Participant.DoesNotExist`, or `NotAllowed` when the walk is over.
    """
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        participant = _locked(participant_id)
        gone = lifecycle.take_out(
            cursor,
            "drop_out",
            account_id=account_id,
            flow_id=participant.flow_id,
            reason="left_by_hand",
            now=now(),
            participant_ids=[participant_id],
        )
        if not gone:
            raise NotAllowed("walk_is_over", _("This participant is no longer in the flow."), status=participant.status)
        release([participant_id])
        record(participant, "leave", by=by, detail={"flow": participant.flow_id})
        participant.refresh_from_db()
        return participant


def leave_together(account_id: int, flow_id: int, participant_ids: Iterable[int], *, by: Actor) -> int:
    """Take those of the participants of a flow out who are active; returns how many left.

    Opens its own durable scope. Raises `NotAllowed("busy")`.
    """
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        active = [each for each in _locked_of(flow_id, participant_ids) if each.status == ParticipantStatus.ACTIVE]
        ids = [each.pk for each in active]
        lifecycle.take_out(
            cursor,
            "drop_out",
            account_id=account_id,
            flow_id=flow_id,
            reason="left_by_hand",
            now=now(),
            participant_ids=ids,
        )
        release(ids)
        record_all(active, "leave", by=by, detail={"flow": flow_id})
        return len(ids)


def erase(account_id: int, participant_id: int, *, by: Actor) -> None:
    """Remove all trace of a participation: the walk, its log, its events, its part in the counts.

    What happened to the record stays (participants/traces.py): messages that have left are messages; one that waits
    is cancelled. The run that brought the participant in keeps its report: so many were enrolled then. Opens its own
    durable scope.
    """
    with account_scope(account_id, durable=True):
        traces.refresh_lists()
        traces.withdraw_wishes(_flow_of(participant_id), [participant_id])
        participant = _locked(participant_id)
        _erase(participant.flow_id, [participant], by=by)


def erase_together(account_id: int, flow_id: int, participant_ids: Iterable[int], *, by: Actor) -> int:
    """`erase` for those of the participants that are in the flow; returns how many. Raises `NotAllowed("busy")`."""
    ids = list(participant_ids)
    with account_scope(account_id, durable=True):
        traces.refresh_lists()
        traces.withdraw_wishes(flow_id, ids)
        found = _locked_of(flow_id, ids)
        _erase(flow_id, found, by=by)
        return len(found)


def erase_walks(account_id: int, record_ids: Sequence[int]) -> bool:
    """Remove every walk of records that are to be erased, and what still asks for one, flow by flow.

    Opens a durable scope for each flow. True when a flow was busy: try again.
    """
    with account_scope(account_id):
        flows = {
            flow_id
            for model in (Participant, Intake)
            for flow_id in model.objects.filter(record_id__in=record_ids).values_list("flow_id", flat=True).distinct()
        }
    is_busy = False
    for flow_id in sorted(flows):
        with account_scope(account_id, durable=True):
            if not try_shared(flow_id):
                is_busy = True
                continue
            # Before the walks, as whoever drains the intake takes them.
            Intake.objects.filter(flow_id=flow_id, record_id__in=record_ids).delete()
            walks = Participant.objects.filter(flow_id=flow_id, record_id__in=record_ids)
            found = list(walks.select_for_update(no_key=True).order_by("pk"))
            _erase(flow_id, found, by=Actor.flyt(account_id))
    return is_busy


def _erase(flow_id: int, participants: list[Participant], *, by: Actor) -> None:
    ids = [each.pk for each in participants]
    walks = Participant.objects.filter(pk__in=ids)
    logs = StepLog.objects.filter(participant_id__in=ids)
    record_all(participants, "erase", by=by, detail={"flow": flow_id})
    walks.update(hop=F("hop") + 1)
    release(ids)
    traces.forget(flow_id, ids)
    statistics.add(flow_id, _less(participants, logs.values_list("step_id", "outcome", "branch_id")))
    logs.delete()
    walks.delete()


def _less(
    participants: list[Participant], log: Iterable[tuple[int, str, int | None]]
) -> Iterator[tuple[int, str, int]]:
    """What the counts have to give up with these walks."""
    gone: Counter[tuple[int, str]] = Counter()
    for each in participants:
        gone.update([(0, "enrolled"), (0, each.status)])
        if each.status == ParticipantStatus.ACTIVE:
            gone[each.step_id or 0, "on"] += 1
    for step_id, outcome, branch_id in log:
        if outcome == "continued":
            gone[step_id, "passed"] += 1
        if branch_id:  # also of those who left by it
            gone[branch_id, "took"] += 1
    return ((place, what, -n) for (place, what), n in sorted(gone.items()))


def _locked_of(flow_id: int, participant_ids: Iterable[int]) -> list[Participant]:
    """Those of a flow, under its lock and their own."""
    if not try_shared(flow_id):
        raise NotAllowed("busy", _("The flow is busy. Try again in a moment."))
    chosen = Participant.objects.filter(flow_id=flow_id, pk__in=list(participant_ids))
    return list(chosen.select_for_update(no_key=True).order_by("pk"))


def _locked(participant_id: int) -> Participant:
    """The participant, under its flow's lock and its own; read anew once they are held."""
    found = _locked_of(_flow_of(participant_id), [participant_id])
    if not found:
        raise Participant.DoesNotExist
    return found[0]


def _flow_of(participant_id: int) -> int:
    return int(Participant.objects.values_list("flow_id", flat=True).get(pk=participant_id))
