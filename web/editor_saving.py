"""The editor of a flow: opening it, and the one path on which every change of it is saved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from accounts.history import NotAllowed
from accounts.models import History
from accounts.rights import NEEDS, Right
from accounts.tenancy import account_scope
from flows.document import as_document
from flows.models import Flow, FlowStatus
from flows.path import Path
from flows.visibility import visible_to
from participants import statistics
from running import changes, editing
from running.problems import Problem, Severity, problems
from web.access import AccountRequest
from web.chart import Chart, counted_chart
from web.editor_document import NotThere
from web.paging import read_id

Document = Mapping[str, Any]
Change = Callable[[dict[str, Any]], dict[str, Any]]  # the document -> the parts of it that change


@dataclass(frozen=True)
class Notice:
    """Why a change was not saved. `steps` say where people stand; `is_stale`: someone else was faster."""

    title: str
    message: str
    steps: tuple[Mapping[str, Any], ...] = ()
    is_stale: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a change: the status of the answer, faults by their paths in the document, or a notice."""

    status: int = 200
    faults: Mapping[str, str] = field(default_factory=dict)
    notice: Notice | None = None

    @property
    def is_saved(self) -> bool:
        """Whether the flow is now as it was asked to be."""
        return self.status == 200


@dataclass(frozen=True)
class Editor:
    """A flow as its editor shows it. Read inside the account's scope."""

    flow: Flow
    document: dict[str, Any]
    path: Path
    chart: Chart
    counts: statistics.FlowCounts
    problems: tuple[Problem, ...]
    why_not: str  # why nothing may be changed; "" when it may

    @property
    def is_open(self) -> bool:
        """Whether it may be changed now."""
        return not self.why_not

    @property
    def finish_id(self) -> int | None:
        """The id of Finish, which every flow ends in."""
        return self.chart.cards[-1].step.pk if self.chart.cards else None

    @property
    def errors(self) -> list[Problem]:
        """What stops the flow."""
        return [each for each in self.problems if each.severity == Severity.ERROR]

    @property
    def warnings(self) -> list[Problem]:
        """What is worth knowing."""
        return [each for each in self.problems if each.severity == Severity.WARNING]


def find(request: AccountRequest, flow_id: int) -> Flow:
    """The flow, if the person may see it; 404 otherwise. Inside the account's scope."""
    visible = Flow.objects.filter(visible_to(request.actor)).select_related("object_type", "outbox")
    return get_object_or_404(visible, pk=flow_id)


def document_of(request: AccountRequest, flow_id: int) -> dict[str, Any]:
    """The flow's document; 404 as in `find`. Inside the account's scope."""
    return as_document(find(request, flow_id))


def open_editor(request: AccountRequest, flow_id: int) -> Editor:
    """The editor of a flow, in a number of queries that does not grow with its steps; 404 as in `find`."""
    flow = find(request, flow_id)
    path, found = Path.of(flow), tuple(problems(flow))
    return Editor(
        flow=flow,
        document=as_document(flow),
        path=path,
        chart=counted_chart(flow, path, found),
        counts=statistics.counts([flow.pk])[flow.pk],
        problems=found,
        why_not=_why_not(request, flow, found),
    )


def save(request: AccountRequest, flow_id: int, document: dict[str, Any], change: Change) -> Outcome:
    """Change the flow, whose `document` has been read, unless it is another than the one the form was made from.

    Outside any scope: the edit opens a durable one of its own. Raises `Flow.DoesNotExist` when it is gone.
    """
    revision = posted_revision(request.POST)
    if revision != document["revision"]:
        return stale(request, flow_id, revision)
    try:
        editing.edit(request.account.pk, flow_id, change(document), revision=revision, by=request.actor)
    except NotThere:
        return Outcome(404, notice=Notice(_("That is not there"), _("The step or branch is not in the flow any more.")))
    except editing.StaleRevision:
        return stale(request, flow_id, revision)
    except editing.InvalidDocument as error:
        return Outcome(422, faults=dict(reversed(error.errors)))
    except NotAllowed as error:
        steps = tuple(error.detail.get("steps", ()))
        return Outcome(409, notice=Notice(_("Not possible now"), error.message, steps))
    return Outcome()


def stale(request: AccountRequest, flow_id: int, revision: int) -> Outcome:
    """Somebody else has changed the flow since `revision`: who, and what."""
    with account_scope(request.account.pk):
        rows = History.objects.filter(
            subject="flow", subject_id=flow_id, verb="edited", detail__revision__gt=revision
        ).order_by("-at", "-pk")[:3]
        said = [f"{row.by_name}: {changes.in_words(row.detail)}." for row in rows]
    message = _("Someone has changed the flow since you opened it. Your change is not saved, and still stands here.")
    return Outcome(412, notice=Notice(_("There is a newer version"), " ".join([message, *said]), is_stale=True))


def posted_revision(data: QueryDict) -> int:
    """The revision that a form was made from; 0, which no flow has, without one."""
    return read_id(data.get("revision")) or 0


def _why_not(request: AccountRequest, flow: Flow, found: tuple[Problem, ...]) -> str:
    if not request.actor.may(Right.EDIT_FLOWS):
        return str(NEEDS[Right.EDIT_FLOWS])
    if flow.status == FlowStatus.RUNNING:
        return _("The flow is running. Pause it to change it: everyone stands still while you do.")
    if any(problem.code == "still_ending" for problem in found):
        return _("The flow is still ending. Edit it when everyone has left.")
    return ""
