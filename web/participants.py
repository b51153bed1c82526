"""The people in a flow: where each stands, since when, what comes next, and why they left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from flows.models import Flow
from flows.path import Path
from messaging.models import Message, MessageStatus, of_records
from participants import reasons
from participants.models import Participant, ParticipantStatus
from participants.statistics import FlowCounts
from records.models import Record
from web.access import AccountRequest, account_view
from web.flow_page import find, show
from web.paging import newest_first, read_id
from web.record_rows import clean, records_of
from web.step_facts import title_of

QUEUE = 0  # the place before the first step, as an address names it
GROUPS = {
    "completed": (ParticipantStatus.FINISHED, ParticipantStatus.FINISHED_WITH_SUCCESS),
    "left_early": (ParticipantStatus.DROPPED_OUT, ParticipantStatus.CANCELLED),
}


@dataclass(frozen=True)
class ParticipantRow:
    """One walk as the table shows it."""

    participant: Participant
    record: Record | None  # None: deleted for good
    step: str
    reason: str
    next_at: datetime | None  # of an active one on a step: when the engine looks again
    last_message: Message | None


@account_view()
@require_GET
def overview(request: AccountRequest, flow_id: int) -> HttpResponse:
    """The participants, newest first; `?status=`, `?step=` (0: the queue) and `?search=` narrow them."""
    row = find(request, flow_id)
    path = Path.of(row.flow)
    status, step, search = _wanted(request)
    page = newest_first(_narrowed(row.flow, status, step, search), request.GET)
    return show(
        request,
        row,
        "participants",
        page=page,
        participants=rows_of(row.flow, path, page.rows),
        status=status,
        step=step,
        search=search,
        statuses=_statuses(row.counts),
        steps=_places(path),
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


def _wanted(request: AccountRequest) -> tuple[str, int | None, str]:
    status = request.GET.get("status", "")
    step = request.GET.get("step", "")
    place = QUEUE if step == str(QUEUE) else read_id(step)
    known = status in ParticipantStatus.values or status in GROUPS
    return (status if known else ""), place, clean(request.GET.get("search"))


def _narrowed(flow: Flow, status: str, step: int | None, search: str) -> QuerySet[Participant]:
    """Standing on a step means being active there; who left there is found by status."""
    found: QuerySet[Participant] = Participant.objects.filter(flow=flow)
    if status:
        found = found.filter(status__in=GROUPS.get(status, (status,)))
    if step is not None and status in ("", ParticipantStatus.ACTIVE):
        found = found.filter(status=ParticipantStatus.ACTIVE)
    if step is not None:
        found = found.filter(step_id=step or None)
    if search:
        found = found.filter(record_id__in=records_of(flow.object_type, search).values("pk"))
    return found


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
