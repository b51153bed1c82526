"""Records on their way into the database, many at once: locked and read, copied in, created and updated as sets."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from accounts.tenancy import current_account_id

from .models import Consent, ObjectType

LOCK: Final = """
select id, properties::text, external_id, consent, consent_at, former_employee, archived_at is not null, import_id
from records_record where account_id = %(account)s and id = any(%(ids)s::bigint[]) order by id for no key update
"""
MAKE_INCOMING: Final = """
create temporary table if not exists incoming (
  id bigint, properties jsonb not null, external_id text, consent text not null, consent_at timestamptz,
  former_employee boolean not null, detail jsonb, position int not null
) on commit delete rows;
delete from incoming -- an outer transaction, such as a test's, commits later
"""
COPY: Final = (
    "copy incoming (id, properties, external_id, consent, consent_at, former_employee, detail, position) from stdin"
)
CREATE: Final = """
insert into records_record (account_id, object_type_id, properties, external_id, consent, consent_at, former_employee,
  import_id, created_at, updated_at)
select %(account)s, %(object_type)s, properties, external_id, consent, consent_at, former_employee,
  %(import)s, %(now)s, %(now)s
from incoming where id is null order by position
returning id
"""
UPDATE: Final = """
update records_record r
set properties = n.properties, external_id = n.external_id, consent = n.consent, consent_at = n.consent_at,
  former_employee = n.former_employee, updated_at = %(now)s
from incoming n
where r.account_id = %(account)s and r.id = n.id
"""
# The events of `write`'s updates, as events.insert_sql() takes them.
UPDATES: Final = "select id as record_id, detail, 0 as depth from incoming where id is not null order by id"
NOTE_UPDATES: Final = f"""
insert into records_event (account_id, record_id, kind, detail, flow_id, depth, at)
select %(account)s, record_id, 'record_updated', detail, null, depth, %(now)s from ({UPDATES}) updated
"""

NULL: Final = "\\N"
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(slots=True, eq=False)
class Target:
    """A record that rows speak of, as it becomes; `before`: as it was. A new one has no id yet."""

    id: int | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    external_id: str | None = None
    consent: str = Consent.UNKNOWN.value
    consent_at: datetime | None = None
    former_employee: bool = False
    is_archived: bool = False
    import_id: int | None = None
    before: tuple[dict[str, Any], tuple[Any, ...]] | None = None
    rows: list[int] = field(default_factory=list)  # the positions that were applied

    def changes(self) -> dict[str, list[Any]]:
        """What is different, by property key or column, as [old, new]."""
        old, columns = self.before or ({}, ())
        new, now = self.properties, _columns(self)
        changed = {} if old == new else {k: [old.get(k), new.get(k)] for k in {*old, *new} if old.get(k) != new.get(k)}
        if now != columns:
            changed |= {
                name: [_plain(was), _plain(is_)]
                for name, was, is_ in zip(COLUMNS, columns, now, strict=True)
                if was != is_
            }
        return changed


COLUMNS: Final = ("external_id", "consent", "consent_at", "former_employee")


def locked(ids: Iterable[int]) -> dict[int, Target]:
    """The records by id, locked in id order."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"account": current_account_id(), "ids": list(ids)})
        found = {id: Target(id, json.loads(properties), *others) for id, properties, *others in cursor.fetchall()}
    for target in found.values():
        target.before = dict(target.properties), _columns(target)
    return found


def write(
    object_type: ObjectType,
    new: list[Target],
    updated: Mapping[Target, dict[str, Any]],
    *,
    moment: datetime,
    import_id: int | None,
) -> None:
    """Create `new`, which get their ids in their order, and write `updated`, each with the detail of its event."""
    if not new and not updated:
        return
    lines = [_line(target, None, position) for position, target in enumerate(new)]
    lines += [_line(target, detail, 0) for target, detail in updated.items()]
    params = {"account": current_account_id(), "object_type": object_type.pk, "import": import_id, "now": moment}
    with connection.cursor() as cursor:
        cursor.execute(MAKE_INCOMING)
        cursor.copy_expert(COPY, io.StringIO("".join(lines)))
        if updated:
            cursor.execute(UPDATE, params)
        if new:
            cursor.execute(CREATE, params)
            for target, (id,) in zip(new, cursor.fetchall(), strict=True):
                target.id = id


def note_updates(moment: datetime) -> None:
    """Write what the latest `write` changed into the log of events, none of it pending."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE_UPDATES, {"account": current_account_id(), "now": moment})


def _line(target: Target, detail: dict[str, Any] | None, position: int) -> str:
    external_id = NULL if target.external_id is None else target.external_id.translate(_ESCAPED)
    return (
        f"{target.id or NULL}\t{_json(target.properties)}\t{external_id}"
        f"\t{target.consent}\t{target.consent_at.isoformat() if target.consent_at else NULL}"
        f"\t{'t' if target.former_employee else 'f'}"
        f"\t{_json(detail) if detail else NULL}\t{position}\n"
    )


def _json(value: dict[str, Any]) -> str:
    return _as_json(value).replace("\\", "\\\\")


def _columns(target: Target) -> tuple[Any, ...]:
    return target.external_id, target.consent, target.consent_at, target.former_employee


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
