"""What one does to a flow: start, pause, resume, end, skip the next run."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from running import copying, verbs
from triggers import schedules

from .flow_documents import FlowDocument
from .flows import created, seen_by, show
from .schema import endpoint
from .shapes import Nothing, Shape
from .views import VerbView


class SkippedRun(Shape):
    """The run that will be skipped."""

    run_at = serializers.DateTimeField()


class FlowVerb(VerbView):
    """A verb on a flow that the caller may see; answers with the document, whose status the verb has changed."""

    rights = {"POST": Right.OPERATE}
    verb: ClassVar[Callable[..., Any]]

    def post(self, request: Request, flow_id: int) -> Response:
        """Call the verb."""
        self.act(flow_id)
        with self.scope():
            return show(self.actor, flow_id)

    def act(self, flow_id: int) -> Any:
        """What the verb returns."""
        with self.scope():
            seen_by(self.actor).only("pk").get(pk=flow_id)
        self.read(Nothing)
        return type(self).verb(self.actor.account_id, flow_id, by=self.actor)


def flow_verb(summary: str, description: str) -> Callable[[type[FlowVerb]], type[FlowVerb]]:
    """Describe a verb that answers with the flow's document."""
    described = endpoint(summary, description=description, answers=FlowDocument, idempotent=True)
    return extend_schema_view(post=described)


@flow_verb("Start a flow", "Its triggers work and newcomers walk. 409 with `problems` while one of them stops it.")
class Start(FlowVerb):
    """not_running -> running."""

    verb = staticmethod(verbs.start)


@flow_verb("Pause a flow", "From the answer on nobody moves and no message leaves; newcomers queue.")
class Pause(FlowVerb):
    """running -> paused."""

    verb = staticmethod(verbs.pause)


@flow_verb("Resume a paused flow", "Everyone goes on from their step, and the queue moves to the first.")
class Resume(FlowVerb):
    """paused -> running."""

    verb = staticmethod(verbs.resume)


@flow_verb("End a flow", "Whoever is inside is cancelled, in the background: statistics tell how many are left.")
class End(FlowVerb):
    """running or paused -> not_running."""

    rights = {"POST": Right.EDIT_FLOWS}
    verb = staticmethod(verbs.end)


class Copy(FlowVerb):
    """Another flow like this one."""

    rights = {"POST": Right.EDIT_FLOWS}
    verb = staticmethod(copying.copy)

    @endpoint("Copy a flow", answers=FlowDocument, status=201)
    def post(self, request: Request, flow_id: int) -> Response:
        """A flow that is not running, with steps and contents of its own and no participants."""
        made = self.act(flow_id)
        with self.scope():
            return created(request, self.actor, made.pk)


class SkipNext(FlowVerb):
    """The coming run of the flow's schedule."""

    verb = staticmethod(schedules.skip_next)

    @endpoint("Skip the coming run", answers=SkippedRun, idempotent=True)
    def post(self, request: Request, flow_id: int) -> Response:
        """It is recorded as skipped; asking twice skips one."""
        return Response(SkippedRun({"run_at": self.act(flow_id)}).data)
