"""Events: what happened to a record, and what integrations tell about it."""

from datetime import UTC
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from flows.visibility import without_hidden
from records import event_intake
from records.event_intake import Status, Told
from records.event_words import EVENT_NAMES, event_name
from records.models import Event, Record
from records.refusals import Error

from .errors import Invalid, flatten
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Id, Shape
from .views import AccountView


class EventShape(Shape):
    """Something that happened to a record."""

    id = serializers.IntegerField()
    record = serializers.IntegerField(source="record_id")
    kind = serializers.CharField()
    detail = serializers.DictField()
    flow = serializers.IntegerField(source="flow_id", allow_null=True, help_text="The flow whose doing it was.")
    at = serializers.DateTimeField()


class NewEvent(Shape):
    """Something that happened in your system, to the record that record, email or external_id names."""

    kind = serializers.CharField(max_length=40, help_text="Your own: custom.order_placed, custom.trial_ended ...")
    record = Id(required=False)
    email = serializers.CharField(required=False, max_length=320)
    external_id = serializers.CharField(required=False, max_length=200)
    object_type = serializers.CharField(
        required=False, max_length=60, help_text="Of the record that email or external_id names: contact unless given."
    )
    detail = serializers.DictField(default=dict, help_text="At most 8,192 characters of JSON, 5 levels deep.")
    at = serializers.DateTimeField(
        required=False, allow_null=True, default_timezone=UTC, help_text="When it happened: now, unless given."
    )
    client_id = serializers.CharField(
        required=False, max_length=200, help_text="Your id of the event: within 30 days it is taken once."
    )


class NewEvents(Shape):
    """Events to take in."""

    events = serializers.ListField(
        child=serializers.DictField(), allow_empty=False, max_length=event_intake.MOST_AT_ONCE
    )


class NewEventsShape(Shape):
    """Events to take in, at most 1,000."""

    events = NewEvent(many=True)


class ToldShape(Shape):
    """What became of an event."""

    status = serializers.ChoiceField([each.value for each in Status])
    id = serializers.IntegerField(allow_null=True, help_text="Of the event; null when it was refused.")
    errors = serializers.ListField(  # type: ignore[assignment]  # Serializer has a property of this name
        child=serializers.DictField(child=serializers.CharField())
    )


class EventsTold(Shape):
    """What became of each event, in their order."""

    taken = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Their client_id was taken in before.")
    refused = serializers.IntegerField()
    results = ToldShape(many=True)


class EventQuery(PageQuery):
    """Whose events."""

    record = Id()
    kind = serializers.CharField(required=False, max_length=40)


class KindShape(Shape):
    """A kind of event."""

    kind = serializers.CharField()
    name = serializers.CharField(help_text="What pages call it.")
    is_custom = serializers.BooleanField(help_text="Told by your own systems.")


class Kinds(Shape):
    """The kinds of events that the account knows."""

    results = KindShape(many=True)


class Events(AccountView):
    """The events of records."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The events of a record, newest first", query=EventQuery, answers=paged(EventShape))
    def get(self, request: Request) -> Response:
        """All, or those of one kind."""
        query = self.query(EventQuery)
        record = Record.objects.only("pk").filter(pk=query["record"]).first()
        if record is None:
            raise Invalid(("?record", _("There is no such record.")))
        rows = Event.objects.filter(record=record)
        if kind := query.get("kind"):
            rows = rows.filter(kind=kind)
        rows = without_hidden(rows, self.actor)
        return page(rows, request, query, lambda found: EventShape(found, many=True).data, order=("-id",))

    @endpoint(
        "Take in an event, or up to 1,000",
        takes=PolymorphicProxySerializer(
            component_name="OneOrManyEvents", serializers=[NewEvent, NewEventsShape], resource_type_field_name=None
        ),
        answers=EventsTold,
        idempotent=True,
    )
    def post(self, request: Request) -> Response:
        """Answered one by one, in order: an event with a fault is refused alone."""
        given = request.data
        is_one = isinstance(given, dict) and "events" not in given
        results = take_in([dict(given)] if is_one else self.read(NewEvents)["events"])
        statuses = [result.status for result in results]
        return Response(
            {
                **{status.value: statuses.count(status) for status in Status},
                "results": [show(result) for result in results],
            }
        )


class EventKinds(AccountView):
    """The kinds of events."""

    rights = {"GET": Right.SEE}

    @endpoint("The kinds of events that the account knows", answers=Kinds)
    def get(self, request: Request) -> Response:
        """Flyt's own, then those that your systems have told of."""
        own = [{"kind": kind, "name": str(name), "is_custom": False} for kind, name in EVENT_NAMES.items()]
        custom = [{"kind": kind, "name": event_name(kind), "is_custom": True} for kind in event_intake.known_kinds()]
        return Response({"results": own + custom})


def take_in(given: list[dict[str, Any]]) -> list[Told]:
    """Read each event by itself and take in those that have the form of one."""
    shapes = [NewEvent(data=each) for each in given]
    good = [shape.validated_data for shape in shapes if shape.is_valid()]
    told = iter(event_intake.take_in(good))
    return [
        next(told)
        if not shape.errors
        else Told(Status.REFUSED, errors=[Error(path, text) for path, text in flatten(shape.errors)])
        for shape in shapes
    ]


def show(result: Told) -> dict[str, Any]:
    """What became of one event."""
    errors = [{"path": error.path, "message": error.message} for error in result.errors]
    return {"status": result.status.value, "id": result.id, "errors": errors}
