"""The runs of a flow's schedule: what each enrolled and left out, the ones to come, run now and skip next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import Flow
from participants import reasons
from records import matching
from records.refusals import Invalid
from scheduling.clock import now
from scheduling.recurrence import Recurrence, Run
from scheduling.sentences import sentence
from triggers import schedules
from triggers.lifecycle import REASONS
from triggers.models import Occurrence, OccurrenceStatus, Schedule, Trigger
from web.access import AccountRequest, account_view, verb_view
from web.asking import ask
from web.flow_page import find, show
from web.paging import newest_first
from web.record_rows import clean
from web.templatetags.ui import number

COMING = 10
TROUBLE = (
    OccurrenceStatus.MISSED,
    OccurrenceStatus.SKIPPED,
    OccurrenceStatus.ABORTED,
    OccurrenceStatus.FAILED,
)
UNCOUNTED = (OccurrenceStatus.MISSED, OccurrenceStatus.SKIPPED)


@dataclass(frozen=True)
class RunRow:
    """One run as the table shows it."""

    run: Occurrence
    is_counted: bool
    left_out: list[str]  # "2 already in the flow"
    reason: str
    took: timedelta | None
    is_late: bool


@account_view()
@require_GET
def overview(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The runs, the latest made first; `?show=trouble` keeps those that went otherwise than planned."""
    row = find(request, flow_id)
    runs = Occurrence.objects.filter(flow=row.flow)
    trouble = request.GET.get("show") == "trouble"
    page = newest_first(runs.filter(status__in=TROUBLE) if trouble else runs, request.GET)
    schedule = Schedule.objects.filter(trigger__in=Trigger.objects.filter(flow=row.flow)).first()
    return show(
        request,
        row,
        "runs",
        page=page,
        runs=[row_of(run) for run in page.rows],
        is_trouble=trouble,
        has_any=bool(page.rows) or runs.exists(),
        schedule=schedule,
        sentence=sentence(Recurrence.parse(schedule.recurrence)) if schedule else "",
        coming=coming_of(row.flow, schedule),
        present=now(),
    )


@verb_view(right=Right.OPERATE)
def run_now(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET says how many match and asks, POST runs. Sent twice it runs once: the question carries a key."""
    key = clean(request.POST.get("key"))
    if request.method == "POST" and key:
        with account_scope(request.account.pk):
            find(request, flow_id)
        schedules.run_now(request.account.pk, flow_id, by=request.actor, idempotency_key=key)
        messages.info(request, _("The run has begun."))
        return redirect("web:runs", request.account.slug, flow_id)
    with account_scope(request.account.pk):
        row = find(request, flow_id)
        matched = _matching(row.flow)
        return ask(
            request,
            title=_("Run “%s” now?") % row.flow.name,
            text=_in_words(matched),
            verb=_("Run now"),
            body="flows/_run_key.html",
            back=reverse("web:runs", args=[request.account.slug, flow_id]),
            key=token_hex(16),
        )


@require_POST
@verb_view(right=Right.OPERATE)
def skip_next(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Let the coming run be skipped."""
    with account_scope(request.account.pk):
        find(request, flow_id)
    schedules.skip_next(request.account.pk, flow_id, by=request.actor)
    messages.info(request, _("The next run will be skipped."))
    return redirect("web:runs", request.account.slug, flow_id)


def row_of(run: Occurrence) -> RunRow:
    """What a run did, in words."""
    return RunRow(
        run=run,
        is_counted=run.status not in UNCOUNTED,
        left_out=in_words(run.left_out),
        reason=str(REASONS.get(run.reason, run.reason)),
        took=run.ended_at - run.started_at if run.ended_at and run.started_at else None,
        is_late=run.lateness > timedelta(minutes=1),
    )


def in_words(left_out: dict[str, int]) -> list[str]:
    """How many were left out for each reason, the most first: "2 already in the flow"."""
    in_order = sorted(left_out.items(), key=lambda each: -each[1])
    return [f"{number(n)} {_small(reasons.text(code))}" for code, n in in_order if n]


def coming_of(flow: Flow, schedule: Schedule | None) -> list[dict[str, Any]]:
    """The next runs, with the one that is to be skipped and what a clock change does to them."""
    skipped: datetime | None = schedule.skip_run_at if schedule else None
    at = now()
    return [
        {"run": run, "is_skipped": run.at == skipped, "days": days_until(run, at)}
        for run in schedules.coming(flow, COMING)
    ]


def days_until(run: Run, at: datetime) -> int:
    """Nights between a moment and a run, where its schedule is: 1 is tomorrow, be it in two hours."""
    return (run.local.date() - timezone.localtime(at, run.local.tzinfo).date()).days


def _matching(flow: Flow) -> int | None:
    trigger = Trigger.objects.filter(flow=flow, kind="schedule").exclude(criteria=None).order_by("pk").first()
    if trigger is None:
        return None
    try:
        return matching.count(trigger.criteria, flow.object_type, moment=now(), zone=flow.time_zone)
    except Invalid:
        return None


def _in_words(matched: int | None) -> str:
    if matched is None:
        return _("Everyone who meets the criteria now is enrolled, beside the runs of the schedule.")
    said = ngettext(
        "%(shown)s record meets the criteria now and is enrolled, unless it is in the flow already.",
        "%(shown)s records meet the criteria now and are enrolled, except those that are in the flow already.",
        matched,
    )
    return said % {"shown": number(matched)}


def _small(text: str) -> str:
    """A reason inside a sentence."""
    return text[:1].lower() + text[1:]
