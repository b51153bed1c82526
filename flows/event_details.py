"""What conditions about events may not ask, and how they name what is a flow's: only to whom may see it."""

from collections.abc import Iterator, Mapping
from typing import Any

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
    if _is_hidden(id_of(detail.get("flow")), subject):
        yield Error("detail.flow", _("There is no such flow."))
    id = id_of(detail.get("content_id"))
    content = _contents(subject).get(id) if id else None
    if content is not None and _is_hidden(content.flow_id, subject):
        yield Error("detail.content_id", _("There is no such content."))


def name_event_detail(kind: str, key: str, value: Any, subject: Subject) -> str | None:
    """As in "content “Welcome”"; a content of a flow that whoever reads may not see is not named."""
    if kind.startswith(CUSTOM) or key not in ("content_id", "flow") or (id := id_of(value)) is None:
        return None
    flows = _flows(subject)
    if key == "flow":
        return _("flow “{name}”").format(name=name_of(flows[id])) if id in flows else _("a flow that is gone")
    content = _contents(subject).get(id)
    if content is None:
        return _("a content that is gone")
    flow = flows.get(content.flow_id)
    if flow is not None and not is_seen(flow):
        return _("a content of somebody else's flow")
    return _("content “{name}”").format(name=content.name)


def _flows(subject: Subject) -> dict[int | None, Flow]:
    """Every flow of the account, read for the first condition that asks."""
    rows = Flow.objects.filter(account_id=subject.object_type.account_id).only("name", "visibility", "owner_id")
    return subject.once("every flow", rows.in_bulk)


def _contents(subject: Subject) -> dict[int, Content]:
    rows = Content.objects.filter(account_id=subject.object_type.account_id).only("name", "flow_id")
    return subject.once("contents", rows.in_bulk)


def _is_hidden(flow_id: int | None, subject: Subject) -> bool:
    flow = _flows(subject).get(flow_id) if flow_id else None
    return flow is not None and is_hidden(flow)
