"""The people in a flow: where each stands, since when, and why they left."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from flows.models import Flow, Step
from flows.steps import KINDS
from participants import reasons
from participants.models import Participant, ParticipantStatus
from participants.statistics import FlowCounts
from records.models import Record
from web.access import AccountRequest, account_view
from web.flow_rows import row_of, visible_to
from web.paging import newest_first


@dataclass(frozen=True)
class ParticipantRow:
    """One walk as the table shows it."""

    participant: Participant
    record: Record | None  # None: deleted for good
    step: str
    reason: str


@account_view()
def overview(request: AccountRequest, flow_id: int) -> HttpResponse:
    """A flow with its switch, and its participants, newest first; `?status=` keeps one status."""
    visible = Flow.objects.filter(visible_to(request.actor)).select_related("object_type", "outbox")
    flow = get_object_or_404(visible, pk=flow_id)
    row = row_of(flow)
    status = request.GET.get("status", "")
    participants = Participant.objects.filter(flow=flow)
    if status in ParticipantStatus.values:
        participants = participants.filter(status=status)
    page = newest_first(participants, request.GET)
    return render(
        request,
        "flows/participants.html",
        {
            "place": "flows",
            "row": row,
            "page": page,
            "participants": _rows(flow, page.rows),
            "status": status,
            "statuses": _statuses(row.counts),
        },
    )


def _rows(flow: Flow, participants: list[Participant]) -> list[ParticipantRow]:
    """Rows with their records and steps, in two queries. A record may be gone: the walk's story stays."""
    records = Record.objects.in_bulk([each.record_id for each in participants])
    steps = {step.pk: _title(step) for step in Step.objects.filter(flow=flow)}
    return [
        ParticipantRow(
            participant=each,
            record=records.get(each.record_id),
            step=_place(each, steps),
            reason=reasons.text(each.reason) if each.reason else "",
        )
        for each in participants
    ]


def _place(participant: Participant, steps: dict[int, str]) -> str:
    if participant.step_id is not None:
        return steps.get(participant.step_id, "")
    return _("Queue") if participant.status == ParticipantStatus.ACTIVE else ""


def _title(step: Step) -> str:
    return step.name or (str(KINDS[step.kind].label) if step.kind in KINDS else step.kind)


def _statuses(counts: FlowCounts) -> list[dict[str, object]]:
    """Each status with its label and how many have it, all of them first."""
    each = [{"key": key, "label": label, "n": getattr(counts, key)} for key, label in ParticipantStatus.choices]
    return [{"key": "", "label": "", "n": counts.enrolled}, *each]
