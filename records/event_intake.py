"""Taking in what an account's own systems tell: one statement for many events, each once however often it is sent."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from accounts.tenancy import current_account_id
from scheduling.clock import now

from .models import EventClientId, EventKind, ObjectType, Record
from .refusals import Error

MOST_AT_ONCE: Final = 1_000
OWN_KIND: Final = re.compile(r"custom\.[a-z][a-z0-9_]{0,31}")
LONGEST_CLIENT_ID: Final = 200
MOST_BYTES: Final = 8_192  # of a detail, as JSON
DEEPEST: Final = 5  # levels of a detail
AHEAD: Final = timedelta(minutes=5)  # how wrong the clock of a sender may be
TAKE_IN = """
with given as materialized (
  select position, record_id, kind, detail, at, client_id,
    nextval(pg_get_serial_sequence('records_event', 'id')) as event_id
  from jsonb_to_recordset(%(events)s::jsonb) as g(
    position int, record_id bigint, kind text, detail jsonb, at timestamptz, client_id text)
),
claimed as (
  insert into records_eventclientid (account_id, client_id, event_id, at)
  select %(account)s, client_id, event_id, %(now)s from given where client_id is not null
  order by client_id, position
  on conflict do nothing returning event_id
),
taken as (
  select * from given where client_id is null or event_id in (select event_id from claimed)
),
event as (
  insert into records_event (id, account_id, record_id, kind, detail, depth, at)
  select event_id, %(account)s, record_id, kind, detail, 0, at from taken order by event_id
  returning id, kind
),
pending as (
  insert into records_eventpending (account_id, event_id)
  select %(account)s, event.id from event
  join records_listenedkind k on k.account_id = %(account)s and k.kind = event.kind
),
kinds as (
  insert into records_eventkind (account_id, kind) select distinct %(account)s, kind from taken order by kind
  on conflict do nothing
)
select position, event_id from taken
"""


class Status(StrEnum):
    """What became of an event."""

    TAKEN = "taken"
    KNOWN = "known"  # its client id was taken in before: nothing was added
    REFUSED = "refused"


@dataclass(frozen=True)
class Told:
    """What became of one event; `id` of the event that is in the log."""

    status: Status
    id: int | None = None
    errors: list[Error] = field(default_factory=list)


def take_in(told: Sequence[Mapping[str, Any]]) -> list[Told]:
    """Write events (at most 1,000) of the current account; one answer per event, in their order.

    An event: {"kind": "custom...", "detail": {}, "at": aware datetime or None for now, "client_id": None} about
    {"record": id}, {"email": ...} or {"external_id": ...}, the last two with an "object_type" other than contact if
    need be. One with a fault is refused alone.
    """
    if len(told) > MOST_AT_ONCE:
        raise ValueError(f"At most {MOST_AT_ONCE} events at once, not {len(told)}.")
    moment = now()
    records = _Records.of(told)
    answers: dict[int, Told] = {}
    rows = []
    for position, event in enumerate(told):
        record_id = records.find(event)
        errors = [*_faults(event, moment), *([] if record_id else [records.fault(event)])]
        if errors:
            answers[position] = Told(Status.REFUSED, errors=errors)
        else:
            rows.append(_row(position, event, record_id, moment))
    answers |= _write(rows, moment)
    return [answers[position] for position in range(len(told))]


def known_kinds() -> list[str]:
    """The kinds of its own that the current account has told of, in alphabetical order."""
    return list(EventKind.objects.order_by("kind").values_list("kind", flat=True))


def _row(position: int, event: Mapping[str, Any], record_id: int | None, moment: datetime) -> dict[str, Any]:
    return {
        "position": position,
        "record_id": record_id,
        "kind": event["kind"],
        "detail": event.get("detail") or {},
        "at": (event.get("at") or moment).isoformat(),
        "client_id": event.get("client_id"),
    }


def _write(rows: list[dict[str, Any]], moment: datetime) -> dict[int, Told]:
    if not rows:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(TAKE_IN, {"events": json.dumps(rows), "account": current_account_id(), "now": moment})
        answers = {position: Told(Status.TAKEN, event_id) for position, event_id in cursor.fetchall()}
    known = {row["client_id"]: row["position"] for row in rows if row["position"] not in answers}
    ids = dict(EventClientId.objects.filter(client_id__in=known).values_list("client_id", "event_id"))
    for row in rows:
        answers.setdefault(row["position"], Told(Status.KNOWN, ids.get(row["client_id"])))
    return answers


def _faults(event: Mapping[str, Any], moment: datetime) -> Iterable[Error]:
    if not OWN_KIND.fullmatch(event["kind"]):
        yield Error("kind", _("Your own kinds begin with custom. as in custom.order_placed."))
    client_id = event.get("client_id")
    if client_id is not None and not (0 < len(client_id) <= LONGEST_CLIENT_ID and client_id.isprintable()):
        yield Error("client_id", _("Write 1 to {most} printable characters.").format(most=LONGEST_CLIENT_ID))
    at = event.get("at")
    if at and at > moment + AHEAD:
        yield Error("at", _("This lies in the future."))
    if at and at < moment - settings.EVENT_RETENTION:
        days = settings.EVENT_RETENTION.days
        yield Error("at", _("Events are kept for {days} days: this one is older.").format(days=days))
    detail = event.get("detail") or {}
    if _depth(detail) > DEEPEST:
        yield Error("detail", _("At most {most} levels inside each other.").format(most=DEEPEST))
    elif len(json.dumps(detail)) > MOST_BYTES:
        yield Error("detail", _("At most {most} characters as JSON.").format(most=MOST_BYTES))


def _depth(value: object, most: int = DEEPEST + 1) -> int:
    """How deep a value is nested; looks no deeper than `most`."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inside is None or most == 0:
        return 0
    return 1 + max((_depth(each, most - 1) for each in inside), default=0)


@dataclass(frozen=True)
class _Records:
    """The records that events speak of, by each way to name one."""

    ids: set[int]
    emails: dict[tuple[str, str], int]
    external_ids: dict[tuple[str, str], int]
    object_types: set[str]

    @classmethod
    def of(cls, told: Sequence[Mapping[str, Any]]) -> "_Records":
        # From the highest id down: of several with one address the lowest counts.
        here = Record.objects.filter(archived_at=None).order_by("-pk")
        of_types = here.filter(object_type__key__in={_type_of(event) for event in told})
        by_email = of_types.filter(email__in=_named(told, "email", _address))
        by_external_id = of_types.filter(external_id__in=_named(told, "external_id", str))
        return cls(
            ids=set(here.filter(pk__in=_named(told, "record", int)).values_list("pk", flat=True)),
            emails={(key, email): id for key, email, id in by_email.values_list("object_type__key", "email", "pk")},
            external_ids={
                (key, external_id): id
                for key, external_id, id in by_external_id.values_list("object_type__key", "external_id", "pk")
            },
            object_types=set(ObjectType.objects.values_list("key", flat=True)),
        )

    def find(self, event: Mapping[str, Any]) -> int | None:
        """The id of the record that an event is about; None when there is none."""
        kind = _type_of(event)
        if len(_names(event)) != 1:
            return None
        if event.get("record") is not None:
            return event["record"] if event["record"] in self.ids else None
        if event.get("email") is not None:
            return self.emails.get((kind, _address(event["email"])))
        return self.external_ids.get((kind, event.get("external_id") or ""))

    def fault(self, event: Mapping[str, Any]) -> Error:
        """Why `find` found none."""
        if event.get("object_type") and event["object_type"] not in self.object_types:
            return Error("object_type", _("There is no object type {key}.").format(key=event["object_type"]))
        if len(_names(event)) != 1:
            return Error("record", _("Say whose event it is by one of record, email and external_id."))
        return Error(_names(event)[0], _("There is no such record."))


def _names(event: Mapping[str, Any]) -> list[str]:
    return [name for name in ("record", "email", "external_id") if event.get(name) is not None]


def _type_of(event: Mapping[str, Any]) -> str:
    return event.get("object_type") or "contact"


def _named(told: Sequence[Mapping[str, Any]], name: str, read: Callable[[Any], Any]) -> list[Any]:
    return [read(event[name]) for event in told if event.get(name) is not None]


def _address(text: str) -> str:
    return text.strip().lower()
