"""What a request says about a content: which one, whose, and what is typed."""

from typing import Final

from django.db.models import Q, QuerySet

from flows.models import Flow
from flows.visibility import visible_to
from messaging.models import Content, Outbox
from running import contents
from web.access import AccountRequest

TYPED: Final = ("name", "subject", "preheader", "html", "text")
ONE_LINE: Final = ("name", "subject", "preheader")


def visible_contents(request: AccountRequest) -> QuerySet[Content]:
    """Shared ones, and those of flows that the person may see."""
    flows = Flow.objects.filter(visible_to(request.actor)).values("pk")
    found: QuerySet[Content] = Content.objects.filter(Q(flow_id__isnull=True) | Q(flow_id__in=flows))
    return found


def flow_of(content: Content) -> Flow | None:
    """The flow whose own it is."""
    flows = Flow.objects.select_related("outbox", "object_type")
    return flows.filter(pk=content.flow_id).first() if content.flow_id else None


def outbox_of(content: Content, flow: Flow | None) -> Outbox | None:
    """In whose name it is sent: its flow's, else that of the first flow that sends it and has a sender."""
    if flow is not None:
        return flow.outbox
    sending = contents.flows_sending([content.pk])[content.pk]
    outboxes = Outbox.objects.in_bulk([each.outbox_id for each in sending])
    found = (outboxes[each.outbox_id] for each in sending)
    return next((each for each in found if each.sender_address), None)


def typed(request: AccountRequest) -> dict[str, str]:
    """The fields that a form brings, as they are stored."""
    given = {name: request.POST[name] for name in TYPED if name in request.POST}
    return {
        name: " ".join(text.split()) if name in ONE_LINE else text.replace("\r\n", "\n") for name, text in given.items()
    }


def put(request: AccountRequest, content: Content) -> Content:
    """The content with what is typed in it, not saved."""
    for name, value in typed(request).items():
        setattr(content, name, value)
    return content
