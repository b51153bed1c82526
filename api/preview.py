"""Before a flow is turned on: whom its schedule would enrol now, and when it would run."""

from datetime import datetime
from typing import Any

from django.db import connection
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from flows.models import Flow
from records import criteria, matching
from records.models import Record
from scheduling.clock import now
from triggers import schedules
from triggers.models import Trigger

from .flows import seen_by
from .record_shapes import RecordShape
from .records import show_records
from .schedules import PreviewShape, show_preview
from .schema import endpoint
from .shapes import Shape
from .views import AccountView

EXAMPLES = 10
FIRST = """
select r.id from records_record r
where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null and ({where})
order by r.id limit %(limit)s
"""


class MatchingShape(Shape):
    """Who meets the criteria of the schedule now."""

    count = serializers.IntegerField(allow_null=True, help_text="Null: counting takes longer than two seconds.")
    sentence = serializers.CharField()
    examples = RecordShape(many=True, help_text="The first ten.")


class FlowPreviewShape(Shape):
    """What a schedule would do. Null: the flow has no schedule, or it has no criteria yet."""

    matching = MatchingShape(allow_null=True)
    schedule = PreviewShape(allow_null=True)


class FlowPreview(AccountView):
    """What turning a flow on would do."""

    rights = {"GET": Right.SEE}

    @endpoint("Whom the schedule would enrol now, and the next ten runs", answers=FlowPreviewShape)
    def get(self, request: Request, flow_id: int) -> Response:
        """By the criteria alone: the flow's filter and exclusions are asked as a run enrols."""
        flow = seen_by(self.actor).select_related("object_type").get(pk=flow_id)
        triggers = Trigger.objects.filter(flow=flow, kind="schedule").select_related("schedule")
        trigger = triggers.order_by("pk").first()
        schedule = getattr(trigger, "schedule", None)
        coming = schedules.preview(schedule.recurrence, time_zone=flow.time_zone) if schedule else None
        return Response(
            {
                "matching": whom(flow, trigger.criteria) if trigger and trigger.criteria else None,
                "schedule": coming and show_preview(coming),
            }
        )


def whom(flow: Flow, tree: object) -> dict[str, Any]:
    """How many records meet the criteria now, with the first few. Raises Invalid when something they name is gone."""
    at = now()
    count = matching.count(tree, flow.object_type, moment=at, zone=flow.time_zone)
    return {
        "count": count,
        "sentence": criteria.describe(tree, flow.object_type),
        "examples": show_records(_first(flow, tree, at)) if count else [],
    }


def _first(flow: Flow, tree: object, moment: datetime) -> list[Record]:
    condition = criteria.compile(tree, object_type_id=flow.object_type_id, moment=moment, zone=flow.time_zone)
    params = {**condition.params, "account": flow.account_id, "object_type": flow.object_type_id, "limit": EXAMPLES}
    with connection.cursor() as cursor:
        cursor.execute(FIRST.format(where=condition.sql), params)
        ids = [row[0] for row in cursor.fetchall()]
    return list(Record.objects.filter(pk__in=ids).order_by("pk"))
