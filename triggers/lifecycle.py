"""The lifecycle of an occurrence: pending -> running -> done | aborted | failed.

Missed and skipped occurrences are born so by triggers/firing.py. The only writer of an occurrence's status.
"""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import history
from accounts.actors import Actor
from flows.models import Flow
from scheduling.clock import now

from .models import Occurrence, OccurrenceStatus

OPEN: Final = frozenset({OccurrenceStatus.PENDING, OccurrenceStatus.RUNNING})

MOVES: Final[history.Moves] = {
    "begin": (frozenset({OccurrenceStatus.PENDING}), OccurrenceStatus.RUNNING),  # a worker has taken it up
    "complete": (frozenset({OccurrenceStatus.RUNNING}), OccurrenceStatus.DONE),  # every record has been looked at
    "abort": (OPEN, OccurrenceStatus.ABORTED),  # the flow was ended, or the safety brake held
    "fail": (OPEN, OccurrenceStatus.FAILED),  # it cannot be worked through
}

REASONS: Final[dict[str, Promise]] = {
    "flow_ended": _("The flow was ended"),
    "safety_brake": _("The safety brake: more records match than allowed"),
    "skipped_by_hand": _("Skipped by a member"),
    "newer_run": _("Missed in a downtime: a newer run was made"),
    "too_late": _("Missed in a downtime: more than 24 hours ago"),
    "catch_up_off": _("Missed in a downtime: missed runs are not made up for"),
    "criteria_missing": _("The trigger has no criteria: say whom to enrol"),
    "criteria_invalid": _("The criteria cannot be used: a property or list they name is gone"),
    "schedule_invalid": _("The schedule cannot be read: save it again"),
    "error": _("Something went wrong again and again"),
}


def move(occurrence: Occurrence, verb: str, *, by: Actor, reason: str = "") -> None:
    """Change the status by a verb of `MOVES`, with its moment; raises `NotAllowed` when it stands elsewhere."""
    moment = "started_at" if verb == "begin" else "ended_at"
    history.move(occurrence, MOVES, verb, by=by, detail={"reason": reason}, reason=reason, **{moment: now()})


def abort_all(flow: Flow, *, by: Actor, reason: str) -> None:
    """Abort every open occurrence of `flow`; the caller holds the flow's lock."""
    for occurrence in Occurrence.objects.filter(flow=flow, status__in=OPEN).order_by("pk"):
        move(occurrence, "abort", by=by, reason=reason)
