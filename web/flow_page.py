"""A flow's own pages: what all of them show around their tab, the summary, the chart with counts, the contents."""

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from flows import folders
from flows.models import Flow
from flows.path import Path
from messaging.models import Content
from participants.models import Participant, ParticipantStatus
from records.models import Record
from running.contents import flows_sending
from web import flow_facts, step_facts
from web.access import AccountRequest, account_view
from web.chart import counted_chart
from web.flow_list import remember
from web.flow_rows import FlowRow, row_of
from web.flows import LIVE, seen_by
from web.paging import read_id

TABS: Final[tuple[tuple[str, Promise, str], ...]] = (
    ("summary", _("Summary"), "web:flow"),
    ("chart", _("Flow"), "web:flow_chart"),
    ("participants", _("Participants"), "web:participants"),
    ("runs", _("Runs"), "web:runs"),
    ("contents", _("Contents"), "web:flow_contents"),
    ("log", _("Log"), "web:flow_log"),
)
SHOWN_HERE: Final = 10  # people beside a step


@account_view()
@require_GET
def summary(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The counts and what they add up to, how people come in, success, the latest runs, and the settings in words."""
    row = find(request, flow_id)
    remember(request.session, request.account.pk, flow_id)
    facts = {} if is_live(request) else flow_facts.facts_of(row)
    return show(request, row, "summary", composition=flow_facts.composition(row.counts), **facts)


@account_view()
@require_GET
def chart(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The chart, to look at; `?step=` opens a step's settings and its people."""
    row = find(request, flow_id)
    flow, path = row.flow, Path.of(row.flow)
    context: dict[str, Any] = {}
    step = path.steps.get(read_id(request.GET.get("step")) or 0)
    if step is not None:
        standing = Participant.objects.filter(flow=flow, step_id=step.pk, status=ParticipantStatus.ACTIVE)
        here = list(standing.order_by("-pk")[: SHOWN_HERE + 1])
        records = Record.objects.in_bulk([each.record_id for each in here])
        context = {
            "step": step_facts.facts_of(step, path, request.account),
            "selected": step.pk,
            "here": [{"participant": each, "record": records.get(each.record_id)} for each in here[:SHOWN_HERE]],
            "has_more": len(here) > SHOWN_HERE,
        }
        if request.htmx and not is_live(request) and not request.htmx.history_restore_request:
            return render(request, "flows/_step.html", {"row": row, **context})
    drawn = counted_chart(flow, path, row.problems)
    address = reverse("web:flow_chart", args=[request.account.slug, flow.pk])
    trigger_at = reverse("web:runs", args=[request.account.slug, flow.pk])
    return show(request, row, "chart", chart=drawn, at=address, trigger_at=trigger_at, **context)


@account_view()
@require_GET
def contents(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The e-mails that the flow sends, in the order of its steps, and those of its own that no step sends."""
    row = find(request, flow_id)
    path = Path.of(row.flow)
    sent = [step for step in path.steps.values() if step.settings.get("content")]
    chosen = Content.objects.defer("html", "text").in_bulk({step.settings["content"] for step in sent})
    unused = Content.objects.defer("html", "text").filter(flow_id=flow_id).exclude(pk__in=chosen).order_by("name", "pk")
    elsewhere = flows_sending(chosen)
    listed = [
        {
            "content": content,
            "steps": [step for step in sent if step.settings["content"] == content.pk],
            "others": [flow for flow in elsewhere[content.pk] if flow.pk != flow_id],
        }
        for content in chosen.values()
    ]
    return show(request, row, "contents", listed=listed, unused=unused)


def find(request: AccountRequest, flow_id: int) -> FlowRow:
    """The flow that an address names, with what its header shows; 404 when the person may not see it."""
    return row_of(get_object_or_404(seen_by(request), pk=flow_id))


def is_live(request: AccountRequest) -> bool:
    """True when a page asks by itself for its counts as they are now."""
    return bool(request.htmx) and request.htmx.target == LIVE


def show(request: AccountRequest, row: FlowRow, tab: str, **context: Any) -> HttpResponse:
    """A tab of the flow's page, or its live part with the header beside it."""
    page = {"place": "flows", "row": row, "tab": tab, **frame(request, row.flow, tab), **context}
    if is_live(request):
        return render(request, "flows/_live.html", {**page, "out_of_band": True, "part": f"flows/_{tab}_live.html"})
    return render(request, f"flows/{tab}.html", page)


def frame(request: AccountRequest, flow: Flow, tab: str) -> dict[str, Any]:
    """What stands above every tab: the way through the folders, and the tabs."""
    own = [request.account.slug, flow.pk]
    tabs = [{"key": key, "label": label, "address": reverse(view, args=own)} for key, label, view in TABS]
    path = folders.path_to(flow.folder_id, folders.everything()) if flow.folder_id else []
    return {"tab": tab, "tabs": tabs, "path": path}
