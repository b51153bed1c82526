"""Copying a flow: a new one that is not running, with its own steps and contents and nobody inside."""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.tenancy import account_scope
from flows import exits
from flows.document import as_document
from flows.models import Flow, Step
from flows.visibility import visible_to
from messaging.models import Content

from . import editing

LONGEST_NAME = 200
NOT_COPIED = ("id", "revision", "status")


def copy(account_id: int, flow_id: int, *, by: Actor) -> Flow:
    """Make a copy named "… (copy)". Contents that are the flow's own are copied, shared ones are shared;
    it lies in the same folder.

    Opens its own durable scope. Raises `Flow.DoesNotExist`.
    """
    with account_scope(account_id, durable=True):
        flow = Flow.objects.select_related("object_type", "outbox").get(pk=flow_id)
        contents = {**_foreign_contents(flow), **_copy_contents(flow)}
        document: dict[str, Any] = _strip(as_document(flow), contents, _out_of_reach(flow, by))
        document["name"] = _("%(name)s (copy)") % {"name": flow.name[: LONGEST_NAME - 20]}
        # To write to people without consent is decided by an admin, for one flow.
        document["email"].pop("override_consent")
        made = editing.add(account_id, document, by=by)
        Content.objects.filter(pk__in=set(contents.values()) - {None}).update(flow_id=made.pk)
        Flow.objects.filter(pk=made.pk).update(folder_id=flow.folder_id)
    return made


def _copy_contents(flow: Flow) -> dict[int, int]:
    """Old id -> new id."""
    copies = {}
    for content in Content.objects.filter(flow_id=flow.pk).order_by("pk"):
        old, content.pk, content.flow_id = content.pk, None, None
        content.save(force_insert=True)
        copies[old] = content.pk
    return copies


def _foreign_contents(flow: Flow) -> dict[int, None]:
    """Contents of other flows that steps name; a copy chooses anew."""
    named = Step.objects.filter(flow=flow, kind="send_email").values_list("settings__content", flat=True)
    others = Content.objects.filter(pk__in=[each for each in named if each], flow_id__isnull=False)
    return dict.fromkeys(others.exclude(flow_id=flow.pk).values_list("pk", flat=True))


def _out_of_reach(flow: Flow, by: Actor) -> set[int]:
    """Flows that this one points at, and that are gone or not for the eyes of whoever copies: the copy does not."""
    named = set(flow.leave_flows)
    for settings in Step.objects.filter(flow=flow).values_list("settings", flat=True):
        named |= {settings[name] for name in exits.FLOWS if settings.get(name)}
    within = exits.targets(flow, named).filter(visible_to(by)) if named else ()
    return named - {each.pk for each in within}


def _strip(document: Any, contents: Mapping[int, int | None], out_of_reach: Collection[int]) -> Any:
    """The document as a new flow's: no ids of its own, own contents replaced by their copies."""
    if isinstance(document, list):
        return [_strip(each, contents, out_of_reach) for each in document]
    if not isinstance(document, dict) or "operator" in document:
        return document
    stripped = {key: _strip(value, contents, out_of_reach) for key, value in document.items() if key not in NOT_COPIED}
    if document.get("kind") == "send_email":
        chosen = document["settings"].get("content")
        stripped["settings"] = {"content": contents.get(chosen, chosen)}
    elif "settings" in document:
        unreached = [name for name in exits.FLOWS if document["settings"].get(name) in out_of_reach]
        stripped["settings"] |= dict.fromkeys(unreached)
    if "leave_flows" in document:
        stripped["leave_flows"] = [each for each in document["leave_flows"] if each not in out_of_reach]
    return stripped
