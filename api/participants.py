"""Who walks through a flow: enrolling, looking, letting leave, erasing."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.rights import Right
from flows.visibility import is_seen
from participants import commands, enrolment, onward, reasons
from participants.models import ListEnrolment, Participant, ParticipantStatus, StepLog
from records.models import List

from .errors import Invalid
from .flows import seen_by
from .pagination import PageQuery, page
from .reports import LogEntry, show_log
from .schema import endpoint, paged
from .shapes import Id, Nothing, Shape
from .views import VerbView

MOST_AT_ONCE = 10_000
LOG_SHOWN = 200


class ParticipantShape(Shape):
    """One record's walk through a flow."""

    id = serializers.IntegerField()
    flow = serializers.IntegerField(source="flow_id")
    record = serializers.IntegerField(source="record_id")
    status = serializers.ChoiceField(ParticipantStatus.choices)
    reason = serializers.CharField(allow_blank=True, help_text="A stable word: why the walk ended early.")
    reason_text = serializers.SerializerMethodField()
    step = serializers.IntegerField(
        source="step_id", allow_null=True, help_text="Null while active: in the queue before the first step."
    )
    arrived_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True, help_text="When Flyt looks next.")
    wait_until = serializers.DateTimeField(allow_null=True)
    succeeded = serializers.BooleanField()
    success_criterion = serializers.CharField(allow_blank=True)
    cause = serializers.CharField(help_text="schedule, by_hand, list, api or hand_over (by another flow).")
    occurrence = serializers.IntegerField(source="occurrence_id", allow_null=True)
    enrolled_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_reason_text(self, row: Participant) -> str:
        """The reason as a sentence."""
        return reasons.text(row.reason) if row.reason else ""


class OnwardShape(Shape):
    """A flow that was asked to take the record in as the walk ended. Its own rules decide."""

    flow = serializers.SerializerMethodField(
        allow_null=True, help_text="Null for one that is gone or not yours to see."
    )
    at = serializers.DateTimeField(help_text="When it was asked.")
    outcome = serializers.CharField(
        allow_blank=True,
        help_text="enrolled, waiting (not answered yet), or a stable word for why the record did not come in; "
        "empty when it is not known.",
    )
    text = serializers.CharField(help_text="What was asked, as a sentence.")
    outcome_text = serializers.CharField(allow_blank=True, help_text="What came of it, as a sentence.")

    def get_flow(self, row: onward.Onward) -> int | None:
        """The flow's id."""
        return row.flow.pk if row.flow and is_seen(row.flow) else None


class WalkShape(ParticipantShape):
    """A participant with what the steps did, newest first (the latest 200), and the flows it was handed over to."""

    log = LogEntry(many=True)
    handed_over = OnwardShape(many=True)


class ParticipantQuery(PageQuery):
    """Which participants."""

    status = serializers.ChoiceField(ParticipantStatus.choices, required=False)
    step = serializers.IntegerField(
        required=False, min_value=0, help_text="Active on this step; 0: in the queue before the first."
    )
    record = Id(required=False)
    reason = serializers.ChoiceField(
        [*reasons.DROP_OUT], required=False, help_text="Who left early for this reason, a stable word."
    )


class EnrolShape(Shape):
    """Whom to enrol: either some records, or everyone in a list."""

    records = serializers.ListField(
        child=Id(), required=False, allow_empty=False, max_length=MOST_AT_ONCE, help_text="Ids; answered one by one."
    )
    list = Id(required=False, help_text="The id of a list; enrolled in the background.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two."""
        if len(attrs) != 1:
            raise serializers.ValidationError(_("Give either records or list."))
        return attrs


class OutcomeShape(Shape):
    """What became of one record."""

    record = serializers.IntegerField()
    outcome = serializers.CharField(help_text="enrolled, or a stable word for why not.")
    text = serializers.CharField(allow_blank=True)


class EnrolledShape(Shape):
    """What became of each record, in the order given."""

    results = OutcomeShape(many=True)


class QueuedShape(Shape):
    """How many of a list will be looked at, and where to read what became of them."""

    queued = serializers.IntegerField()
    list_enrolment = serializers.IntegerField()


class ListEnrolmentShape(Shape):
    """A list that somebody asked a flow to take in, and what became of those who were in it then."""

    id = serializers.IntegerField()
    flow = serializers.IntegerField(source="flow_id")
    list = serializers.IntegerField(source="list_id")
    list_name = serializers.CharField()
    is_under_way = serializers.BooleanField(help_text="Some of them are still to be looked at.")
    asked = serializers.IntegerField(help_text="How many were in the list.")
    enrolled = serializers.IntegerField()
    left_out = serializers.DictField(child=serializers.IntegerField(), help_text="How many, by reason.")
    created_at = serializers.DateTimeField()


class FlowParticipants(VerbView):
    """The participants of a flow."""

    rights = {"GET": Right.SEE, "POST": Right.OPERATE}

    @endpoint("The participants of a flow, newest first", query=ParticipantQuery, answers=paged(ParticipantShape))
    def get(self, request: Request, flow_id: int) -> Response:
        """All, or those of one status, step, reason or record."""
        query = self.query(ParticipantQuery)
        rows = Participant.objects.filter(flow=seen_by(self.actor).only("pk").get(pk=flow_id))
        if "status" in query:
            rows = rows.filter(status=query["status"])
        if "record" in query:
            rows = rows.filter(record_id=query["record"])
        if "reason" in query:
            rows = rows.filter(reason=query["reason"])
        if "step" in query:
            rows = rows.filter(status=ParticipantStatus.ACTIVE, step_id=query["step"] or None)
        return page(rows, request, query, lambda found: ParticipantShape(found, many=True).data, order=("-id",))

    @endpoint(
        "Enrol records",
        takes=EnrolShape,
        answers=EnrolledShape,
        idempotent=True,
        also={202: QueuedShape},
    )
    def post(self, request: Request, flow_id: int) -> Response:
        """By hand: the trigger's criteria are not asked, the flow's filter and exclusions are."""
        with self.scope():
            seen_by(self.actor).only("pk").get(pk=flow_id)
        given = self.read(EnrolShape)
        account_id = self.actor.account_id
        if "list" in given:
            asked = self._enrol_list(flow_id, given["list"])
            return Response({"queued": asked.asked, "list_enrolment": asked.pk}, status=202)
        outcomes = enrolment.enrol_records(account_id, flow_id, given["records"], cause="api", by=self.actor)
        return Response({"results": [_outcome(record, word) for record, word in outcomes.items()]})

    def _enrol_list(self, flow_id: int, list_id: int) -> ListEnrolment:
        try:
            return enrolment.enrol_list(self.actor.account_id, flow_id, list_id, by=self.actor)
        except List.DoesNotExist:
            raise Invalid(("list", _("There is no such list of the flow's object type."))) from None


class ListEnrolments(VerbView):
    """The lists that were enrolled in a flow."""

    rights = {"GET": Right.SEE}

    @endpoint(
        "The lists that were enrolled in a flow, newest first", query=PageQuery, answers=paged(ListEnrolmentShape)
    )
    def get(self, request: Request, flow_id: int) -> Response:
        """How many came in, and how many did not, by reason."""
        query = self.query(PageQuery)
        rows = enrolment.list_enrolments(seen_by(self.actor).only("pk").get(pk=flow_id))
        return page(rows, request, query, lambda found: ListEnrolmentShape(found, many=True).data, order=("-id",))


class OneListEnrolment(VerbView):
    """One list that was enrolled."""

    rights = {"GET": Right.SEE}

    @endpoint("A list that was enrolled in a flow", answers=ListEnrolmentShape)
    def get(self, request: Request, flow_id: int, list_enrolment_id: int) -> Response:
        """What became of those who were in it."""
        rows = enrolment.list_enrolments(seen_by(self.actor).only("pk").get(pk=flow_id))
        return Response(ListEnrolmentShape(rows.get(pk=list_enrolment_id)).data)


class OneParticipant(VerbView):
    """One walk."""

    rights = {"GET": Right.SEE, "DELETE": Right.EDIT_FLOWS}

    @endpoint("A participant, with what the steps did", answers=WalkShape)
    def get(self, request: Request, participant_id: int) -> Response:
        """Newest first."""
        return Response(_walk(self.actor, participant_id))

    @endpoint("Erase a participation", status=204)
    def delete(self, request: Request, participant_id: int) -> Response:
        """The walk, its log and its part in the counts; messages that have left stay."""
        with self.scope():
            _seen(self.actor, participant_id)
        commands.erase(self.actor.account_id, participant_id, by=self.actor)
        return Response(status=204)


class Leave(VerbView):
    """Out of the flow, by hand."""

    rights = {"POST": Right.OPERATE}

    @endpoint("Take a participant out", answers=WalkShape, idempotent=True)
    def post(self, request: Request, participant_id: int) -> Response:
        """Dropped out, with the reason left_by_hand; the story stays."""
        with self.scope():
            _seen(self.actor, participant_id)
        self.read(Nothing)
        commands.leave(self.actor.account_id, participant_id, by=self.actor)
        with self.scope():
            return Response(_walk(self.actor, participant_id))


def _seen(actor: Actor, participant_id: int) -> Participant:
    """A participant of a flow that the caller may see."""
    found: Participant = Participant.objects.get(pk=participant_id)
    seen_by(actor).only("pk").get(pk=found.flow_id)
    return found


def _walk(actor: Actor, participant_id: int) -> Any:
    participant = _seen(actor, participant_id)
    rows: Sequence[StepLog] = StepLog.objects.filter(participant_id=participant_id).order_by("-hop")[:LOG_SHOWN]
    handed_over = OnwardShape(onward.of_walk(participant), many=True).data
    return {**ParticipantShape(participant).data, "log": show_log(list(rows)), "handed_over": handed_over}


def _outcome(record_id: int, word: str) -> dict[str, Any]:
    return {"record": record_id, "outcome": word, "text": "" if word == "enrolled" else reasons.text(word)}
