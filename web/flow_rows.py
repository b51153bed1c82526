"""What a list or a header shows about flows, read for all of them at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flows.models import Flow, FlowStatus
from participants.statistics import FlowCounts, counts
from running.problems import Problem, Severity, problems_of
from scheduling.recurrence import Recurrence
from scheduling.sentences import sentence
from triggers.models import Schedule


@dataclass(frozen=True)
class FlowRow:
    """One flow as a row, a tile or a header shows it."""

    flow: Flow
    counts: FlowCounts
    when: str  # the schedule in words
    next_run_at: datetime | None
    problems: tuple[Problem, ...] = ()

    @property
    def is_on(self) -> bool:
        """What the switch shows."""
        return bool(self.flow.status == FlowStatus.RUNNING)

    @property
    def is_ending(self) -> bool:
        """Ended, and somebody is still to be taken out."""
        return bool(self.flow.status == FlowStatus.NOT_RUNNING and self.counts.active)

    @property
    def standing(self) -> int:
        """In progress beyond the queue."""
        return self.counts.active - self.counts.queued

    @property
    def severity(self) -> str:
        """The worst of the problems."""
        return worst(self.problems)

    @property
    def is_stopped(self) -> bool:
        """A problem keeps the switch from being turned on."""
        return not self.is_on and self.severity == Severity.ERROR


def worst(found: Iterable[Problem]) -> str:
    """The severity of the worst problem; empty without any."""
    present = {problem.severity for problem in found}
    return str(next((each.value for each in Severity if each in present), ""))


def rows_of(flows: Iterable[Flow]) -> list[FlowRow]:
    """Rows of flows read with `object_type` and `outbox`; the number of queries does not grow with them."""
    shown = list(flows)
    ids = [flow.pk for flow in shown]
    counted, found = counts(ids), problems_of(shown)
    schedules = {schedule.flow_id: schedule for schedule in Schedule.objects.filter(flow_id__in=ids)}
    return [_row(flow, counted[flow.pk], schedules, found[flow.pk]) for flow in shown]


def row_of(flow: Flow) -> FlowRow:
    """One row."""
    return rows_of([flow])[0]


def _row(flow: Flow, counted: FlowCounts, schedules: Mapping[int, Schedule], found: Iterable[Problem]) -> FlowRow:
    schedule = schedules.get(flow.pk)
    return FlowRow(
        flow=flow,
        counts=counted,
        when=sentence(Recurrence.parse(schedule.recurrence)) if schedule else "",
        next_run_at=schedule.next_run_at if schedule else None,
        problems=tuple(found),
    )
