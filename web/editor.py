"""The editor's steps: the chart with its + menus, and the settings of one step beside it, saved as they are edited."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import FlowStatus
from flows.steps import KINDS
from running import verbs
from running.problems import Severity
from web import editor_document, editor_saving
from web.access import AccountRequest, account_view, verb_view
from web.chart import Card, every_card
from web.editor_document import NotThere, Steps
from web.editor_pages import bar
from web.editor_saving import Editor, Outcome
from web.paging import read_id
from web.step_panel import StepPanel
from web.step_panels import PANELS

FAMILIES = (
    ("message", _("Send")),
    ("control", _("Control")),
    ("record", _("Record")),
    ("activity", _("Create")),
    ("internal", _("Inside")),
)
# Named for the step: in its panel "remove branch.7.criteria.0" is a button of the criteria.
REARRANGE: dict[str, Callable[[Steps, int, str], Steps]] = {
    "move_step": editor_document.move,
    "copy_step": lambda steps, step_id, _place: editor_document.duplicate(steps, step_id),
    "remove_step": lambda steps, step_id, _place: editor_document.remove(steps, step_id),
}


@account_view()
def steps(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The chart; `?step=` opens that step's settings. For htmx only the panel."""
    editor = editor_saving.open_editor(request, flow_id)
    page = _page(request, editor, panel_of(editor, read_id(request.GET.get("step"))))
    is_fragment = request.htmx and not request.htmx.history_restore_request
    return render(request, "editor/_panel.html" if is_fragment else "editor/steps.html", page)


@require_POST
@verb_view(right=Right.EDIT_FLOWS)
def insert(request: AccountRequest, flow_id: int) -> HttpResponse:
    """A new step: `insert` names its kind and its place, as in "wait before-7"."""
    kind, _space, place = request.POST.get("insert", "").partition(" ")
    if kind not in KINDS or kind == editor_document.FINISH:
        raise Http404
    with account_scope(request.account.pk):
        document = editor_saving.document_of(request, flow_id)
    before = editor_document.ids(document["steps"])
    outcome = editor_saving.save(
        request,
        flow_id,
        document,
        lambda current: {"steps": editor_document.insert(current["steps"], place, kind)},
    )
    with account_scope(request.account.pk):
        editor = editor_saving.open_editor(request, flow_id)
        new = editor_document.ids(editor.document["steps"]) - before if outcome.is_saved else set()
        return _answer_chart(request, editor, panel_of(editor, next(iter(new), None)), outcome, is_new=True)


@require_POST
@verb_view(right=Right.EDIT_FLOWS)
def step(request: AccountRequest, flow_id: int, step_id: int) -> HttpResponse:
    """Save the settings of a step. `do` presses a button of the panel; `redraw` wants the panel drawn anew."""
    verb, _space, target = request.POST.get("do", "").partition(" ")
    with account_scope(request.account.pk):
        editor = editor_saving.open_editor(request, flow_id)
        panel = panel_of(editor, step_id)
        if panel is None:
            return _answer_gone(request, editor)
        panel.read(request.POST)
        panel.settle()
        made = panel.make(verb, request.POST) if editor.is_open else None
    if verb in REARRANGE:
        change = lambda steps: REARRANGE[verb](steps, step_id, target)  # noqa: E731
    else:
        change = lambda steps: editor_document.change(steps, step_id, **panel.values())  # noqa: E731
    outcome = panel.refused or editor_saving.save(
        request, flow_id, editor.document, lambda current: {"steps": change(current["steps"])}
    )
    with account_scope(request.account.pk):
        if made and not outcome.is_saved:
            made.delete()
        after = editor_saving.open_editor(request, flow_id)
        if verb in REARRANGE:
            return _answer_chart(request, after, panel_of(after, step_id), outcome)
        if made and outcome.is_saved and verb == "new_content":
            return _go(request, reverse("web:content", args=[request.account.slug, panel.settings["content"]]))
        return _answer_step(request, after, panel, outcome)


@require_POST
@verb_view(right=Right.EDIT_FLOWS)
def pause(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Pause and edit: everyone stands still, and the editor opens."""
    with account_scope(request.account.pk):
        flow = editor_saving.find(request, flow_id)
    if flow.status == FlowStatus.RUNNING:
        verbs.pause(request.account.pk, flow_id, by=request.actor)
    return _go(request, address_of(request, flow_id))


def panel_of(editor: Editor, step_id: int | None) -> StepPanel | None:
    """The settings of a step as they are; None for a step that the flow has not."""
    try:
        found = editor_document.spot(editor.document["steps"], step_id or 0).step
    except NotThere:
        return None
    panel = PANELS[found["kind"]](editor.flow, found)
    panel.settle()
    return panel


def address_of(request: AccountRequest, flow_id: int, step_id: int | None = None) -> str:
    """The editor with a step's settings open."""
    address = reverse("web:edit", args=[request.account.slug, flow_id])
    return f"{address}?step={step_id}" if step_id else address


def palette() -> list[dict[str, Any]]:
    """The step kinds that can be added, by family."""
    kinds = [kind for kind in KINDS.values() if kind.kind != editor_document.FINISH]
    grouped = [{"title": title, "kinds": [kind for kind in kinds if kind.family == key]} for key, title in FAMILIES]
    return [family for family in grouped if family["kinds"]]


def _page(
    request: AccountRequest, editor: Editor, panel: StepPanel | None, outcome: Outcome | None = None, **extra: Any
) -> dict[str, Any]:
    """What the steps page and its fragments are drawn from."""
    is_finished = panel is None or panel.is_finished
    page = {**bar(request, editor, "steps", outcome, is_finished=is_finished), "palette": palette(), **extra}
    card = editor.chart.card(panel.step["id"]) if panel else None
    if panel is None or card is None:
        return {**page, "panel": panel}
    step_id, steps = card.step.pk, editor.document["steps"]
    return {
        **page,
        "panel": panel,
        "card": card,
        "selected": step_id,
        "faults": {**_step_faults(editor, panel), **page["faults"]},
        "above": editor_document.place_above(steps, step_id),
        "below": editor_document.place_below(steps, step_id),
        "places": _places(editor, card),
        "save_url": reverse("web:edit_step", args=[request.account.slug, editor.flow.pk, step_id]),
        "redraw_url": reverse("web:edit_step", args=[request.account.slug, editor.flow.pk, step_id]),
        "count_url": reverse("web:edit_criteria", args=[request.account.slug, editor.flow.pk]),
        "standing": (card.here or 0) + sum(lane.here or 0 for lane in card.lanes),
    }


def _places(editor: Editor, card: Card) -> list[dict[str, Any]]:
    """The branches that a step can be moved into: all but its own, and those inside it."""
    inside = {each.step.pk for each in every_card([card])}
    return [
        {"id": lane.branch.pk, "name": lane.name, "split": split.title}
        for split in every_card(editor.chart.cards)
        if split.step.pk not in inside
        for lane in split.lanes
        if lane.branch.pk != card.step.branch_id
    ]


def _step_faults(editor: Editor, panel: StepPanel) -> dict[str, str]:
    """What stops the flow at the step, by the fields where it is mended. A warning makes no field faulty."""
    return {
        panel.slot(problem.field): problem.message
        for problem in reversed(editor.problems)
        if problem.step_id == panel.step["id"] and problem.severity == Severity.ERROR
    }


def _answer_step(request: AccountRequest, editor: Editor, panel: StepPanel, outcome: Outcome) -> HttpResponse:
    """After saving settings: the card, the bar and the faults; the panel too where its fields have changed."""
    redraws = bool(request.POST.get("do") or request.POST.get("redraw"))
    if outcome.is_saved and panel.kind.has_branches and redraws:
        return _answer_chart(request, editor, _refreshed(editor, panel), outcome)
    if not request.htmx and outcome.is_saved and panel.is_finished and not redraws:
        return redirect(address_of(request, editor.flow.pk, panel.step["id"]))
    page = _page(request, editor, panel, _in_panel(editor, panel, outcome), redraws=redraws and not outcome.notice)
    template = "editor/_step_saved.html" if request.htmx else "editor/steps.html"
    return render(request, template, page, status=outcome.status)


def _answer_chart(
    request: AccountRequest, editor: Editor, panel: StepPanel | None, outcome: Outcome, *, is_new: bool = False
) -> HttpResponse:
    """After a change of the path: the chart and the panel; for a refused one only why."""
    address = address_of(request, editor.flow.pk, panel.step["id"] if panel else None)
    if not request.htmx and outcome.is_saved and (panel is None or panel.is_finished):
        return redirect(address)
    page = _page(request, editor, panel, outcome, is_new=is_new)
    template = "editor/_chart_saved.html" if request.htmx else "editor/steps.html"
    response = render(request, template, page, status=outcome.status)
    if outcome.is_saved:
        response["HX-Push-Url"] = address
    return response


def _answer_gone(request: AccountRequest, editor: Editor) -> HttpResponse:
    """Someone else has removed the step while this person edited it."""
    revision = editor_saving.posted_revision(request.POST)
    if revision == editor.flow.revision:
        raise Http404
    return _answer_chart(request, editor, None, editor_saving.stale(request, editor.flow.pk, revision))


def _refreshed(editor: Editor, panel: StepPanel) -> StepPanel:
    """The panel of the saved step, with the conditions that are not finished as they were typed."""
    fresh = panel_of(editor, panel.step["id"])
    if fresh is None:
        return panel
    fresh.take_unfinished(panel)
    return fresh


def _in_panel(editor: Editor, panel: StepPanel, outcome: Outcome) -> Outcome:
    """The outcome with its faults by the names of the panel's fields."""
    if not outcome.faults or panel.refused:
        return outcome
    path = f"{editor_document.spot(editor.document['steps'], panel.step['id']).path}."
    faults = {panel.slot(place.removeprefix(path)): message for place, message in outcome.faults.items()}
    return Outcome(outcome.status, faults, outcome.notice)


def _go(request: AccountRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
