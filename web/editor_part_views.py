"""The pages of the editor's other parts: e-mail, success, settings, saved as they are edited; and the live count."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.rights import Right
from accounts.tenancy import account_scope
from web import criteria_builder, editor_saving
from web.access import AccountRequest, account_view, verb_view
from web.editor_pages import PARTS, bar, by_method
from web.editor_parts import EmailPart, Part, SettingsPart, SuccessPart
from web.editor_saving import Editor, Outcome

KINDS: dict[str, type[Part]] = {"email": EmailPart, "success": SuccessPart, "settings": SettingsPart}
VIEWS = {key: view for key, _label, view in PARTS}


@account_view()
def show(request: AccountRequest, flow_id: int, part: str) -> HttpResponse:
    """The part as it is."""
    editor = editor_saving.open_editor(request, flow_id)
    form = KINDS[part](editor, request.actor)
    form.settle()
    return _render(request, editor, part, form)


@verb_view(right=Right.EDIT_FLOWS)
def save(request: AccountRequest, flow_id: int, part: str) -> HttpResponse:
    """Save the part. `do` presses a button; `redraw` wants the form drawn anew."""
    with account_scope(request.account.pk):
        editor = editor_saving.open_editor(request, flow_id)
        form = KINDS[part](editor, request.actor)
        form.read(request.POST)
        form.settle()
        made = form.make(request.POST.get("do", ""), request.POST) if editor.is_open else None
    outcome = form.refused or editor_saving.save(request, flow_id, editor.document, lambda _current: form.values())
    redraws = bool(request.POST.get("do") or request.POST.get("redraw")) and not outcome.notice
    if not request.htmx and outcome.is_saved and form.is_finished and not redraws:
        return redirect(VIEWS[part], request.account.slug, flow_id)
    with account_scope(request.account.pk):
        if made and not outcome.is_saved:
            made.delete()
        form.settle()
        faults = {form.slot(place): message for place, message in outcome.faults.items()}
        after = editor_saving.open_editor(request, flow_id)
        return _render(request, after, part, form, Outcome(outcome.status, faults, outcome.notice), redraws=redraws)


@require_POST
@account_view()
def count(request: AccountRequest, flow_id: int) -> HttpResponse:
    """How many records meet the criteria of one builder of the form, now, and some of them: `builder` names it."""
    flow = editor_saving.find(request, flow_id)
    found = criteria_builder.result(request.POST, flow.object_type, zone=flow.time_zone)
    if found is None:
        raise Http404
    return render(request, "components/_criteria_count.html", found)


part = by_method(get=show, post=save)


def _render(
    request: AccountRequest, editor: Editor, part: str, form: Part, outcome: Outcome | None = None, **extra: Any
) -> HttpResponse:
    """The page, or for htmx what changes around the form."""
    page = {
        **bar(request, editor, part, outcome, is_finished=form.is_finished),
        "form": form,
        "fields": f"editor/_{part}_fields.html",
        "vocabulary": form.vocabulary,
        "save_url": reverse(VIEWS[part], args=[request.account.slug, editor.flow.pk]),
        "count_url": reverse("web:edit_criteria", args=[request.account.slug, editor.flow.pk]),
        **extra,
    }
    page["faults"] = {**_problems(editor, form, part), **_of_builders(form), **page["faults"]}
    template = "editor/_part_saved.html" if request.htmx else form.template
    return render(request, template, page, status=outcome.status if outcome else 200)


def _problems(editor: Editor, form: Part, part: str) -> dict[str, str]:
    """The flow's problems that are mended here, by their fields."""
    pages = {"email": "email", "success": "settings", "settings": "settings"}
    return {
        form.slot(problem.field): problem.message
        for problem in reversed(editor.problems)
        if problem.page == pages[part] and problem.field
    }


def _of_builders(form: Part) -> dict[str, str]:
    return {name: message for each in form.builders for name, message in each.faults.items()}
