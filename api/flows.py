"""Flows, each one JSON document guarded by its revision."""

import re
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.rights import Right
from flows.document import as_document
from flows.models import Flow, FlowStatus
from flows.visibility import visible_to
from participants import statistics
from running import editing, verbs
from triggers.models import Schedule

from .errors import Refused
from .flow_documents import EXAMPLE, FlowDocument
from .object_types import object_type
from .pagination import PageQuery, page
from .schema import IF_MATCH, endpoint, paged
from .shapes import Shape
from .views import VerbView

ETAG: Final = re.compile(r'\s*(?:W/)?"([^"]*)"\s*')


class CountsShape(Shape):
    """How many records a flow has seen: enrolled = active + the four final statuses."""

    enrolled = serializers.IntegerField()
    active = serializers.IntegerField(help_text="In progress, those in the queue included.")
    queued = serializers.IntegerField(help_text="Active, before the first step.")
    finished = serializers.IntegerField()
    finished_with_success = serializers.IntegerField()
    dropped_out = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class FlowSummary(Shape):
    """A flow in a list."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    object_type = serializers.CharField(source="object_type.key")
    status = serializers.ChoiceField(FlowStatus.choices)
    revision = serializers.IntegerField()
    next_run_at = serializers.DateTimeField(allow_null=True)
    counts = CountsShape()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class FlowQuery(PageQuery):
    """Which flows."""

    status = serializers.ChoiceField(FlowStatus.choices, required=False)
    object_type = serializers.CharField(required=False, help_text="The key of an object type.")
    search = serializers.CharField(required=False, max_length=200, help_text="Part of the name.")


class Flows(VerbView):
    """The flows of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_FLOWS}

    @endpoint("The flows of the account, newest first", query=FlowQuery, answers=paged(FlowSummary))
    def get(self, request: Request) -> Response:
        """With their counts and coming run."""
        query = self.query(FlowQuery)
        rows = seen_by(self.actor).select_related("object_type")
        if status := query.get("status"):
            rows = rows.filter(status=status)
        if key := query.get("object_type"):
            rows = rows.filter(object_type=object_type("?object_type", key))
        if text := query.get("search"):
            rows = rows.filter(name__icontains=text)
        return page(rows, request, query, summaries, order=("-id",))

    @endpoint("Make a flow", takes=FlowDocument, answers=FlowDocument, status=201, examples=[EXAMPLE])
    def post(self, request: Request) -> Response:
        """It is not running yet: start it when it has no problems."""
        made = editing.create(self.actor.account_id, request.data, by=self.actor)
        with self.scope():
            return created(request, self.actor, made.pk)


class OneFlow(VerbView):
    """A flow's document."""

    rights = {
        "GET": Right.SEE,
        "PUT": Right.EDIT_FLOWS,
        "PATCH": Right.EDIT_FLOWS,
        "DELETE": Right.EDIT_FLOWS,
    }

    @endpoint("A flow's document, with its revision as ETag", answers=FlowDocument)
    def get(self, request: Request, flow_id: int) -> Response:
        """Settings, triggers and the tree of steps."""
        return show(self.actor, flow_id)

    @endpoint("Edit a flow", takes=FlowDocument, answers=FlowDocument, headers=(IF_MATCH,))
    def patch(self, request: Request, flow_id: int) -> Response:
        """A running flow must be paused first. What the document leaves out stays as it is."""
        with self.scope():
            present = seen_by(self.actor).get(pk=flow_id).revision
        revision = wanted_revision(request, present)
        try:
            editing.edit(self.actor.account_id, flow_id, request.data, revision=revision, by=self.actor)
        except editing.StaleRevision as stale:
            raise stale_revision(stale.current) from stale
        with self.scope():
            return show(self.actor, flow_id)

    @endpoint("Edit a flow", takes=FlowDocument, answers=FlowDocument, headers=(IF_MATCH,))
    def put(self, request: Request, flow_id: int) -> Response:
        """The same as PATCH."""
        return self.patch(request, flow_id)

    @endpoint("Delete a flow that is not running", status=204)
    def delete(self, request: Request, flow_id: int) -> Response:
        """With its steps, participants and their story."""
        with self.scope():
            seen_by(self.actor).only("pk").get(pk=flow_id)
        verbs.delete(self.actor.account_id, flow_id, by=self.actor)
        return Response(status=204)


def seen_by(actor: Actor) -> QuerySet[Flow]:
    """The flows that `actor` may see: those for everyone, one's own, and for admins every flow."""
    flows: QuerySet[Flow] = Flow.objects.filter(visible_to(actor))
    return flows


def show(actor: Actor, flow_id: int, *, status: int = 200) -> Response:
    """The document of a flow, with its ETag. Inside the scope; raises `Flow.DoesNotExist`."""
    flow = seen_by(actor).select_related("object_type", "outbox").get(pk=flow_id)
    return Response(as_document(flow), status=status, headers={"ETag": f'"{flow.revision}"'})


def created(request: Request, actor: Actor, flow_id: int) -> Response:
    """The document of a new flow, and where it is."""
    response = show(actor, flow_id, status=201)
    response["Location"] = request.build_absolute_uri(reverse("api:flow", args=[flow_id]))
    return response


def summaries(flows: Sequence[Flow]) -> Any:
    """Flows as a list shows them, in a constant number of queries."""
    ids = [flow.pk for flow in flows]
    counts = statistics.counts(ids)
    coming = dict(Schedule.objects.filter(flow_id__in=ids).values_list("flow_id", "next_run_at"))
    for flow in flows:
        flow.counts, flow.next_run_at = counts[flow.pk], coming.get(flow.pk)  # type: ignore[attr-defined]
    return FlowSummary(flows, many=True).data


def wanted_revision(request: Request, present: int) -> int:
    """The revision that If-Match names; raises Refused without one (428) or with one that is none (412)."""
    header = request.headers.get("If-Match")
    if header is None:
        detail = _("Send the ETag of the flow as you read it in If-Match, so that nobody's change is lost.")
        raise Refused(428, "if_match_missing", detail)
    if header.strip() == "*":
        return present
    tags = [found[1] for part in header.split(",") if (found := ETAG.fullmatch(part))]
    if str(present) not in tags:
        raise stale_revision(present)
    return present


def stale_revision(present: int) -> Refused:
    """The flow has changed since it was read."""
    detail = _("Somebody else has changed the flow. Read it again.")
    return Refused(412, "stale_revision", detail, revision=present)
