"""Why a flow cannot run: every problem at once, each with a stable code, its place, and what to do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from accounts.actors import Actor, read_by
from accounts.tenancy import current_account_id
from flows.models import Flow
from flows.path import Path
from flows.steps import KINDS as STEP_KINDS
from records import criteria
from triggers.kinds import KINDS as TRIGGER_KINDS
from triggers.models import Trigger

from . import ending


class Severity(StrEnum):
    """Whether a problem keeps the flow from running."""

    ERROR = "error"  # stops start and resume
    WARNING = "warning"  # worth knowing


class Page(StrEnum):
    """Where in the editor a problem is mended."""

    SETTINGS = "settings"
    EMAIL = "email"
    TRIGGERS = "triggers"
    STEPS = "steps"


PAGES = list(Page)


@dataclass(frozen=True)
class Problem:
    """One thing to mend. `code` is stable, `message` in the active language.

    `field` is the path of the value: in the flow's document, or within the step when there is a `step_id`.
    """

    code: str
    message: str
    severity: Severity
    page: Page
    step_id: int | None = None
    field: str = ""


def problems(flow: Flow) -> list[Problem]:
    """Every problem of a flow, in the order of the editor's pages. Inside the flow's scope.

    The number of queries does not grow with the steps.
    """
    return problems_of([flow])[flow.pk]


def problems_of(flows: Iterable[Flow]) -> dict[int, list[Problem]]:
    """The problems of several flows by flow id. The number of queries grows with their object types only.

    Read the flows with `select_related("object_type", "outbox")`.
    """
    asked = list(flows)
    still_ending = ending.among(asked)
    found: dict[int, list[Problem]] = {}
    for object_type_id in sorted({flow.object_type_id for flow in asked}):
        alike = [flow for flow in asked if flow.object_type_id == object_type_id]
        paths, triggers = Path.of_several(alike), _triggers_of(alike)
        invalid = _criteria(alike, paths, triggers)
        for flow in alike:
            path = paths[flow.pk]
            each = [
                *(_ending() if flow.pk in still_ending else ()),
                *_email(flow, path),
                *_triggers(triggers[flow.pk]),
                *_steps(path),
                *invalid[flow.pk],
            ]
            found[flow.pk] = sorted(each, key=lambda problem: PAGES.index(problem.page))
    return found


def _triggers_of(flows: Iterable[Flow]) -> dict[int, list[Trigger]]:
    """The triggers of each flow with their schedules, in one query."""
    triggers: dict[int, list[Trigger]] = {flow.pk: [] for flow in flows}
    for trigger in Trigger.objects.filter(flow_id__in=triggers).select_related("schedule").order_by("pk"):
        triggers[trigger.flow_id].append(trigger)
    return triggers


def _ending() -> Iterator[Problem]:
    message = _("The flow is still ending. Wait until everyone has left.")
    yield Problem("still_ending", message, Severity.ERROR, Page.SETTINGS)


def _email(flow: Flow, path: Path) -> Iterator[Problem]:
    """The sender is needed only by a flow that sends."""
    if not any(STEP_KINDS[step.kind].channel == "email" for step in path.steps.values()):
        return
    outbox = flow.outbox
    needed = [
        ("sender_missing", _("Write the address that e-mails come from."), "sender_address", outbox.sender_address),
        ("reply_address_missing", _("Write the address that replies go to."), "reply_address", outbox.reply_address),
        (
            "subscription_type_missing",
            _("Choose the subscription type of the e-mails."),
            "subscription_type",
            outbox.subscription_type_id,
        ),
    ]
    for code, message, field, value in needed:
        if not value:
            yield Problem(code, message, Severity.ERROR, Page.EMAIL, field=f"email.{field}")


def _triggers(triggers: list[Trigger]) -> Iterator[Problem]:
    if not triggers:
        message = _("Without a trigger only people enrolled by hand enter the flow.")
        yield Problem("no_trigger", message, Severity.WARNING, Page.TRIGGERS, field="triggers")
    for number, trigger in enumerate(triggers):
        for lack in TRIGGER_KINDS[trigger.kind].lacks(trigger, is_alone=len(triggers) == 1):
            field = f"triggers.{number}.{lack.field}"
            yield Problem(lack.code, lack.message, Severity.ERROR, Page.TRIGGERS, field=field)


def _steps(path: Path) -> Iterator[Problem]:
    if all(step.kind == "finish" for step in path.steps.values()):
        message = _("Add a step: so far the flow does nothing.")
        yield Problem("no_steps", message, Severity.ERROR, Page.STEPS, field="steps")
    for step in path.steps.values():
        for lack in STEP_KINDS[step.kind].lacks(step, path):
            severity = Severity.WARNING if lack.is_warning else Severity.ERROR
            yield Problem(lack.code, lack.message, severity, Page.STEPS, step.pk, lack.field)


def _criteria(
    flows: Iterable[Flow], paths: Mapping[int, Path], triggers: Mapping[int, list[Trigger]]
) -> dict[int, list[Problem]]:
    """Criteria were right when they were saved; a property may be archived, or a list deleted, since.

    The flows are of one object type, so that all their trees are checked together.
    """
    found: dict[int, list[Problem]] = {flow.pk: [] for flow in flows}
    places = [(flow, *place) for flow in flows for place in _trees(flow, paths[flow.pk], triggers[flow.pk]) if place[0]]
    if not places:
        return found
    object_type = places[0][0].object_type
    with read_by(Actor.flyt(current_account_id())):  # a flow that the reader may not see is no problem
        faults = criteria.check_all([tree for _flow, tree, *_place in places], object_type)
    for (flow, _tree, page, step_id, field), errors in zip(places, faults, strict=True):
        for error in errors:
            where = f"{field}.{error.path}" if error.path else field
            found[flow.pk].append(Problem("criteria_invalid", error.message, Severity.ERROR, page, step_id, where))
    return found


def _trees(flow: Flow, path: Path, triggers: Iterable[Trigger]) -> Iterator[tuple[Any, Page, int | None, str]]:
    """Every tree of a flow with its place: page, step and field."""
    yield flow.filter, Page.SETTINGS, None, "filter"
    yield flow.unenrolment, Page.SETTINGS, None, "unenrolment"
    for number, criterion in enumerate(flow.success):
        yield criterion["criteria"], Page.SETTINGS, None, f"success.{number}.criteria"
    for number, trigger in enumerate(triggers):
        yield trigger.criteria, Page.TRIGGERS, None, f"triggers.{number}.criteria"
    for step_id in path.steps:
        for number, branch in enumerate(path.branches_of(step_id)):
            yield branch.criteria, Page.STEPS, step_id, f"branches.{number}.criteria"
