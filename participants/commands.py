"""What people do to a participant: make them leave, or erase every trace of the walk."""

from django.db import connection
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.history import NotAllowed, record
from accounts.tenancy import account_scope
from flows.locks import try_shared
from scheduling.clock import now

from . import lifecycle, statistics
from .leaving import release
from .models import Participant, ParticipantStatus, StepLog


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


def erase(account_id: int, participant_id: int, *, by: Actor) -> None:
    """Remove all trace of a participation: the walk, its log, its part in the counts.

    Messages that have left stay what they are, messages; one that waits is cancelled. The run that brought the
    participant in keeps its report: so many were enrolled then. Opens its own durable scope.
    """
    with account_scope(account_id, durable=True):
        participant = _locked(participant_id)
        log = list(StepLog.objects.filter(participant_id=participant_id).values_list("step_id", "outcome"))
        Participant.objects.filter(pk=participant_id).update(hop=participant.hop + 1)
        release([participant_id])
        changes = [(0, "enrolled", -1), (0, participant.status, -1)]
        changes += [(step_id, "passed", -1) for step_id, outcome in log if outcome == "continued"]
        if participant.status == ParticipantStatus.ACTIVE:
            changes.append((participant.step_id or 0, "on", -1))
        statistics.add(participant.flow_id, changes)
        StepLog.objects.filter(participant_id=participant_id).delete()
        Participant.objects.filter(pk=participant_id).delete()
        record(participant, "erase", by=by, detail={"flow": participant.flow_id})


def _locked(participant_id: int) -> Participant:
    """The participant, under its flow's lock and its own; read anew once they are held."""
    flow_id = Participant.objects.values_list("flow_id", flat=True).get(pk=participant_id)
    if not try_shared(flow_id):
        raise NotAllowed("busy", _("The flow is busy. Try again in a moment."))
    return Participant.objects.select_for_update(no_key=True).get(pk=participant_id)
