"""The people in a flow: where each stands, since when, what comes next, and why they left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from flows.models import Flow
from flows.path import Path
from messaging.models import Message, MessageStatus, of_records
from participants import reasons, searching
from participants.models import Participant, ParticipantStatus
from participants.statistics import FlowCounts
from records.models import Record
from records.searching import TooSlow
from web.access import AccountRequest, account_view
from web.flow_page import find, is_live, show
from web.paging import ON_A_PAGE, Page, newest_first, newest_found, read_id
from web.record_rows import TOO_SLOW, clean
from web.step_facts import title_of

QUEUE = 0  # the place before the first step, as an address names it
GROUPS = {
    "completed": (ParticipantStatus.FINISHED, ParticipantStatus.FINISHED_WITH_SUCCESS),
    "left_early": (ParticipantStatus.DROPPED_OUT, ParticipantStatus.CANCELLED),
}
REASONS = """
select code from unnest(%(codes)s::text[]) code where exists (
  select 1 from participants_participant p
  where p.account_id = %(account)s and p.flow_id = %(flow)s and p.reason = code and p.reason <> ''
)
"""


@dataclass(frozen=True)
class ParticipantRow:
    """One walk as the table shows it."""

    participant: Participant
    record: Record | None  # None: deleted for good
    step: str
    reason: str
    next_at: datetime | None  # of an active one on a step: when the engine looks again
    last_message: Message | None


@dataclass(frozen=True)
class Filters:
    """What narrows the list; what makes no sense is left out."""

    status: str  # a status or one of `GROUPS`
    step: int | None
    reason: str
    search: str

    @classmethod
    def of(cls, query: QueryDict) -> "Filters":
        """What an address says."""
        status, step, reason = (query.get(name, "") for name in ("status", "step", "reason"))
        return cls(
            status=status if status in ParticipantStatus.values or status in GROUPS else "",
            step=QUEUE if step == str(QUEUE) else read_id(step),
            reason=reason if reason in reasons.DROP_OUT else "",
            search=clean(query.get("search")),
        )

    def __bool__(self) -> bool:
        return bool(self.status or self.reason or self.search) or self.step is not None

    @property
    def statuses(self) -> tuple[str, ...]:
        """Those that are meant; none: all. Standing on a step means being active there, unless a reason is asked."""
        if self.step is not None and not self.status and not self.reason:
            return (ParticipantStatus.ACTIVE,)
        return GROUPS.get(self.status, (self.status,) if self.status else ())


@account_view()
@require_GET
def overview(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The participants, newest first; `?status=`, `?step=` (0: the queue), `?reason=` and `?search=` narrow them."""
    row = find(request, flow_id)
    path = Path.of(row.flow)
    filters, fault = Filters.of(request.GET), ""
    try:
        page = _page(row.flow, filters, request.GET)
    except TooSlow:
        page, fault = Page([], "", ""), str(TOO_SLOW)
    return show(
        request,
        row,
        "participants",
        page=page,
        participants=rows_of(row.flow, path, page.rows),
        filters=filters,
        fault=fault,
        statuses=_statuses(row.counts),
        steps=_places(path),
        reasons=() if is_live(request) else _reasons(row.flow),
    )


def rows_of(flow: Flow, path: Path, participants: list[Participant]) -> list[ParticipantRow]:
    """Rows with their records and last messages, in two queries. A record may be gone: the walk's story stays."""
    records = Record.objects.in_bulk([each.record_id for each in participants])
    places = {(each.step_id, each.status): each for each in participants}
    steps = {place: place_of(each, path) for place, each in places.items()}
    sent = last_messages(flow, participants)
    return [
        ParticipantRow(
            participant=each,
            record=records.get(each.record_id),
            step=steps[each.step_id, each.status],
            reason=reasons.text(each.reason) if each.reason else "",
            next_at=(each.wait_until or each.due_at)
            if each.step_id and each.status == ParticipantStatus.ACTIVE
            else None,
            last_message=sent.get(each.pk),
        )
        for each in participants
    ]


def last_messages(flow: Flow, participants: list[Participant]) -> Mapping[int, Message]:
    """The latest message of each walk, found by its record: "participant:7:2" says whose it is."""
    wanted = {each.record_id for each in participants}
    messages = Message.objects.filter(of_records(wanted), outbox_id=flow.outbox_id).order_by("pk")
    return {int(message.origin_key.split(":")[1]): message for message in messages if _is_walks(message)}


def place_of(participant: Participant, path: Path) -> str:
    """Where somebody stands, or stood as the walk ended."""
    if participant.step_id is not None:
        step = path.steps.get(participant.step_id)
        return title_of(step, path) if step else _("A step that is gone")
    return _("Queue") if participant.status == ParticipantStatus.ACTIVE else ""


def _is_walks(message: Message) -> bool:
    return message.origin_key.startswith("participant:") and message.status in MessageStatus.values


def _page(flow: Flow, filters: Filters, query: QueryDict) -> Page:
    """A page of those that are left; raises `TooSlow`."""
    if filters.search:
        return _found(flow, filters, query)
    rows: QuerySet[Participant] = Participant.objects.filter(flow=flow)
    if filters.statuses:
        rows = rows.filter(status__in=filters.statuses)
    if filters.step is not None:
        rows = rows.filter(step_id=filters.step or None)
    if filters.reason:
        rows = rows.filter(reason=filters.reason)
    return newest_first(rows, query)


def _found(flow: Flow, filters: Filters, query: QueryDict) -> Page:
    wanted = searching.Wanted(
        flow, filters.search, statuses=filters.statuses, step_id=filters.step, reason=filters.reason
    )

    def find(place: int | None, is_falling: bool) -> list[Participant]:
        found = searching.ids(wanted, limit=ON_A_PAGE + 1, after=place, is_falling=is_falling)
        known = Participant.objects.in_bulk(found)
        return [known[each] for each in found if each in known]

    return newest_found(find, query)


def _statuses(counts: FlowCounts) -> list[dict[str, Any]]:
    """Each status with its label and how many have it, all of them first."""
    each = [{"key": key, "label": label, "n": getattr(counts, key)} for key, label in ParticipantStatus.choices]
    return [{"key": "", "label": "", "n": counts.enrolled}, *each]


def _places(path: Path) -> list[dict[str, Any]]:
    """The queue and every step but Finish, in reading order."""
    steps = [path.steps[step_id] for first in path.sequences.get(None, []) for step_id in path.inside(first.pk)]
    return [
        {"id": QUEUE, "name": _("Queue")},
        *({"id": step.pk, "name": title_of(step, path)} for step in steps if step.kind != "finish"),
    ]


def _reasons(flow: Flow) -> list[tuple[str, str]]:
    """The reasons for which somebody has left the flow early, with their texts, in the order of these."""
    with connection.cursor() as cursor:
        cursor.execute(REASONS, {"account": flow.account_id, "flow": flow.pk, "codes": list(reasons.DROP_OUT)})
        return sorted(((code, reasons.text(code)) for (code,) in cursor.fetchall()), key=lambda each: each[1])
