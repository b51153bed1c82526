"""A flow as a chart: cards on a path, splits side by side, with who stands where. For the editor and the flow page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from flows.models import Branch, Flow, Step
from flows.path import TRUNK, Path
from flows.steps import KINDS
from participants import statistics
from running.problems import Page, Problem, Severity
from scheduling.recurrence import Recurrence
from scheduling.sentences import sentence
from triggers.models import Trigger
from web.flow_rows import worst

Standing = Mapping[int, Mapping[str, int]]  # participants.statistics.standing()


@dataclass(frozen=True)
class BranchLane:
    """One branch of a split. `here` and `took` are None where nobody has been counted."""

    branch: Branch
    cards: tuple["Card", ...]
    here: int | None  # who stands anywhere inside
    took: int | None  # who went this way so far
    exits: bool  # whoever takes it leaves the flow

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.branch.name or (_("Everyone else") if self.branch.is_everyone_else else _("Branch")))


@dataclass(frozen=True)
class Card:
    """One step. `here` and `passed` are None where nobody has been counted."""

    step: Step
    label: str
    family: str
    icon: str
    summary: str
    here: int | None
    passed: int | None
    problems: tuple[Problem, ...]
    lanes: tuple[BranchLane, ...]

    @property
    def title(self) -> str:
        """The name that somebody gave it, else what it does."""
        return self.step.name or self.summary

    @property
    def severity(self) -> str:
        """The worst of its problems."""
        return worst(self.problems)

    @property
    def errors(self) -> list[Problem]:
        """Those of its problems that stop the flow."""
        return [problem for problem in self.problems if problem.severity == Severity.ERROR]

    @property
    def warnings(self) -> list[Problem]:
        """Those of its problems that stop nothing."""
        return [problem for problem in self.problems if problem.severity != Severity.ERROR]

    @property
    def inside(self) -> int:
        """How many steps stand in its branches, at any depth."""
        return sum(1 + card.inside for lane in self.lanes for card in lane.cards)


@dataclass(frozen=True)
class TriggerCard:
    """Why people come in. `trigger` is None when only people by hand do."""

    trigger: Trigger | None
    title: str
    next_run_at: datetime | None
    problems: tuple[Problem, ...]

    @property
    def severity(self) -> str:
        """The worst of its problems."""
        return worst(self.problems)


@dataclass(frozen=True)
class Chart:
    """The whole of it: triggers above, then the trunk. `queued` is None where nobody has been counted."""

    triggers: tuple[TriggerCard, ...]
    cards: tuple[Card, ...]
    queued: int | None

    def card(self, step_id: int) -> Card | None:
        """The card of a step, wherever it stands."""
        return next((card for card in every_card(self.cards) if card.step.pk == step_id), None)


def counted_chart(flow: Flow, path: Path, problems: Iterable[Problem]) -> Chart:
    """The chart with the flow's counts as they are now."""
    return chart_of(flow, path, problems, statistics.standing(flow.pk), taken=statistics.taken(flow.pk))


def chart_of(
    flow: Flow,
    path: Path,
    problems: Iterable[Problem],
    standing: Standing | None = None,
    *,
    taken: Mapping[int, int] | None = None,
) -> Chart:
    """The chart of `flow`, whose steps `path` holds, in a number of queries that does not grow with the steps.

    `problems` are all of the flow's, `standing` its counts per step, `taken` those per branch; without them it shows
    none.
    """
    found = list(problems)
    by_step: dict[int, list[Problem]] = {}
    for problem in found:
        if problem.step_id is not None:
            by_step.setdefault(problem.step_id, []).append(problem)
    return Chart(
        triggers=_trigger_cards(flow, [problem for problem in found if problem.page == Page.TRIGGERS]),
        cards=_Drawing(path, by_step, standing, taken).sequence(TRUNK),
        queued=None if standing is None else standing.get(0, {}).get("on", 0),
    )


def every_card(cards: Iterable[Card]) -> Iterable[Card]:
    """All cards in reading order, those in branches included."""
    for card in cards:
        yield card
        for lane in card.lanes:
            yield from every_card(lane.cards)


@dataclass(frozen=True)
class _Drawing:
    """What every card of one chart is made from."""

    path: Path
    problems: Mapping[int, list[Problem]]  # by step
    standing: Standing | None
    taken: Mapping[int, int] | None

    def sequence(self, branch_id: int | None) -> tuple[Card, ...]:
        """The cards of a branch, or of the trunk."""
        return tuple(self._card(step) for step in self.path.sequences.get(branch_id, []))

    def _card(self, step: Step) -> Card:
        kind = KINDS[step.kind]
        counted: Mapping[str, Any] = (
            {} if self.standing is None else {"on": 0, "passed": 0, **self.standing.get(step.pk, {})}
        )
        return Card(
            step=step,
            label=str(kind.label),
            family=kind.family,
            icon=kind.icon,
            summary=kind.summary(step, self.path),
            here=counted.get("on"),
            passed=counted.get("passed"),
            problems=tuple(self.problems.get(step.pk, ())),
            lanes=tuple(self._lane(each) for each in self.path.branches_of(step.pk)) if kind.has_branches else (),
        )

    def _lane(self, branch: Branch) -> BranchLane:
        cards = self.sequence(branch.pk)
        return BranchLane(
            branch,
            cards,
            here=None if self.standing is None else _here(cards),
            took=None if self.taken is None else self.taken.get(branch.pk, 0),
            exits=branch.is_everyone_else and bool(self.path.steps[branch.step_id].settings.get("exit")),
        )


def _here(cards: Iterable[Card]) -> int:
    return sum(card.here or 0 for card in every_card(cards))


def _trigger_cards(flow: Flow, problems: list[Problem]) -> tuple[TriggerCard, ...]:
    triggers = list(Trigger.objects.filter(flow=flow).select_related("schedule").order_by("pk"))
    if not triggers:
        return (TriggerCard(None, _("By hand only"), None, tuple(problems)),)
    return tuple(
        _trigger_card(trigger, [problem for problem in problems if problem.field.startswith(f"triggers.{number}.")])
        for number, trigger in enumerate(triggers)
    )


def _trigger_card(trigger: Trigger, problems: list[Problem]) -> TriggerCard:
    schedule = getattr(trigger, "schedule", None)
    title = sentence(Recurrence.parse(schedule.recurrence)) if schedule else _("On a schedule")
    return TriggerCard(trigger, title, schedule.next_run_at if schedule else None, tuple(problems))
