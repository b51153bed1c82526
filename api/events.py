"""Events: what happened to a record, and what integrations tell about it."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records import events
from records.models import Event, Record

from .errors import Invalid
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Id, Shape
from .views import AccountView

OWN_KIND = r"^custom\.[a-z][a-z0-9_]{0,31}$"
MOST_AT_ONCE = 1_000


class EventShape(Shape):
    """Something that happened to a record."""

    id = serializers.IntegerField()
    record = serializers.IntegerField(source="record_id")
    kind = serializers.CharField()
    detail = serializers.DictField()
    flow = serializers.IntegerField(source="flow_id", allow_null=True, help_text="The flow whose doing it was.")
    at = serializers.DateTimeField()


class NewEvent(Shape):
    """Something that happened in your system."""

    record = Id()
    kind = serializers.RegexField(
        OWN_KIND,
        error_messages={"invalid": gettext_lazy("Your own kinds begin with custom. as in custom.order_placed.")},
        help_text="custom.order_placed, custom.trial_ended ...",
    )
    detail = serializers.DictField(default=dict)


class NewEvents(Shape):
    """Events to note, all or none."""

    events = serializers.ListField(child=NewEvent(), allow_empty=False, max_length=MOST_AT_ONCE)


class Noted(Shape):
    """How many events were noted."""

    noted = serializers.IntegerField()


class EventQuery(PageQuery):
    """Whose events."""

    record = Id()
    kind = serializers.CharField(required=False, max_length=40)


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
        return page(rows, request, query, lambda found: EventShape(found, many=True).data, order=("-id",))

    @endpoint("Note events", takes=NewEvents, answers=Noted, status=201)
    def post(self, request: Request) -> Response:
        """At most 1,000, all or none: 422 names each that cannot be taken."""
        given = self.read(NewEvents)["events"]
        refuse_unknown(given)
        for each in given:
            events.record_events(each["kind"], [each["record"]], each["detail"])
        return Response({"noted": len(given)}, status=201)


def refuse_unknown(given: list[dict[str, Any]]) -> None:
    """Raise Invalid with every event whose record is not there."""
    known = set(Record.objects.filter(pk__in={each["record"] for each in given}).values_list("pk", flat=True))
    missing = [i for i, each in enumerate(given) if each["record"] not in known]
    if missing:
        raise Invalid(*((f"events.{i}.record", _("There is no such record.")) for i in missing))
