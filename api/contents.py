"""Contents: what messages say."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from messaging.models import Content
from records import refusals
from running import contents

from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Shape
from .views import AccountView, VerbView


class ContentSummary(Shape):
    """A content in a list."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    subject = serializers.CharField()
    flow = serializers.IntegerField(source="flow_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ContentShape(Shape):
    """What a message says, with merge fields such as {{ record.first_name }}."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=200)
    subject = serializers.CharField(max_length=500, allow_blank=True, required=False)
    preheader = serializers.CharField(max_length=500, allow_blank=True, required=False)
    html = serializers.CharField(allow_blank=True, required=False, trim_whitespace=False)
    text = serializers.CharField(
        allow_blank=True, required=False, trim_whitespace=False, help_text="Empty: made from the HTML."
    )
    flow = serializers.IntegerField(
        source="flow_id", read_only=True, allow_null=True, help_text="The flow that it goes with."
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class ContentQuery(PageQuery):
    """Which contents."""

    search = serializers.CharField(required=False, max_length=200, help_text="Part of the name.")


class Contents(AccountView):
    """The contents of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The contents of the account, newest first", query=ContentQuery, answers=paged(ContentSummary))
    def get(self, request: Request) -> Response:
        """Without their HTML and text."""
        query = self.query(ContentQuery)
        rows = Content.objects.defer("html", "text")
        if text := query.get("search"):
            rows = rows.filter(name__icontains=text)
        return page(rows, request, query, show_summaries, order=("-id",))

    @endpoint("Make a content", takes=ContentShape, answers=ContentShape, status=201)
    def post(self, request: Request) -> Response:
        """Its merge fields are checked: 422 names the field and the line."""
        made = Content(**self.read(ContentShape))
        if found := contents.faults(made):
            raise refusals.Invalid(found)
        made.save()
        return Response(ContentShape(made).data, status=201)


class OneContent(VerbView):
    """A content."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_CONTENT, "DELETE": Right.EDIT_CONTENT}

    @endpoint("A content", answers=ContentShape)
    def get(self, request: Request, content_id: int) -> Response:
        """Whole."""
        return Response(ContentShape(Content.objects.get(pk=content_id)).data)

    @endpoint("Change a content", takes=ContentShape, answers=ContentShape)
    def patch(self, request: Request, content_id: int) -> Response:
        """Reaches every message that has not left. A running flow's own content: pause the flow first."""
        with self.scope():
            Content.objects.only("pk").get(pk=content_id)
        changes = self.read(ContentShape, partial=True)
        changed = contents.edit(self.actor.account_id, content_id, changes, read_at=None)
        return Response(ContentShape(changed).data)

    @endpoint("Delete a content", status=204)
    def delete(self, request: Request, content_id: int) -> Response:
        """Refused while a step sends it."""
        contents.delete(self.actor.account_id, content_id)
        return Response(status=204)


def show_summaries(rows: Sequence[Content]) -> Any:
    """Contents as a list shows them."""
    return ContentSummary(rows, many=True).data
