"""What every page of the editor shows around its form: its parts, the problems and where they are mended, the state."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from running.problems import Page, Problem
from running.protection import step_name
from scheduling.clock import now
from web.access import AccountRequest
from web.editor_saving import Editor, Outcome, posted_revision

View = Callable[..., HttpResponse]
PARTS = (
    ("steps", gettext_lazy("Steps"), "web:edit"),
    ("trigger", gettext_lazy("Trigger"), "web:edit_trigger"),
    ("email", gettext_lazy("E-mail"), "web:edit_email"),
    ("success", gettext_lazy("Success"), "web:edit_success"),
    ("settings", gettext_lazy("Settings"), "web:edit_settings"),
)
PART_OF = {Page.STEPS: "steps", Page.TRIGGERS: "trigger", Page.EMAIL: "email", Page.SETTINGS: "settings"}


def bar(
    request: AccountRequest, editor: Editor, part: str, outcome: Outcome | None = None, *, is_finished: bool = True
) -> dict[str, Any]:
    """The context that all of the editor's templates share."""
    addresses = {key: reverse(view, args=[request.account.slug, editor.flow.pk]) for key, _label, view in PARTS}
    stale = outcome is not None and outcome.notice is not None and outcome.notice.is_stale
    return {
        "editor": editor,
        "flow": editor.flow,
        "part": part,
        "parts": [
            {
                "key": key,
                "label": label,
                "address": addresses[key],
                "has_problems": any(_part(each) == key for each in editor.errors),
            }
            for key, label, _view in PARTS
        ],
        "errors": [_shown(editor, each, addresses) for each in editor.errors],
        "warnings": [_shown(editor, each, addresses) for each in editor.warnings],
        "revision": posted_revision(request.POST) if stale else editor.flow.revision,
        "faults": dict(outcome.faults) if outcome else {},
        "notice": outcome.notice if outcome else None,
        "state": _state(editor, outcome, is_finished=is_finished),
        "is_saved": outcome is None or outcome.is_saved,
        "here": addresses[part],
        "at": addresses["steps"],
        "trigger_at": addresses["trigger"],
        "editable": editor.is_open,
    }


def _part(problem: Problem) -> str:
    is_of_the_flow = problem.step_id is None
    return "success" if is_of_the_flow and problem.field.startswith("success") else PART_OF[problem.page]


def _shown(editor: Editor, problem: Problem, addresses: Mapping[str, str]) -> dict[str, Any]:
    """A problem with the place where it is mended."""
    part = _part(problem)
    place = str(next(label for key, label, _view in PARTS if key == part))
    address = addresses[part]
    if problem.step_id is not None:
        place = step_name(editor.path.steps[problem.step_id])
        address = f"{address}?step={problem.step_id}"
    return {"message": problem.message, "place": place, "address": address, "severity": problem.severity}


def _state(editor: Editor, outcome: Outcome | None, *, is_finished: bool) -> str:
    """ "Saved 14:02", or why not."""
    if outcome is None:
        return _("Saved %s") % _clock(editor.flow.updated_at)
    if outcome.notice:
        return _("Not saved: %s") % outcome.notice.title
    if outcome.faults:
        return _("Not saved: %s") % next(iter(outcome.faults.values()))
    if not is_finished:
        return _("Saved %s, except what is not finished") % _clock(now())
    return _("Saved %s") % _clock(now())


def _clock(moment: Any) -> str:
    """The time of day; with the date when it is not today."""
    local, present = timezone.localtime(moment), timezone.localtime(now())
    if local.date() == present.date():
        return local.strftime("%H:%M")
    return str(formats.date_format(local, _("j M, H:i") if local.year == present.year else _("j M Y, H:i")))


def by_method(*, get: View, post: View) -> View:
    """One address for a page and for saving it, each with a right of its own."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(get)
    def chosen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return (post if request.method == "POST" else get)(request, *args, **kwargs)

    return chosen
