"""What the summary of a flow says in words: how people come in, what success is, and how it is set."""

from typing import Any

from django.utils.translation import gettext as _

from accounts.models import History
from flows.models import Activation, Flow, FlowStatus, Visibility
from participants.models import ParticipantStatus
from participants.statistics import FlowCounts
from records import criteria
from records.models import List
from scheduling.recurrence import Recurrence
from scheduling.sentences import sentence
from triggers import schedules
from triggers.models import Occurrence, Trigger
from web.flow_rows import FlowRow

WIDTH = 1000  # of the composition bar, in its own units
SERIES = {
    ParticipantStatus.FINISHED_WITH_SUCCESS: 2,
    ParticipantStatus.FINISHED: 3,
    ParticipantStatus.ACTIVE: 1,
    ParticipantStatus.DROPPED_OUT: 4,
    ParticipantStatus.CANCELLED: 5,
}
COMING, LATEST = 3, 3
EDITS = ("edited", "created", "filed")


def composition(counts: FlowCounts) -> list[dict[str, Any]]:
    """The parts that enrolled is made of, with their place in a bar of `WIDTH`; nobody: none."""
    parts, x = [], 0
    for status, series in SERIES.items():
        n = getattr(counts, status)
        width = round(n * WIDTH / counts.enrolled) if counts.enrolled else 0
        if n:
            parts.append({"label": status.label, "n": n, "series": series, "x": x, "width": max(width - 2, 1)})
        x += width
    return parts


def facts_of(row: FlowRow) -> dict[str, Any]:
    """Everything of the summary but the counts, in a number of queries that does not grow."""
    flow = row.flow
    triggers = list(Trigger.objects.filter(flow=flow).select_related("schedule").order_by("pk"))
    trees = [*(trigger.criteria for trigger in triggers), flow.filter, flow.unenrolment]
    trees += [criterion["criteria"] for criterion in flow.success]
    said = iter(criteria.describe_all([{"all": []} if tree is None else tree for tree in trees], flow.object_type))
    return {
        "triggers": [_trigger(trigger, next(said)) for trigger in triggers],
        "filter": _told(flow.filter, next(said)),
        "unenrolment": _told(flow.unenrolment, next(said)),
        "success": [{"name": each["name"], "who": next(said)} for each in flow.success],
        "exclusion_lists": List.objects.filter(pk__in=flow.exclusion_lists.values("list_id")).order_by("name"),
        "coming": schedules.coming(flow, COMING),
        "latest": Occurrence.objects.filter(flow=flow).order_by("-scheduled_for", "-pk")[:LATEST],
        **_about(flow),
    }


def _trigger(trigger: Trigger, who: str) -> dict[str, Any]:
    schedule = getattr(trigger, "schedule", None)
    return {
        "when": sentence(Recurrence.parse(schedule.recurrence)) if schedule else _("No schedule yet"),
        "who": "" if trigger.criteria is None else who,
        "takes_all": trigger.criteria == {"all": []},
        "safety_brake": schedule.safety_brake if schedule else None,
        "skip_run_at": schedule.skip_run_at if schedule else None,
    }


def _told(tree: object, said: str) -> str:
    return "" if tree is None else said


def _about(flow: Flow) -> dict[str, Any]:
    outbox = flow.outbox
    sender = f"{outbox.sender_name} <{outbox.sender_address}>" if outbox.sender_name else outbox.sender_address
    history = History.objects.filter(subject="flow", subject_id=flow.pk)
    activation = Activation.objects.filter(flow=flow, ended_at=None).first()
    return {
        "sender": sender,
        "subscription": outbox.subscription_type,
        "is_for_all": flow.visibility == Visibility.ALL,
        "started_at": activation.started_at if activation and flow.status != FlowStatus.NOT_RUNNING else None,
        "edited": history.filter(verb__in=EDITS).order_by("-at", "-pk").first(),
    }
