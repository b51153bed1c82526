"""Where a record is: the flows that it walks or walked through, and the lists that it is on."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from flows.models import Flow
from flows.visibility import visible_to
from participants.models import Participant, ParticipantStatus
from records.models import List, ListEntry, Record

from .lists import ListShape
from .lists import show as show_lists
from .pagination import PageQuery, page
from .participants import ParticipantShape
from .schema import endpoint, paged
from .views import AccountView


class RecordWalk(ParticipantShape):
    """A walk of the record through a flow."""

    flow_name = serializers.CharField(source="flow.name")


class WalksQuery(PageQuery):
    """Which walks."""

    status = serializers.ChoiceField(ParticipantStatus.choices, required=False)


class RecordFlows(AccountView):
    """The flows of a record."""

    rights = {"GET": Right.SEE}

    @endpoint("The walks of a record through flows, the latest first", query=WalksQuery, answers=paged(RecordWalk))
    def get(self, request: Request, record_id: int) -> Response:
        """With how each stands or ended. Without flows that only others see."""
        query = self.query(WalksQuery)
        seen = Flow.objects.filter(visible_to(self.actor))
        rows = Participant.objects.filter(record=Record.objects.get(pk=record_id), flow__in=seen)
        if status := query.get("status"):
            rows = rows.filter(status=status)
        return page(
            rows.select_related("flow"), request, query, lambda found: RecordWalk(found, many=True).data, order=("-id",)
        )


class RecordLists(AccountView):
    """The lists of a record."""

    rights = {"GET": Right.SEE}

    @endpoint("The lists that a record is on", query=PageQuery, answers=paged(ListShape))
    def get(self, request: Request, record_id: int) -> Response:
        """Static and dynamic ones, in the order they were made."""
        entries = ListEntry.objects.filter(record=Record.objects.get(pk=record_id)).values("list_id")
        rows = List.objects.filter(pk__in=entries, is_hidden=False).select_related("object_type")
        return page(rows, request, self.query(PageQuery), show_lists)
