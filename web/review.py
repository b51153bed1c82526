"""Review and turn on: what stops the flow, whom its schedule would enrol now, and when it would run."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from records import criteria, dynamic_lists, lists, matching
from records.models import ListKind, Record
from records.refusals import Invalid
from running import verbs
from running.problems import Page, Problem, Severity
from running.protection import step_name
from scheduling.clock import now
from scheduling.recurrence import Recurrence, runs_after
from scheduling.sentences import sentence, warnings
from triggers.models import Schedule, Trigger
from web import errors
from web.access import AccountRequest, account_view, verb_view
from web.flow_page import find, frame
from web.flow_rows import FlowRow
from web.record_rows import clean
from web.runs import days_until
from web.templatetags.ui import number

RUNS = 10
PLACES = {
    Page.SETTINGS: ("web:edit_settings", gettext_lazy("Settings")),
    Page.EMAIL: ("web:edit_email", gettext_lazy("E-mail")),
    Page.TRIGGERS: ("web:edit_trigger", gettext_lazy("Trigger")),
    Page.STEPS: ("web:edit", gettext_lazy("Steps")),
}


@account_view()
@require_GET
def review(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Everything worth knowing before the switch is turned."""
    return _show(request, find(request, flow_id))


@require_POST
@verb_view(right=Right.OPERATE)
def turn_on(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Start or resume, whichever the flow needs; a flow that runs already stays as it is."""
    with account_scope(request.account.pk):
        flow = find(request, flow_id).flow
    if flow.status != FlowStatus.RUNNING:
        verbs.turn_on(request.account.pk, flow_id, by=request.actor)
        messages.info(request, _("“%s” is running.") % flow.name)
    return redirect("web:flow", request.account.slug, flow_id)


@require_POST
@account_view(right=Right.EDIT_CONTENT)
def save_list(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Put everyone who matches now into a new list, or make a dynamic one, and show it."""
    flow = find(request, flow_id).flow
    trigger = _trigger(flow)
    if trigger is None or trigger.criteria is None:
        raise Http404
    name = lists.free_name(clean(request.POST.get("name")) or flow.name)
    try:
        if request.POST.get("kind") == ListKind.DYNAMIC:
            made = dynamic_lists.create_dynamic(name, flow.object_type, trigger.criteria)
            added = None
        else:
            made = lists.create_static(name, flow.object_type)
            added = lists.add_matching(made, trigger.criteria, moment=now(), zone=flow.time_zone)
    except Invalid:
        said = _("The conditions of the trigger name something that is gone. Mend them first.")
        return errors.answer(request, 409, _("Not possible now"), said)
    if added is None:
        messages.info(request, _("Records are being put on the list. With many of them that takes a while."))
    else:
        said = ngettext("%(shown)s record is in the list.", "%(shown)s records are in the list.", added)
        messages.info(request, said % {"shown": number(added)})
    return redirect("web:list", request.account.slug, made.pk)


def _show(request: AccountRequest, row: FlowRow) -> HttpResponse:
    flow, trigger = row.flow, _trigger(row.flow)
    schedule = getattr(trigger, "schedule", None)
    context = {
        "place": "flows",
        "row": row,
        **frame(request, flow, "review"),
        "errors": [_placed(request, flow, each) for each in row.problems if each.severity == Severity.ERROR],
        "warnings": [_placed(request, flow, each) for each in row.problems if each.severity == Severity.WARNING],
        "trigger": trigger,
        "list_name": _("Matched “%s”") % flow.name,
        **(_whom(flow, trigger) if trigger else {}),
        **(_when(schedule) if schedule else {}),
    }
    return render(request, "review/review.html", context)


def _trigger(flow: Flow) -> Trigger | None:
    return Trigger.objects.filter(flow=flow, kind="schedule").select_related("schedule").order_by("pk").first()


def _placed(request: AccountRequest, flow: Flow, problem: Problem) -> dict[str, Any]:
    """A problem with the place in the editor where it is mended."""
    view, place = PLACES[problem.page]
    if problem.field.startswith("success"):
        view, place = "web:edit_success", gettext_lazy("Success")
    address = reverse(view, args=[request.account.slug, flow.pk])
    if problem.step_id is not None:
        step = flow.steps.filter(pk=problem.step_id).first()
        return {
            "problem": problem,
            "place": step_name(step) if step else place,
            "at": f"{address}?step={problem.step_id}",
        }
    return {"problem": problem, "place": place, "at": address}


def _whom(flow: Flow, trigger: Trigger) -> dict[str, Any]:
    """How many meet the criteria now, with the ten newest; nothing while there are no criteria, or none that work."""
    if trigger.criteria is None:
        return {}
    at = now()
    try:
        found = matching.look(trigger.criteria, flow.object_type, moment=at, zone=flow.time_zone)
    except Invalid:
        return {}
    return {
        "is_counted": True,
        "count": found.count,
        "who": criteria.describe(trigger.criteria, flow.object_type),
        "examples": found.sample,
        "all": Record.objects.filter(object_type=flow.object_type, archived_at=None).count(),
    }


def _when(schedule: Schedule) -> dict[str, Any]:
    """The sentence, the next ten runs as if it were on already, and what to know about them."""
    recurrence, at = Recurrence.parse(schedule.recurrence), now()
    return {
        "sentence": sentence(recurrence),
        "coming": [{"run": run, "days": days_until(run, at)} for run in runs_after(recurrence, at, limit=RUNS)],
        "schedule_warnings": warnings(recurrence, at),
    }
