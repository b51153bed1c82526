"""Builders of rows that take only what a test is about. Call them inside an open `account_scope()`."""

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from accounts.tenancy import current_account_id
from flows.locks import lock_key
from flows.models import Activation, Branch, Flow, FlowStatus, Step
from messaging.models import Content, Outbox, SubscriptionType
from participants.models import Participant, ParticipantStatus, Tally
from records.models import Consent, List, ListEntry, ObjectType, Property, PropertyType, Record
from records.schema import ensure_object_types
from scheduling.clock import now
from scheduling.recurrence import Recurrence, next_run
from triggers.models import Schedule, Trigger

EVERY_RECORD: dict[str, Any] = {"all": []}
GENERATED = "generated"
_numbers = count(1)


def make_object_type(key: str = "contact") -> ObjectType:
    """The object type `key` of the account: a built-in one with its properties, any other with an e-mail address."""
    if not ObjectType.objects.filter(key=key).exists():
        ensure_object_types()
    object_type, is_new = ObjectType.objects.get_or_create(
        key=key, defaults={"name": key.title(), "plural": f"{key.title()}s"}
    )
    if is_new:
        make_property("email", PropertyType.EMAIL, object_type=object_type)
    return object_type


def make_property(
    key: str,
    type: str = PropertyType.TEXT,
    *,
    options: Iterable[str] = (),
    object_type: ObjectType | None = None,
) -> Property:
    """A property of contacts (or of `object_type`); one that is there already is returned as it is."""
    made, _ = Property.objects.get_or_create(
        object_type=object_type or make_object_type(),
        key=key,
        defaults={"label": key.replace("_", " ").capitalize(), "type": type, "options": list(options)},
    )
    return made


def make_contact(
    email: str | None = GENERATED, *, consent: bool = True, external_id: str | None = None, **properties: Any
) -> Record:
    """A contact that may be written to, with an address of its own; missing properties are made to fit."""
    return make_record("contact", email=email, consent=consent, external_id=external_id, **properties)


def make_record(
    object_type: str,
    *,
    email: str | None = None,
    consent: bool = False,
    external_id: str | None = None,
    **properties: Any,
) -> Record:
    """A record of any object type; `properties` are stored as given, so give them normalised."""
    kind = make_object_type(object_type)
    for key, value in properties.items():
        make_property(key, _type_of(value), object_type=kind)
    if email is not None:
        properties["email"] = f"person-{next(_numbers)}@example.com" if email == GENERATED else email
    return Record.objects.create(
        object_type=kind,
        properties=properties,
        external_id=external_id,
        consent=Consent.GIVEN if consent else Consent.UNKNOWN,
        consent_at=now() if consent else None,
    )


def make_contacts(n: int, **properties: Any) -> list[Record]:
    """`n` contacts that may be written to, in two statements however many; in id order."""
    contact, moment = make_object_type(), now()
    for key, value in properties.items():
        make_property(key, _type_of(value), object_type=contact)
    return Record.objects.bulk_create(
        Record(
            object_type=contact,
            properties={"email": f"person-{next(_numbers)}@example.com", **properties},
            consent=Consent.GIVEN,
            consent_at=moment,
            created_at=moment,
            updated_at=moment,
        )
        for _ in range(n)
    )


def make_list(name: str = "", records: Iterable[Record] = (), *, object_type: ObjectType | None = None) -> List:
    """A static list with `records` in it."""
    entries = list(records)
    made = List.objects.create(
        name=name or f"List {next(_numbers)}",
        object_type=object_type or make_object_type(),
        entry_count=len(entries),
    )
    ListEntry.objects.bulk_create(ListEntry(list=made, record=record) for record in entries)
    return made


def make_content(
    name: str = "Welcome", *, subject: str = "Welcome", html: str = "<p>Good to have you.</p>", **fields: Any
) -> Content:
    """A content that can be sent as it is."""
    return Content.objects.create(name=name, subject=subject, html=html, **fields)


def make_subscription_type(name: str = "Newsletter") -> SubscriptionType:
    """A subscription type that consent alone covers."""
    made, _ = SubscriptionType.objects.get_or_create(name=name)
    return made


def make_flow(
    steps: Iterable[Any] = ("send_email",),
    *,
    schedule: Mapping[str, Any] | None = None,
    criteria: Mapping[str, Any] = EVERY_RECORD,
    email: bool = True,
    status: str = FlowStatus.NOT_RUNNING,
    object_type: ObjectType | None = None,
    **fields: Any,
) -> Flow:
    """A flow as it lies in the database, in any status; Finish is added.

    `steps`: "send_email" (makes a content), "wait 2 days", "finish", {"send_email": content},
    {"add_to_list": list}, {"update_record": {"city": "Oslo"}}, {"kind": ..., "settings": ..., "name": ...},
    {"split": [(criteria, steps), ...], "everyone_else": steps, "settings": {...}},
    or {"random_split": [(weight, steps), ...]}.
    `schedule`: a recurrence, at 09:00 in the flow's zone unless it says so; `criteria`: whom it enrols.
    `email`: whether the sender is filled in. `fields`: columns of Flow.
    """
    running = status == FlowStatus.RUNNING
    outbox = Outbox.objects.create(lock_key=0, held=not running, **(_sender() if email else {}))
    flow = Flow.objects.create(
        **{
            "name": f"Flow {next(_numbers)}",
            "object_type": object_type or make_object_type(),
            "outbox": outbox,
            "status": status,
            **fields,
        }
    )
    outbox.lock_key = lock_key(flow.pk)
    outbox.save(update_fields=["lock_key"])
    if status != FlowStatus.NOT_RUNNING:
        Activation.objects.create(flow=flow)
    trunk = list(steps)
    _make_sequence(flow, trunk if "finish" in trunk else [*trunk, "finish"], branch=None)
    if schedule is not None:
        make_schedule(flow, schedule, criteria=criteria)
    return flow


def make_schedule(
    flow: Flow, recurrence: Mapping[str, Any], *, criteria: Mapping[str, Any] = EVERY_RECORD, **fields: Any
) -> Schedule:
    """A schedule trigger of `flow`; armed unless the flow stands still. `fields`: columns of Schedule."""
    whole = Recurrence.parse({"times": ["09:00"], "time_zone": flow.time_zone, **recurrence})
    trigger = Trigger.objects.create(flow=flow, kind="schedule", criteria=criteria)
    is_on = flow.status != FlowStatus.NOT_RUNNING
    return Schedule.objects.create(
        trigger=trigger,
        flow=flow,
        recurrence=whole.as_json(),
        **{"next_run_at": next_run(whole, now()) if is_on else None, **fields},
    )


def steps_of(flow: Flow, kind: str | None = None) -> list[Step]:
    """The steps of a flow as they were made (from the top, into each branch), of one kind if named."""
    steps = Step.objects.filter(flow=flow).order_by("id")
    return list(steps.filter(kind=kind) if kind else steps)


def make_participant(
    flow: Flow,
    record: Record | None = None,
    *,
    step: Step | None = None,
    status: str = ParticipantStatus.ACTIVE,
    **fields: Any,
) -> Participant:
    """A walk of `record` (by default a new contact): due now on `step`, without one in the queue; counted."""
    moment = now()
    is_active = status == ParticipantStatus.ACTIVE
    participant = Participant.objects.create(
        **{
            "flow": flow,
            "record": record or make_contact(),
            "status": status,
            "step_id": step and step.pk,
            "cause": "by_hand",
            "only_once": flow.only_once,
            "arrived_at": moment,
            "due_at": moment if is_active else None,
            "ended_at": None if is_active else moment,
            **fields,
        }
    )
    tallies = [("enrolled", 0), (status, 0)]
    if is_active:
        tallies.append(("on", step.pk if step else 0))
    Tally.objects.bulk_create(Tally(flow_id=flow.pk, step_id=step_id, what=what, n=1) for what, step_id in tallies)
    return participant


def _sender() -> dict[str, Any]:
    return {
        "sender_name": "Acme",
        "sender_address": f"news@account-{current_account_id()}.example.com",
        "reply_address": f"reply@account-{current_account_id()}.example.com",
        "subscription_type": make_subscription_type(),
    }


def _make_sequence(flow: Flow, steps: Iterable[Any], *, branch: Branch | None) -> None:
    for position, described in enumerate(steps):
        kind, settings, name, branches = _read_step(flow, described)
        step = Step.objects.create(flow=flow, branch=branch, position=position, kind=kind, settings=settings, name=name)
        for place, (criteria, inside) in enumerate(branches):
            by_chance = kind == "random_split"
            is_last = criteria is None and not by_chance
            made = Branch.objects.create(
                flow=flow,
                step=step,
                position=place,
                criteria=None if by_chance else criteria,
                weight=criteria if by_chance else None,
                is_everyone_else=is_last,
                name="Everyone else" if is_last else f"Branch {place + 1}",
            )
            _make_sequence(flow, inside, branch=made)


def _read_step(flow: Flow, described: Any) -> tuple[str, dict[str, Any], str, list[tuple[Any, Iterable[Any]]]]:
    """Kind, settings, name, and the branches as (criteria, steps), "everyone else" last."""
    if isinstance(described, str):
        kind, *words = described.split()
        return kind, _settings_of(flow, kind, words), "", []
    if "kind" in described:
        return described["kind"], described.get("settings", {}), described.get("name", ""), []
    name = described.get("name", "")
    if "split" in described:
        settings = described.get("settings", {})
        return "split", settings, name, [*described["split"], (None, described.get("everyone_else", []))]
    if "random_split" in described:
        return "random_split", {}, name, [(weight, inside) for weight, inside in described["random_split"]]
    kind, value = next((key, value) for key, value in described.items() if key != "name")
    key = {"send_email": "content", "add_to_list": "list", "update_record": "values"}[kind]
    return kind, {key: getattr(value, "pk", value)}, name, []


def _settings_of(flow: Flow, kind: str, words: list[str]) -> dict[str, Any]:
    match kind:
        case "send_email":
            return {"content": make_content(flow_id=flow.pk).pk}
        case "add_to_list":
            return {"list": make_list().pk}
        case "wait":
            amount, unit = words or ("1", "days")
            return {"amount": int(amount), "unit": unit if unit.endswith("s") else f"{unit}s"}
    return {}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return PropertyType.BOOLEAN
    return PropertyType.NUMBER if isinstance(value, int | float) else PropertyType.TEXT
