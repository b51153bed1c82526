"""Schedules: what one says and when it runs, its runs so far, and running it now."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Account
from accounts.rights import Right
from scheduling.recurrence import Run
from triggers import lifecycle, schedules
from triggers.models import Occurrence, OccurrenceKind, OccurrenceStatus

from .flow_documents import ScheduleShape
from .flows import seen_by
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Nothing, Shape
from .views import AccountView, VerbView


class RunShape(Shape):
    """A coming run."""

    at = serializers.DateTimeField()
    local = serializers.DateTimeField(help_text="The same moment in the schedule's time zone.")
    shifted = serializers.BooleanField(help_text="The clock skips the time that was asked for.")
    repeated = serializers.BooleanField(help_text="The clock shows the time twice; this is the first.")


class WarningShape(Shape):
    """Something to know about a schedule."""

    code = serializers.CharField(help_text="A stable word for programs.")
    text = serializers.CharField()


class PreviewShape(Shape):
    """What a schedule says."""

    sentence = serializers.CharField()
    runs = RunShape(many=True)
    warnings = WarningShape(many=True)


class OccurrenceShape(Shape):
    """One run of a schedule."""

    id = serializers.IntegerField()
    flow = serializers.IntegerField(source="flow_id")
    kind = serializers.ChoiceField(OccurrenceKind.choices)
    status = serializers.ChoiceField(OccurrenceStatus.choices)
    reason = serializers.CharField(allow_blank=True, help_text="A stable word for programs.")
    reason_text = serializers.SerializerMethodField()
    scheduled_for = serializers.DateTimeField()
    sentence = serializers.CharField()
    matched = serializers.IntegerField()
    enrolled = serializers.IntegerField()
    left_out = serializers.DictField(child=serializers.IntegerField(), help_text="How many, by reason.")
    created_at = serializers.DateTimeField(help_text="When it fired.")
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_reason_text(self, row: Occurrence) -> str:
        """The reason as a sentence."""
        return str(lifecycle.REASONS.get(row.reason, row.reason))


class OccurrenceQuery(PageQuery):
    """Which runs."""

    status = serializers.ChoiceField(OccurrenceStatus.choices, required=False)


class SchedulePreview(AccountView):
    """A schedule that is not saved."""

    rights = {"POST": Right.SEE}

    @endpoint("What a schedule says, and its next ten runs", takes=ScheduleShape, answers=PreviewShape)
    def post(self, request: Request) -> Response:
        """Nothing is saved. Without a time zone, the account's."""
        zone = Account.objects.values_list("time_zone", flat=True).get(pk=self.actor.account_id)
        return Response(show_preview(schedules.preview(request.data, time_zone=zone)))


class Occurrences(VerbView):
    """The runs of a flow's schedule."""

    rights = {"GET": Right.SEE, "POST": Right.OPERATE}

    @endpoint("The runs of a flow's schedule, newest first", query=OccurrenceQuery, answers=paged(OccurrenceShape))
    def get(self, request: Request, flow_id: int) -> Response:
        """Coming runs are no rows: see preview."""
        query = self.query(OccurrenceQuery)
        rows = Occurrence.objects.filter(flow=seen_by(self.actor).only("pk").get(pk=flow_id))
        if status := query.get("status"):
            rows = rows.filter(status=status)
        return page(rows, request, query, show_occurrences, order=("-scheduled_for", "-id"))

    @endpoint("Run the schedule now", answers=OccurrenceShape, status=201)
    def post(self, request: Request, flow_id: int) -> Response:
        """Beside its own runs. Send an Idempotency-Key, so that asking again does not run it twice."""
        with self.scope():
            seen_by(self.actor).only("pk").get(pk=flow_id)
        self.read(Nothing)
        key = request.headers.get("Idempotency-Key")
        made = schedules.run_now(self.actor.account_id, flow_id, by=self.actor, idempotency_key=key)
        return Response(OccurrenceShape(made).data, status=201)


def show_preview(found: schedules.Preview) -> dict[str, Any]:
    """What a schedule says, as the API shows it."""
    return {
        "sentence": found.sentence,
        "runs": [show_run(run) for run in found.runs],
        "warnings": [{"code": warning.code, "text": str(warning.text)} for warning in found.warnings],
    }


def show_run(run: Run) -> dict[str, Any]:
    """A coming run, as the API shows it."""
    return {"at": run.at, "local": run.local.isoformat(), "shifted": run.shifted, "repeated": run.repeated}


def show_occurrences(rows: Sequence[Occurrence]) -> Any:
    """Runs as the API shows them."""
    return OccurrenceShape(rows, many=True).data
