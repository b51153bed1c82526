"""Reads a flow document against the flow as it is, and tells every fault at once.

What the document leaves out at the top, in `email`, in a trigger, or in a step or branch with an id, stays as it is; a
list that it gives is the whole list.
"""

from typing import Any

from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.rights import NEEDS, Right
from flows import exits
from flows.models import Flow, FlowStatus
from flows.visibility import visible_to
from messaging.models import SubscriptionType
from records.models import List, ListKind, ObjectType
from scheduling.recurrence import RecurrenceError
from triggers import kinds
from triggers.kinds.schedule import ScheduleKind

from .drafts import Draft, InvalidDocument, TriggerDraft
from .reader import LARGEST_ID, DocumentReader, unstorable
from .trees import TreeReader

BLANK_EMAIL: dict[str, Any] = {
    "sender_name": "",
    "sender_address": "",
    "reply_address": "",
    "subscription_type": None,
    "override_consent": False,
}
BLANK: dict[str, Any] = {
    "id": None,
    "name": "",
    "description": "",
    "object_type": "contact",
    "status": FlowStatus.NOT_RUNNING.value,
    "revision": 0,
    "time_zone": "UTC",
    "only_once": True,
    "filter": None,
    "unenrolment": None,
    "success": [],
    "jump_to_finish": False,
    "exclusion_lists": [],
    "starts_at": None,
    "enrolment_ends_at": None,
    "leave_flows": [],
    "email": BLANK_EMAIL,
    "triggers": [],
    "steps": [],
}
TRIGGER_KEYS = ("id", "kind", "criteria", "schedule")
MOST_TRIGGERS, MOST_CRITERIA, MOST_LISTS, MOST_FLOWS = 20, 20, 50, 50


def read(document: object, *, current: dict[str, Any], flow: Flow, object_type: ObjectType | None, by: Actor) -> Draft:
    """The draft that `document` asks for, read inside the flow's scope.

    `current` is the flow's present document (for a new one `BLANK` with what it starts from), `flow` the row, not
    saved yet for a new one. `object_type` is None when the document names none that exists. Raises InvalidDocument.
    """
    faults = unstorable(document)
    if faults:
        raise InvalidDocument(faults)
    reader = DocumentReader(object_type)
    whole = {**current, **reader.known(document, BLANK)}
    if not isinstance(document, dict):
        raise InvalidDocument(reader.errors)
    _refuse_read_only(reader, whole, current)
    settings = _settings(reader, whole, current, flow, by)
    draft = Draft(
        flow=settings,
        email=_email(reader, whole["email"], current["email"], by),
        exclusion_lists=_exclusion_lists(reader, whole["exclusion_lists"], current["exclusion_lists"]),
        triggers=_triggers(reader, whole["triggers"], current, settings["time_zone"]),
        steps=TreeReader(reader, flow, current["steps"], by=by).trunk(whole["steps"]),
    )
    if reader.errors:
        raise InvalidDocument(reader.errors)
    return draft


def _refuse_read_only(reader: DocumentReader, whole: dict[str, Any], current: dict[str, Any]) -> None:
    """Status and revision are answers, given back unread; an id or an object type of another flow is a mistake."""
    if whole["id"] not in (None, current["id"]):
        reader.refuse("id", _("This is the document of another flow. Leave the id out."))
    if reader.object_type is None:
        reader.refuse("object_type", _("There is no such object type."))
    elif whole["object_type"] != current["object_type"]:
        reader.refuse("object_type", _("A flow keeps its object type. Make another flow for other records."))


def _settings(
    reader: DocumentReader, whole: dict[str, Any], current: dict[str, Any], flow: Flow, by: Actor
) -> dict[str, Any]:
    starts_at = reader.moment("starts_at", whole["starts_at"])
    enrolment_ends_at = reader.moment("enrolment_ends_at", whole["enrolment_ends_at"])
    if whole["starts_at"] != current["starts_at"] and flow.status != FlowStatus.NOT_RUNNING:
        reader.refuse("starts_at", _("The start can be set only before the flow is turned on."))
    if starts_at and enrolment_ends_at and enrolment_ends_at <= starts_at:
        reader.refuse("enrolment_ends_at", _("The end must be after the start."))
    return {
        "name": reader.text("name", whole["name"], most=200, required=True),
        "description": reader.text("description", whole["description"], most=4000, several_lines=True),
        "time_zone": reader.time_zone("time_zone", whole["time_zone"]),
        "only_once": reader.flag("only_once", whole["only_once"]),
        "filter": reader.criteria("filter", whole["filter"], old=current["filter"]),
        "unenrolment": reader.criteria("unenrolment", whole["unenrolment"], old=current["unenrolment"]),
        "success": _success(reader, whole["success"], current["success"]),
        "jump_to_finish": reader.flag("jump_to_finish", whole["jump_to_finish"]),
        "starts_at": starts_at,
        "enrolment_ends_at": enrolment_ends_at,
        "leave_flows": _leave_flows(reader, whole["leave_flows"], current["leave_flows"], flow, by),
    }


def _success(reader: DocumentReader, value: object, current: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Named criteria, any of which is a success."""
    known = [each["criteria"] for each in current]
    names: set[str] = set()

    def one(path: str, given: object) -> dict[str, Any] | None:
        item = reader.known(given, ("name", "criteria"), path=path)
        if not isinstance(given, dict):
            return None
        name = reader.text(f"{path}.name", item.get("name", ""), most=200, required=True)
        if name in names:
            reader.refuse(f"{path}.name", _("Give it a name of its own."))
        names.add(name)
        tree = item.get("criteria")
        if tree is None:
            reader.refuse(f"{path}.criteria", _("Say when someone has succeeded."))
        return {
            "name": name,
            "criteria": reader.criteria(f"{path}.criteria", tree, old=tree if tree in known else None),
        }

    return reader.several("success", value, one, most=MOST_CRITERIA) if value != [] else []


def _exclusion_lists(reader: DocumentReader, value: object, current: list[int]) -> list[int]:
    def one(path: str, given: object) -> int | None:
        return reader.whole_number(path, given, low=1, high=LARGEST_ID)

    ids = reader.several("exclusion_lists", value, one, most=MOST_LISTS) if value != [] else []
    usable = set(current) | set(
        List.objects.filter(pk__in=ids, kind=ListKind.STATIC, object_type=reader.object_type).values_list(
            "pk", flat=True
        )
    )
    for position, list_id in enumerate(value if isinstance(value, list) else []):
        if list_id in ids and list_id not in usable:
            reader.refuse(f"exclusion_lists.{position}", _("Choose a static list of the flow's object type."))
    return sorted(set(ids))


def _leave_flows(reader: DocumentReader, value: object, current: list[int], flow: Flow, by: Actor) -> list[int]:
    """Other flows for records of the same type, new ones such as whoever edits may see."""

    def one(path: str, given: object) -> int | None:
        return reader.whole_number(path, given, low=1, high=LARGEST_ID)

    ids = reader.several("leave_flows", value, one, most=MOST_FLOWS) if value != [] else []
    if reader.object_type is None:
        return []
    usable = set(current) | set(exits.targets(flow, set(ids)).filter(visible_to(by)).values_list("pk", flat=True))
    for position, flow_id in enumerate(value if isinstance(value, list) else []):
        if flow_id in ids and flow_id not in usable:
            reader.refuse(f"leave_flows.{position}", str(exits.NO_TARGET))
    return sorted(set(ids))


def _email(reader: DocumentReader, value: object, current: dict[str, Any], by: Actor) -> dict[str, Any]:
    whole = {**current, **reader.known(value, BLANK_EMAIL, path="email")}
    override = reader.flag("email.override_consent", whole["override_consent"])
    if override and not current["override_consent"] and not by.may(Right.ADMINISTER):
        reader.refuse("email.override_consent", str(NEEDS[Right.ADMINISTER]))
    return {
        "sender_name": reader.text("email.sender_name", whole["sender_name"], most=120),
        "sender_address": reader.address("email.sender_address", whole["sender_address"]),
        "reply_address": reader.address("email.reply_address", whole["reply_address"]),
        "subscription_type_id": _subscription_type(reader, whole["subscription_type"]),
        "override_consent": override,
    }


def _subscription_type(reader: DocumentReader, value: object) -> int | None:
    path = "email.subscription_type"
    chosen = reader.identity(path, value)
    if chosen is not None and not SubscriptionType.objects.filter(pk=chosen).exists():
        reader.refuse(path, _("There is no such subscription type."))
    return chosen


def _triggers(reader: DocumentReader, value: object, current: dict[str, Any], time_zone: str) -> list[TriggerDraft]:
    """Triggers keep their ids; one without an id is new, one left out of the list goes."""
    old = {each["id"]: each for each in current["triggers"]}
    zones = (time_zone, current["time_zone"])

    def one(path: str, item: object) -> TriggerDraft | None:
        given = reader.known(item, TRIGGER_KEYS, path=path)
        if not isinstance(item, dict):
            return None
        trigger_id = reader.identity(f"{path}.id", given.get("id"))
        if trigger_id is not None and trigger_id not in old:
            reader.refuse(
                f"{path}.id", _("The flow has no such trigger, or it is named twice. Leave the id of a new one out.")
            )
            return None
        before = old.pop(trigger_id, {})
        merged = {**before, **given}
        if before and merged["kind"] != before["kind"]:
            reader.refuse(f"{path}.kind", _("A trigger keeps its kind. Add another and remove this one."))
        return TriggerDraft(
            id=trigger_id,
            kind=reader.choice(f"{path}.kind", merged.get("kind"), kinds.KINDS) or "",
            criteria=reader.criteria(f"{path}.criteria", merged.get("criteria"), old=before.get("criteria")),
            schedule=_schedule(reader, f"{path}.schedule", merged.get("schedule"), zones),
        )

    return reader.several("triggers", value, one, most=MOST_TRIGGERS) if value != [] else []


def _schedule(reader: DocumentReader, path: str, value: object, zones: tuple[str, str]) -> dict[str, Any] | None:
    """The schedule as documents write it, or None while it is not filled in.

    It runs in the flow's time zone, `zones[0]`; `zones[1]`, which the flow has had so far, is an echo and follows.
    """
    if value is None:
        return None
    given = dict(value) if isinstance(value, dict) else value
    if isinstance(given, dict):
        if given.get("time_zone") not in (None, *zones):
            reader.refuse(f"{path}.time_zone", _("A schedule runs in the flow's time zone. Change it there."))
        given["time_zone"] = zones[0]
    try:
        settings = ScheduleKind().clean(given)
    except RecurrenceError as error:
        for place, message in error.errors:
            reader.refuse(f"{path}.{place}" if place else path, message)
        return None
    return {
        **settings.recurrence.as_json(),
        "catch_up": settings.catch_up,
        "safety_brake": settings.safety_brake,
    }
