"""What conditions about events may not ask: what goes on in a flow that whoever asks may not see."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from messaging.models import Content
from records.leaves import Subject
from records.refusals import Error

from .models import Flow
from .visibility import is_hidden

CUSTOM = "custom."  # an own event may mean anything by these keys


def check_event_detail(kind: str, detail: Mapping[str, Any], subject: Subject) -> Iterator[Error]:
    """Events name their flow, or the content of a message, which may be a flow's own."""
    if kind.startswith(CUSTOM):
        return
    if _is_of_hidden(detail.get("flow"), subject):
        yield Error("detail.flow", _("There is no such flow."))
    content = detail.get("content_id")
    if isinstance(content, int):
        owner = Content.objects.filter(account_id=subject.object_type.account_id, pk=content)
        if _is_of_hidden(owner.values_list("flow_id", flat=True).first(), subject):
            yield Error("detail.content_id", _("There is no such content."))


def _is_of_hidden(flow_id: object, subject: Subject) -> bool:
    if not isinstance(flow_id, int):
        return False
    found = Flow.objects.filter(account_id=subject.object_type.account_id, pk=flow_id)
    flow = found.only("visibility", "owner_id").first()
    return flow is not None and is_hidden(flow)
