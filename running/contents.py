"""Changing and deleting contents: what a running flow says is not changed under it without intent."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from accounts.history import NotAllowed
from accounts.tenancy import account_scope
from flows.locks import take_exclusive
from flows.models import Flow, FlowStatus, Step
from messaging import rendering
from messaging.models import Content
from records.refusals import Error, Invalid
from scheduling.clock import now

LONGEST: Final = {"name": 200, "subject": 500, "preheader": 500}
FIELDS: Final = ("name", "subject", "preheader", "html", "text")


class StaleContent(Exception):
    """The content has been changed since it was read. `current` is when."""

    def __init__(self, current: datetime) -> None:
        super().__init__(_("Somebody else has changed this content."))
        self.current = current


def flows_sending(content_ids: Iterable[int]) -> dict[int, list[Flow]]:
    """The flows whose steps send each of these contents, by name. In two queries; inside a scope."""
    wanted = list(content_ids)
    found: dict[int, set[int]] = {each: set() for each in wanted}
    steps = Step.objects.filter(kind="send_email", settings__content__in=wanted)
    for flow_id, content_id in steps.values_list("flow_id", "settings__content"):
        found[content_id].add(flow_id)
    flows = Flow.objects.filter(pk__in={flow_id for each in found.values() for flow_id in each}).order_by("name", "pk")
    sorted_flows = list(flows)
    return {content_id: [flow for flow in sorted_flows if flow.pk in ids] for content_id, ids in found.items()}


def is_sent_by_running_flow(content: Content) -> bool:
    """True while a flow that runs has a step that sends it. Inside a scope."""
    flow_ids = Step.objects.filter(kind="send_email", settings__content=content.pk).values("flow_id")
    return bool(Flow.objects.filter(pk__in=flow_ids, status=FlowStatus.RUNNING).exists())


def faults(content: Content) -> list[Error]:
    """What keeps a content from being saved, field by field."""
    found = [
        Error(name, _("At most {most} characters.").format(most=most))
        for name, most in LONGEST.items()
        if len(getattr(content, name)) > most
    ]
    if not content.name.strip():
        found.append(Error("name", _("Give it a name.")))
    return found + [Error(error.field, error.message) for error in rendering.check(content)]


def edit(
    account_id: int, content_id: int, changes: Mapping[str, str], *, read_at: datetime | None, as_typed: bool = False
) -> Content:
    """Save what was changed of a content; nothing is written when nothing is different. Opens its own durable scope.

    `read_at` is its `updated_at` as the writer knows it; None overwrites whatever is there. `as_typed`: half a
    sentence may be in it, which must not leave with a flow that runs. Raises Content.DoesNotExist, StaleContent,
    Invalid, or NotAllowed: "running" (a running flow's own), "sent_by_running_flow" (only `as_typed`), "busy".
    """
    with account_scope(account_id, durable=True):
        content = _hold(content_id)
        if read_at is not None and content.updated_at != read_at:
            raise StaleContent(content.updated_at)
        if as_typed and is_sent_by_running_flow(content):
            message = _("A running flow sends this e-mail now, so it is not saved while you write. Press Save.")
            raise NotAllowed("sent_by_running_flow", message)
        changed = [name for name in FIELDS if name in changes and changes[name] != getattr(content, name)]
        for name in changed:
            setattr(content, name, changes[name])
        if found := faults(content):
            raise Invalid(found)
        if changed:
            content.updated_at = now()
            content.save(update_fields=[*changed, "updated_at"])
    return content


def delete(account_id: int, content_id: int) -> None:
    """Delete a content that no flow sends. Raises Content.DoesNotExist or NotAllowed: "running", "in_use", "busy"."""
    with account_scope(account_id, durable=True):
        content = _hold(content_id)
        if using := flows_sending([content.pk])[content.pk]:
            names = ", ".join(flow.name for flow in using[:3])
            message = _("{flows} sends this content. Change its steps first.").format(flows=names)
            raise NotAllowed("in_use", message, flows=[flow.pk for flow in using])
        content.delete()


def _hold(content_id: int) -> Content:
    """The content, locked. A flow's own is locked with its flow, so that no start slips in between."""
    flow_id = Content.objects.values_list("flow_id", flat=True).get(pk=content_id)
    if flow_id is not None:
        _refuse_running(flow_id)  # at once, not after waiting for the batches of a busy flow
        take_exclusive(flow_id)
        _refuse_running(flow_id)
    content: Content = Content.objects.select_for_update(no_key=True).get(pk=content_id)
    return content


def _refuse_running(flow_id: int) -> None:
    if Flow.objects.filter(pk=flow_id, status=FlowStatus.RUNNING).exists():
        raise NotAllowed("running", _("Pause the flow first: what it says cannot be changed while it is running."))
