"""What becomes of the moments of a schedule that are due: run, missed after a downtime, or skipped by a member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .models import CatchUp, OccurrenceStatus

ONLY_LATE = timedelta(minutes=15)  # fired within this of its moment, a run is only late
LATEST_WITHIN = timedelta(hours=24)  # `latest` runs nothing older
MOST_MOMENTS = 100  # of one schedule at one firing: older moments of a long downtime leave no row


@dataclass(frozen=True)
class Fate:
    """A due moment and the status, with its reason, that its occurrence is born in."""

    scheduled_for: datetime
    status: OccurrenceStatus
    reason: str = ""


def fates(moments: Sequence[datetime], *, policy: str, at: datetime, skip: datetime | None) -> list[Fate]:
    """The fate of each of `moments` (oldest first, none after `at`) when they are fired at `at`.

    Up to 15 minutes late they all run. Older ones follow `policy`: `all` run; `skip` none; `latest` the newest of
    all, if it is under 24 hours late. `skip` is the one run that a member said to skip.
    """
    newest = max((moment for moment in moments if moment != skip), default=None)
    return [_fate(moment, newest=newest, policy=policy, at=at, skip=skip) for moment in moments]


def _fate(moment: datetime, *, newest: datetime | None, policy: str, at: datetime, skip: datetime | None) -> Fate:
    if moment == skip:
        return Fate(moment, OccurrenceStatus.SKIPPED, "skipped_by_hand")
    if at - moment <= ONLY_LATE or policy == CatchUp.ALL:
        return Fate(moment, OccurrenceStatus.PENDING)
    if policy == CatchUp.SKIP:
        return Fate(moment, OccurrenceStatus.MISSED, "catch_up_off")
    if newest is None or at - newest >= LATEST_WITHIN:
        return Fate(moment, OccurrenceStatus.MISSED, "too_late")
    if moment < newest:
        return Fate(moment, OccurrenceStatus.MISSED, "newer_run")
    return Fate(moment, OccurrenceStatus.PENDING)
