"""Contents: a list of what messages say, and an editor that saves as one writes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from flows.visibility import visible_to
from messaging.advice import SHOWN_SUBJECT, advise
from messaging.merge_fields import names, strangers
from messaging.models import Content
from records.refusals import Invalid
from running import contents
from running.contents import StaleContent
from web import content_preview, content_tests
from web.access import AccountRequest, account_view, verb_view
from web.content_forms import TYPED, flow_of, put, typed, visible_contents
from web.paging import newest_first
from web.record_rows import clean

PARTS: Final = {"shared": Q(flow_id__isnull=True), "flows": Q(flow_id__isnull=False)}


@dataclass
class Writing:
    """What stands in the editor: the content as typed, and how that went."""

    content: Content
    flow: Flow | None  # whose own it is
    saved_at: datetime | None = None  # None: what is typed is not saved
    read_at: str = ""  # which version is being changed
    is_stale: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """The contents a person may see, newest first; `?of=` and `?search=` narrow them."""
    part, search = request.GET.get("of", ""), clean(request.GET.get("search"))
    found = visible_contents(request).defer("html", "text").filter(PARTS.get(part, Q()))
    if search:
        found = found.filter(Q(name__icontains=search) | Q(subject__icontains=search))
    page = newest_first(found, request.GET)
    own = Flow.objects.in_bulk({each.flow_id for each in page.rows if each.flow_id})
    sending = contents.flows_sending([each.pk for each in page.rows])
    seen = set(Flow.objects.filter(visible_to(request.actor)).values_list("pk", flat=True))
    rows = [
        {
            "content": each,
            "flow": own.get(each.flow_id),
            "sending": [flow for flow in sending[each.pk] if flow.pk in seen],
        }
        for each in page.rows
    ]
    context = {"place": "contents", "page": page, "rows": rows, "part": part if part in PARTS else "", "search": search}
    return render(request, "contents/list.html", context)


@account_view(right=Right.EDIT_CONTENT)
@require_http_methods(["GET", "POST"])
def create(request: AccountRequest) -> HttpResponse:
    """A new, shared content: its name, then the editor."""
    name = clean(request.POST.get("name"))
    if request.method == "POST" and name:
        made = Content.objects.create(name=name)
        return redirect("web:content", request.account.slug, made.pk)
    error = _("Give it a name.") if request.method == "POST" else ""
    context = {"place": "contents", "error": error}
    return render(request, "contents/new.html", context, status=422 if error else 200)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def copy(request: AccountRequest, content_id: int) -> HttpResponse:
    """A shared copy, also of what a running flow says."""
    content = get_object_or_404(visible_contents(request), pk=content_id)
    name = _("%(name)s (copy)") % {"name": content.name[:180]}
    said = {each: getattr(content, each) for each in TYPED if each != "name"}
    made = Content.objects.create(name=name, **said)
    return redirect("web:content", request.account.slug, made.pk)


@account_view()
@require_GET
def detail(request: AccountRequest, content_id: int) -> HttpResponse:
    """The editor with its preview as `?record=`; to look at only where it cannot be changed."""
    content = get_object_or_404(visible_contents(request), pk=content_id)
    writing = Writing(content, flow_of(content), saved_at=content.updated_at, read_at=content.updated_at.isoformat())
    return _page(request, writing)


@verb_view(right=Right.EDIT_CONTENT)
@require_POST
def save(request: AccountRequest, content_id: int) -> HttpResponse:
    """Save what is typed, or with `look` only say what is wrong with it and show it."""
    with account_scope(request.account.pk):
        content = get_object_or_404(visible_contents(request), pk=content_id)
        flow = flow_of(content)
    is_deliberate = "save" in request.POST or "overwrite" in request.POST or not request.htmx
    writing = Writing(put(request, content), flow, read_at=request.POST.get("read_at", ""))
    if request.POST.get("look") and not is_deliberate:
        writing.errors = _by_field(contents.faults(content))
        return _answer(request, writing)  # half a sentence is no mistake
    return _saved(request, writing, is_deliberate)


@verb_view(right=Right.EDIT_CONTENT)
@require_POST
def delete(request: AccountRequest, content_id: int) -> HttpResponse:
    """Delete a content that no flow sends."""
    with account_scope(request.account.pk):
        content = get_object_or_404(visible_contents(request), pk=content_id)
    contents.delete(request.account.pk, content_id)
    messages.success(request, _("%(name)s was deleted.") % {"name": content.name})
    return redirect("web:contents", request.account.slug)


def _saved(request: AccountRequest, writing: Writing, is_deliberate: bool) -> HttpResponse:
    read_at = None if "overwrite" in request.POST else _read_at(request)
    try:
        writing.content = contents.edit(
            request.account.pk, writing.content.pk, typed(request), read_at=read_at, as_typed=not is_deliberate
        )
    except StaleContent as stale:
        writing.content.updated_at, writing.is_stale = stale.current, True
        return _answer(request, writing, status=412)
    except Invalid as invalid:
        writing.errors = _by_field(invalid.errors)
        return _answer(request, writing, status=422 if is_deliberate else 200)
    writing.saved_at = writing.content.updated_at
    writing.read_at = writing.saved_at.isoformat()
    return _answer(request, writing)


def _answer(request: AccountRequest, writing: Writing, *, status: int = 200) -> HttpResponse:
    """For htmx what changes around the fields; else the page, after a save by way of its address."""
    if not request.htmx and status == 200:
        return redirect("web:content", request.account.slug, writing.content.pk)
    with account_scope(request.account.pk):
        if not request.htmx:
            return _page(request, writing, status=status)
        context = _around(request, writing)
        if not writing.errors:
            context |= content_preview.context_of(request, writing.content, writing.flow)
            context["is_news"] = context["preview"].digest != request.POST.get("shown", "")
        return render(request, "contents/_saved.html", context, status=status)


def _page(request: AccountRequest, writing: Writing, *, status: int = 200) -> HttpResponse:
    sending = contents.flows_sending([writing.content.pk])[writing.content.pk]
    seen = set(
        Flow.objects.filter(visible_to(request.actor), pk__in=[each.pk for each in sending]).values_list(
            "pk", flat=True
        )
    )
    is_running = any(flow.status == FlowStatus.RUNNING for flow in sending)
    own_runs = writing.flow is not None and writing.flow.status == FlowStatus.RUNNING
    context = {
        "place": "contents",
        **_around(request, writing),
        **content_preview.context_of(request, writing.content, writing.flow),
        "is_news": True,
        "is_locked": own_runs or not request.actor.may(Right.EDIT_CONTENT),
        "own_runs": own_runs,
        "looks_only": is_running,
        "sending": [flow for flow in sending if flow.pk in seen],
        "merge_fields": content_preview.merge_fields(writing.flow),
        "recipients": content_tests.recipients(request.user),
    }
    return render(request, "contents/detail.html", context, status=status)


def _around(request: AccountRequest, writing: Writing) -> dict[str, Any]:
    """What stands beside the fields and changes as one writes."""
    known = names(writing.flow.object_type_id if writing.flow else None)
    return {
        "writing": writing,
        "content": writing.content,
        "errors": {name: writing.errors.get(name, "") for name in TYPED},
        "advice": advise(writing.content, strangers(writing.content, known)),
        "subject_shown": SHOWN_SUBJECT,
    }


def _read_at(request: AccountRequest) -> datetime:
    """When the writer's version was saved; one that cannot be read is older than any."""
    try:
        found = parse_datetime(request.POST.get("read_at", ""))
    except ValueError:
        found = None
    return found or datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _by_field(errors: list[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for error in errors:
        found.setdefault(error.path, error.message)
    return found
