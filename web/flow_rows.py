"""What a list or a header shows about flows, read for all of them at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flows.models import Flow, FlowStatus
from flows.visibility import visible_to as visible_to
from participants.statistics import FlowCounts, counts
from running.problems import Problem, Severity, problems
from scheduling.recurrence import Recurrence
from scheduling.sentences import sentence
from triggers.models import Schedule


@dataclass(frozen=True)
class FlowRow:
    """One flow as a row or a header shows it. `problems` is empty where they are asked for later."""

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
    def severity(self) -> str:
        """The worst of the problems."""
        return worst(self.problems)


def worst(found: Iterable[Problem]) -> str:
    """The severity of the worst problem; empty without any."""
    present = {problem.severity for problem in found}
    return str(next((each.value for each in Severity if each in present), ""))


def rows_of(flows: Iterable[Flow]) -> list[FlowRow]:
    """Rows without problems, in two queries however many flows there are."""
    shown = list(flows)
    ids = [flow.pk for flow in shown]
    counted = counts(ids)
    schedules = {schedule.flow_id: schedule for schedule in Schedule.objects.filter(flow_id__in=ids)}
    return [_row(flow, counted[flow.pk], schedules.get(flow.pk)) for flow in shown]


def row_of(flow: Flow) -> FlowRow:
    """One row with its problems."""
    schedule = Schedule.objects.filter(flow_id=flow.pk).first()
    return _row(flow, counts([flow.pk])[flow.pk], schedule, tuple(problems(flow)))


def _row(flow: Flow, counted: FlowCounts, schedule: Schedule | None, found: tuple[Problem, ...] = ()) -> FlowRow:
    return FlowRow(
        flow=flow,
        counts=counted,
        when=sentence(Recurrence.parse(schedule.recurrence)) if schedule else "",
        next_run_at=schedule.next_run_at if schedule else None,
        problems=found,
    )
