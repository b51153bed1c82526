"""What conditions about events may not ask, and how they name what is a flow's: only to whom may see it."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from messaging.models import Content
from records.event_naming import id_of
from records.leaves import Subject
from records.refusals import Error

from .models import Flow
from .visibility import is_hidden, is_seen, name_of

CUSTOM = "custom."  # an own event may mean anything by these keys


def check_event_detail(kind: str, detail: Mapping[str, Any], subject: Subject) -> Iterator[Error]:
    """Events name their flow, or the content of a message, which may be a flow's own."""
    if kind.startswith(CUSTOM):
        return
    if _is_of_hidden(id_of(detail.get("flow")), subject):
        yield Error("detail.flow", _("There is no such flow."))
    if (content := id_of(detail.get("content_id"))) is not None:
        owner = Content.objects.filter(account_id=subject.object_type.account_id, pk=content)
        if _is_of_hidden(owner.values_list("flow_id", flat=True).first(), subject):
            yield Error("detail.content_id", _("There is no such content."))


def name_event_detail(kind: str, key: str, value: Any, subject: Subject) -> str | None:
    """As in "content “Welcome”"; a content of a flow that whoever reads may not see is not named."""
    if kind.startswith(CUSTOM) or key not in ("content_id", "flow") or (id := id_of(value)) is None:
        return None
    flows = subject.once("every flow", _flows(subject).only("name", "visibility", "owner_id").in_bulk)
    if key == "flow":
        return _("flow “{name}”").format(name=name_of(flows[id])) if id in flows else _("a flow that is gone")
    rows = Content.objects.filter(account_id=subject.object_type.account_id).only("name", "flow_id")
    content = subject.once("contents", rows.in_bulk).get(id)
    if content is None:
        return _("a content that is gone")
    flow = flows.get(content.flow_id)
    if flow is not None and not is_seen(flow):
        return _("a content of somebody else's flow")
    return _("content “{name}”").format(name=content.name)


def _flows(subject: Subject) -> QuerySet[Flow]:
    found: QuerySet[Flow] = Flow.objects.filter(account_id=subject.object_type.account_id)
    return found


def _is_of_hidden(flow_id: int | None, subject: Subject) -> bool:
    flow = _flows(subject).filter(pk=flow_id).only("visibility", "owner_id").first()
    return flow is not None and is_hidden(flow)
