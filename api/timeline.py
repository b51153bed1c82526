"""What happened to a record, from its beginning."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from flows.visibility import without_hidden
from records.models import Event, Record

from .events import EventShape
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .views import AccountView

CREATED = "record_created"


class TimelineEntry(EventShape):
    """Something that happened to a record."""

    id = serializers.IntegerField(allow_null=True, help_text="null: how a record began that an import made.")


class TimelineQuery(PageQuery):
    """Which events."""

    kind = serializers.CharField(required=False, max_length=40)


class Timeline(AccountView):
    """What happened to a record."""

    rights = {"GET": Right.SEE}

    @endpoint("What happened to a record, newest first", query=TimelineQuery, answers=paged(TimelineEntry))
    def get(self, request: Request, record_id: int) -> Response:
        """Changes with old and new values and who made them, messages, lists, flows, and events of your own.

        Of a record that an import made, the last entry says which.
        """
        query = self.query(TimelineQuery)
        record = Record.objects.get(pk=record_id)
        rows = Event.objects.filter(record_id=record.pk)
        if kind := query.get("kind"):
            rows = rows.filter(kind=kind)
        rows = without_hidden(rows, self.actor)
        begins = record.import_id is not None and kind in (None, CREATED)
        closing = _beginning(record) if begins else None
        return page(
            rows,
            request,
            query,
            lambda found: TimelineEntry(found, many=True).data,
            order=("-id",),
            closing=closing,
        )


def _beginning(record: Record) -> Any:
    """How a record that an import made began, which no event tells: that of a million rows would cost too much."""
    detail = {"source": "import", "import": record.import_id}
    began = Event(record_id=record.pk, kind=CREATED, detail=detail, flow_id=None, at=record.created_at)
    return TimelineEntry(began).data
