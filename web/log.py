"""The log of a flow: what its steps did to whom, newest first, filtered by person, step, outcome and period."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from flows.models import Flow
from flows.path import Path
from participants import reasons, searching
from participants.models import Participant, StepLog
from records.models import Record
from records.searching import TooSlow
from web.access import AccountRequest, account_view
from web.flow_page import find, show
from web.paging import read_id
from web.record_rows import TOO_SLOW, clean
from web.step_facts import title_of

ON_A_PAGE: Final = 50
MOST_WALKS: Final = 5_000  # the latest of those whose records a search finds
OUTCOMES: Final[dict[str, Promise]] = {
    "continued": _("Went on"),
    "finished": _("Finished"),
    "dropped_out": _("Dropped out"),
    "cancelled": _("Cancelled"),
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = 250_000_000_000_000_000  # microseconds; a later moment has no four-digit year
ORDER: Final = ("-at", "-participant_id", "-hop")


@dataclass(frozen=True)
class LogRow:
    """One thing that a step did."""

    entry: StepLog
    record: Record | None
    step: str
    outcome: str
    detail: str  # the branch taken, or the reason


@account_view()
@require_GET
def overview(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The latest 50; `?older=` goes on from where a page ended."""
    row = find(request, flow_id)
    path = Path.of(row.flow)
    filters = _filters(request.GET)
    fault = ""
    try:
        found = list(_narrowed(row.flow, filters, request.GET).order_by(*ORDER)[: ON_A_PAGE + 1])
    except TooSlow:
        found, fault = [], str(TOO_SLOW)
    shown = found[:ON_A_PAGE]
    return show(
        request,
        row,
        "log",
        entries=_rows(shown, path),
        older=_place(shown[-1]) if len(found) > ON_A_PAGE else "",
        is_first="older" not in request.GET,
        filters=filters,
        fault=fault,
        is_filtered=any(filters.values()),
        steps=[
            {"id": 0, "name": _("Queue")},
            *({"id": each.pk, "name": title_of(each, path)} for each in _in_order(path)),
        ],
        outcomes=OUTCOMES.items(),
    )


def _filters(query: QueryDict) -> dict[str, str]:
    """What somebody narrows the log by; what makes no sense is left out."""
    step, outcome = query.get("step", ""), query.get("outcome", "")
    return {
        "search": clean(query.get("search")),
        "step": step if step == "0" or read_id(step) else "",
        "outcome": outcome if outcome in OUTCOMES else "",
        "since": query.get("since", "") if _day(query.get("since")) else "",
        "until": query.get("until", "") if _day(query.get("until")) else "",
    }


def _narrowed(flow: Flow, filters: dict[str, str], query: QueryDict) -> QuerySet[StepLog]:
    """What is left; raises `TooSlow`."""
    found: QuerySet[StepLog] = StepLog.objects.filter(flow_id=flow.pk)
    if filters["search"]:
        walks = searching.ids(searching.Wanted(flow, filters["search"]), limit=MOST_WALKS)
        found = found.filter(participant_id__in=walks)
    if filters["step"]:
        found = found.filter(step_id=int(filters["step"]))
    if filters["outcome"]:
        found = found.filter(outcome=filters["outcome"])
    if since := _day(filters["since"]):
        found = found.filter(at__gte=since)
    if until := _day(filters["until"]):
        found = found.filter(at__lt=until + timedelta(days=1))
    return _after(found, query.get("older", ""))


def _after(rows: QuerySet[StepLog], place: str) -> QuerySet[StepLog]:
    """The rows behind a place: an entry's moment in microseconds, its participant and its hop."""
    parts = place.split("-")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 19 for part in parts):
        return rows
    micros, participant_id, hop = (int(part) for part in parts)
    if micros > LAST:
        return rows
    at = EPOCH + timedelta(microseconds=micros)
    behind = Q(participant_id__lt=participant_id) | Q(participant_id=participant_id, hop__lt=hop)
    return rows.filter(Q(at__lt=at) | (Q(at=at) & behind))


def _place(entry: StepLog) -> str:
    micros = (entry.at - EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{entry.participant_id}-{entry.hop}"


def _rows(entries: list[StepLog], path: Path) -> list[LogRow]:
    """The entries with the people they are about, in two queries."""
    ids = {entry.participant_id for entry in entries}
    record_ids = dict(Participant.objects.filter(pk__in=ids).values_list("pk", "record_id"))
    records = Record.objects.in_bulk(record_ids.values())
    return [
        LogRow(
            entry=entry,
            record=records.get(record_ids.get(entry.participant_id, 0)),
            step=_step(entry, path),
            outcome=str(OUTCOMES.get(entry.outcome, entry.outcome)),
            detail=_detail(entry, path),
        )
        for entry in entries
    ]


def _step(entry: StepLog, path: Path) -> str:
    if entry.step_id == 0:
        return str(_("Queue"))
    step = path.steps.get(entry.step_id)
    return title_of(step, path) if step else str(_("A step that is gone"))


def _detail(entry: StepLog, path: Path) -> str:
    if entry.reason:
        return reasons.text(entry.reason)
    branch = path.branches.get(entry.branch_id or 0)
    return str(branch.name or _("Everyone else")) if branch else ""


def _in_order(path: Path) -> list[Any]:
    return [path.steps[step_id] for first in path.sequences.get(None, []) for step_id in path.inside(first.pk)]


def _day(text: str | None) -> datetime | None:
    """The beginning of a day in the account's zone."""
    try:
        day = parse_date(text or "")
    except ValueError:
        return None
    return timezone.make_aware(datetime.combine(day, time.min)) if day and 1970 <= day.year <= 9998 else None
