"""Messages: what was written to whom, and how far it came."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from flows.visibility import without_hidden
from messaging.models import Message, MessageStatus, of_records

from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Id, Shape
from .views import AccountView


class MessageShape(Shape):
    """One message to one person."""

    id = serializers.IntegerField()
    record = serializers.IntegerField(source="record_id", help_text="The contact that it goes to.")
    about = serializers.IntegerField(
        source="about_id",
        allow_null=True,
        help_text="In a flow of deals, companies …: the record whose primary contact it goes to.",
    )
    flow = serializers.IntegerField(source="flow_id", allow_null=True)
    content = serializers.IntegerField(source="content_id")
    channel = serializers.CharField()
    address = serializers.CharField()
    status = serializers.ChoiceField(MessageStatus.choices)
    reason = serializers.CharField(help_text="A stable word: why it failed or was cancelled.")
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class MessageQuery(PageQuery):
    """Which messages."""

    record = Id(required=False)
    flow = Id(required=False)
    status = serializers.ChoiceField(MessageStatus.choices, required=False)


class Messages(AccountView):
    """The messages of the account."""

    rights = {"GET": Right.SEE}

    @endpoint("The messages of the account, newest first", query=MessageQuery, answers=paged(MessageShape))
    def get(self, request: Request) -> Response:
        """All, or those to or about one record, of one flow or status."""
        query = self.query(MessageQuery)
        columns = {"flow": "flow_id", "status": "status"}
        wanted = {column: query[name] for name, column in columns.items() if name in query}
        rows = Message.objects.filter(**wanted)
        if "record" in query:
            rows = rows.filter(of_records([query["record"]]))
        rows = without_hidden(rows, self.actor)
        return page(rows, request, query, lambda found: MessageShape(found, many=True).data, order=("-id",))
