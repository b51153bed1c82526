"""The editor's trigger: when a schedule runs and whom it enrols, with what that means shown as it is written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.rights import Right
from accounts.tenancy import account_scope
from scheduling.clock import now
from scheduling.recurrence import RecurrenceError, Run
from scheduling.sentences import ScheduleWarning
from triggers import schedules
from web import criteria_builder, editor_saving
from web.access import AccountRequest, account_view, verb_view
from web.criteria_builder import Builder, Vocabulary
from web.editor_pages import bar, by_method
from web.editor_saving import Editor, Outcome
from web.paging import read_id
from web.runs import days_until
from web.schedule_form import ScheduleForm

SCHEDULE = "schedule"


@dataclass
class TriggerForm:
    """One trigger as it is shown: the schedule, who, and what both mean."""

    trigger: dict[str, Any]
    number: int  # its place in the document
    schedule: ScheduleForm
    who: Builder
    vocabulary: Vocabulary
    sentence: str = ""
    runs: tuple[dict[str, Any], ...] = ()
    warnings: tuple[ScheduleWarning, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()

    def slot(self, place: str) -> str:
        """The field of the form where a fault of the document stands."""
        own = place.removeprefix(f"triggers.{self.number}.").removeprefix("schedule.")
        return "interval" if own == "schedule" else own.split(".")[0]


@account_view()
def show(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The trigger as it is; `?trigger=` when there are several."""
    editor = editor_saving.open_editor(request, flow_id)
    return _render(request, editor, _form(editor, read_id(request.GET.get("trigger"))))


@verb_view(right=Right.EDIT_FLOWS)
def save(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Save the schedule and whom it enrols; `do` adds or removes the trigger."""
    with account_scope(request.account.pk):
        editor = editor_saving.open_editor(request, flow_id)
        form = _posted(request, editor)
    verb = request.POST.get("do", "")
    if form and verb not in ("add_schedule", "remove_trigger") and not form.who.is_good:
        faults = form.who.faults or {"criteria": _("Finish the conditions first: one of them lacks something.")}
        outcome = Outcome(422, faults)
    else:
        outcome = editor_saving.save(
            request, flow_id, editor.document, lambda current: {"triggers": _triggers(current, form, verb)}
        )
    if outcome.is_saved and (verb or not request.htmx):
        return redirect("web:edit_trigger", request.account.slug, flow_id)
    with account_scope(request.account.pk):
        after = editor_saving.open_editor(request, flow_id)
        if form and outcome.faults:
            outcome = Outcome(outcome.status, {form.slot(k): text for k, text in outcome.faults.items()})
        return _render(request, after, form, outcome)


@require_POST
@account_view()
def preview(request: AccountRequest, flow_id: int) -> HttpResponse:
    """What the form says before it is saved: the sentence, the next ten runs, warnings, faults."""
    editor = editor_saving.open_editor(request, flow_id)
    form = _posted(request, editor)
    redraws = bool(request.POST.get("do") or request.POST.get("redraw"))
    return _render(request, editor, form, is_draft=True, redraws=redraws)


trigger = by_method(get=show, post=save)


def _form(editor: Editor, trigger_id: int | None) -> TriggerForm | None:
    """The form of a trigger, by default the first; None without one."""
    triggers = editor.document["triggers"]
    chosen = next((n for n, each in enumerate(triggers) if each["id"] == trigger_id), 0)
    if not triggers:
        return None
    form = TriggerForm(
        trigger=triggers[chosen],
        number=chosen,
        schedule=ScheduleForm.of_document(triggers[chosen]["schedule"]),
        who=criteria_builder.of_tree(triggers[chosen]["criteria"], "criteria"),
        vocabulary=Vocabulary.of(editor.flow.object_type),
    )
    return _settled(editor, form)


def _posted(request: AccountRequest, editor: Editor) -> TriggerForm | None:
    form = _form(editor, read_id(request.POST.get("trigger")))
    if form is None or "frequency" not in request.POST:
        return form
    form.schedule = ScheduleForm.of_post(request.POST)
    form.who = criteria_builder.of_post(request.POST, "criteria", stored=form.trigger["criteria"])
    return _settled(editor, form)


def _settled(editor: Editor, form: TriggerForm) -> TriggerForm:
    """With what the schedule and the criteria mean."""
    criteria_builder.check([form.who], form.vocabulary)
    try:
        found = schedules.preview(form.schedule.as_document(), time_zone=editor.flow.time_zone)
    except RecurrenceError as error:
        form.faults = tuple(error.errors)
        form.sentence, form.runs, form.warnings = "", (), ()
        return form
    form.faults, form.sentence, form.warnings = (), found.sentence, tuple(found.warnings)
    at = now()
    form.runs = tuple(_shown(run, at) for run in found.runs)
    return form


def _shown(run: Run, at: datetime) -> dict[str, Any]:
    """A coming run in words."""
    note = ""
    if run.shifted:
        note = _("The clock skips that time this night: it runs later by as much.")
    elif run.repeated:
        note = _("The clock shows this time twice: it runs the first time.")
    return {
        # Translators: a day of any year, in the letters of Django's date format.
        "day": formats.date_format(run.local, _("D j M Y")),
        "time": run.local.strftime("%H:%M"),
        "days": days_until(run, at),
        "note": note,
    }


def _triggers(document: dict[str, Any], form: TriggerForm | None, verb: str) -> list[dict[str, Any]]:
    """The document's triggers after the button, or with the form in the place of the one it is about."""
    triggers = document["triggers"]
    if verb == "add_schedule":
        return [*triggers, {"kind": SCHEDULE}]
    if form is None:
        return list(triggers)
    others = [each for each in triggers if each["id"] != form.trigger["id"]]
    if verb == "remove_trigger":
        return others
    changed = {**form.trigger, "criteria": form.who.to_save, "schedule": form.schedule.as_document()}
    return [changed if each["id"] == form.trigger["id"] else each for each in triggers]


def _render(
    request: AccountRequest,
    editor: Editor,
    form: TriggerForm | None,
    outcome: Outcome | None = None,
    *,
    is_draft: bool = False,
    redraws: bool = False,
) -> HttpResponse:
    """The page, or for htmx what changes around the form."""
    page = {
        **bar(request, editor, "trigger", outcome),
        "form": form,
        "is_draft": is_draft,
        "redraws": redraws,
        "template": f"triggers/{form.trigger['kind']}.html" if form else "",
        "redraw_url": reverse("web:edit_trigger_preview", args=[request.account.slug, editor.flow.pk]),
        "count_url": reverse("web:edit_criteria", args=[request.account.slug, editor.flow.pk]),
    }
    if form:
        own = {form.slot(place): message for place, message in reversed(form.faults)}
        page["faults"] = {**own, **form.who.faults, **page["faults"]}
    template = "editor/_trigger_saved.html" if request.htmx else "editor/trigger.html"
    return render(request, template, page, status=outcome.status if outcome else 200)
