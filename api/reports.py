"""What a flow tells about itself: problems, statistics, the log of its steps."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from participants import reasons, statistics
from participants.models import Participant, StepLog
from running import ending
from running.problems import Page, Severity, problems

from .flows import CountsShape, seen_by
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Id, Shape
from .views import AccountView


class ProblemShape(Shape):
    """Why a flow cannot run, or should not."""

    code = serializers.CharField(help_text="A stable word for programs.")
    message = serializers.CharField()
    severity = serializers.ChoiceField([each.value for each in Severity])
    page = serializers.ChoiceField([each.value for each in Page], help_text="Of the editor.")
    step_id = serializers.IntegerField(allow_null=True)
    field = serializers.CharField(
        allow_blank=True, help_text="The path in the document, or within the step when there is one."
    )


class ProblemsShape(Shape):
    """Everything that is wrong with a flow."""

    can_start = serializers.BooleanField(help_text="No problem is an error.")
    problems = ProblemShape(many=True)


class StandingShape(Shape):
    """How many stand on a step, and how many have passed it."""

    step = serializers.IntegerField(help_text="0 is the queue before the first step.")
    on = serializers.IntegerField()
    passed = serializers.IntegerField()


class LeftShape(Shape):
    """Who is still inside a flow that ends."""

    participants = serializers.IntegerField()
    messages = serializers.IntegerField(help_text="Counted up to 10,000 that are queued and 10,000 on their way.")


class StatisticsShape(Shape):
    """The counts of a flow."""

    counts = CountsShape()
    steps = StandingShape(many=True)
    ending = LeftShape(allow_null=True, help_text="While an ended flow still has people or messages inside.")


class LogEntry(Shape):
    """What a step did to a participant."""

    participant = serializers.IntegerField(source="participant_id")
    record = serializers.IntegerField(allow_null=True, help_text="Null when the participant was erased.")
    hop = serializers.IntegerField(help_text="Which move of the participant this was.")
    step = serializers.IntegerField(source="step_id", help_text="0 is the queue before the first step.")
    outcome = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    reason_text = serializers.SerializerMethodField()
    branch = serializers.IntegerField(source="branch_id", allow_null=True)
    arrived_at = serializers.DateTimeField(allow_null=True)
    at = serializers.DateTimeField()

    def get_reason_text(self, row: StepLog) -> str:
        """The reason as a sentence."""
        return reasons.text(row.reason) if row.reason else ""


class LogQuery(PageQuery):
    """Which entries."""

    record = Id(required=False)
    step = serializers.IntegerField(required=False, min_value=0)
    outcome = serializers.CharField(required=False, max_length=22)
    since = serializers.DateTimeField(required=False, help_text="From this moment on.")
    until = serializers.DateTimeField(required=False, help_text="Up to this moment.")


class Problems(AccountView):
    """Why a flow cannot run."""

    rights = {"GET": Right.SEE}

    @endpoint("Why the flow cannot run", answers=ProblemsShape)
    def get(self, request: Request, flow_id: int) -> Response:
        """Every problem at once; errors stop start and resume."""
        found = problems(seen_by(self.actor).select_related("object_type", "outbox").get(pk=flow_id))
        can_start = all(problem.severity != Severity.ERROR for problem in found)
        return Response({"can_start": can_start, "problems": [asdict(problem) for problem in found]})


class Statistics(AccountView):
    """The counts of a flow."""

    rights = {"GET": Right.SEE}

    @endpoint("The counts of a flow and of its steps", answers=StatisticsShape)
    def get(self, request: Request, flow_id: int) -> Response:
        """Exact, and read in constant time."""
        flow = seen_by(self.actor).get(pk=flow_id)
        places = statistics.standing(flow_id)
        body = {
            "counts": asdict(statistics.counts([flow_id])[flow_id]),
            "steps": [{"step": step_id, **places[step_id]} for step_id in sorted(places)],
            "ending": asdict(ending.left(flow_id)) if ending.is_ending(flow) else None,
        }
        return Response(body)


class Log(AccountView):
    """The step log of a flow."""

    rights = {"GET": Right.SEE}

    @endpoint("What the steps did, newest first", query=LogQuery, answers=paged(LogEntry))
    def get(self, request: Request, flow_id: int) -> Response:
        """Of everybody, or of one record."""
        query = self.query(LogQuery)
        flow = seen_by(self.actor).only("pk").get(pk=flow_id)
        rows = StepLog.objects.filter(flow_id=flow.pk)
        if "record" in query:
            walks = Participant.objects.filter(flow=flow, record_id=query["record"])
            rows = rows.filter(participant_id__in=walks.values("pk"))
        wanted = {"step_id": "step", "outcome": "outcome", "at__gte": "since", "at__lte": "until"}
        rows = rows.filter(**{column: query[name] for column, name in wanted.items() if name in query})
        return page(rows, request, query, show_log, order=("-at", "-participant_id", "-hop"))


def show_log(rows: Sequence[StepLog]) -> Any:
    """Log rows with the records they are about."""
    ids = {row.participant_id for row in rows}
    records = dict(Participant.objects.filter(pk__in=ids).values_list("pk", "record_id"))
    for row in rows:
        row.record = records.get(row.participant_id)  # type: ignore[attr-defined]
    return LogEntry(rows, many=True).data
