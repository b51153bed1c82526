"""Many records at once, created or updated: matched, locked in id order, compared, and written as sets.

Upserts of one object type in one account run one after another, so two with the same address make one record.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.members import by_id_and_address
from accounts.models import Account
from accounts.tenancy import current_account_id
from scheduling.clock import now

from . import events
from .models import Consent, ObjectType, Property, PropertyType, Record
from .refusals import Error
from .rows import MATCHES, Row, RowReader
from .values import JsonValue

MOST_ROWS = 10_000
IMPORT = "import"  # the source that fires no trigger and undoes no withdrawal

COLUMNS = ("external_id", "consent", "consent_at", "former_employee")
UPDATE = """
update records_record r
set properties = n.properties, external_id = n.external_id, consent = n.consent, consent_at = n.consent_at,
  former_employee = n.former_employee, updated_at = %(now)s
from jsonb_to_recordset(%(rows)s::jsonb) as n(
  id bigint, properties jsonb, external_id text, consent text, consent_at timestamptz, former_employee boolean)
where r.account_id = %(account)s and r.id = n.id
"""
MATCH_EMAIL = """
select distinct on (email) email, id from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and archived_at is null
  and email = any(%(keys)s::text[])
order by email, id
"""
MATCH_EXTERNAL_ID = """
select external_id, id from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and external_id = any(%(keys)s::text[])
"""
MATCH_ID = """
select id, id from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and id = any(%(keys)s::bigint[])
"""
SERIALISE = "select pg_advisory_xact_lock(hashtextextended('upsert', %(object_type)s))"


class Status(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Result:
    """What became of one row. `superseded_by`: the position of a later row about the same record, which went on top."""

    status: Status
    id: int | None = None
    errors: list[Error] = field(default_factory=list)
    superseded_by: int | None = None


def upsert(object_type: ObjectType, rows: Sequence[Mapping[str, Any]], *, match_on: str, source: str) -> list[Result]:
    """Create or update the records that `rows` (at most 10,000) speak of; one result per row, in their order.

    A row: {"properties": {key: value}, "external_id": ..., "consent": true | false | "given" | "withdrawn",
    "consent_at": ..., "former_employee": ...}, with "id" when `match_on` is "id". What a row leaves out stays as it
    is, null clears. `match_on`: "email" (of several records with it the lowest id that is not archived),
    "external_id" or "id" (creates nothing). A row with a fault is refused alone. Rows about the same record are
    applied in their order and written once.
    `source` is told in the events. From "import" there are none, and a withdrawn consent stays withdrawn unless the
    row says when it was given, later than that.
    """
    if match_on not in MATCHES:
        raise ValueError(f"match_on is one of {', '.join(MATCHES)}, not {match_on!r}.")
    if len(rows) > MOST_ROWS:
        raise ValueError(f"At most {MOST_ROWS} rows at once, not {len(rows)}.")
    with transaction.atomic():
        return _Upsert(object_type, match_on, source).run(rows)


@dataclass
class _Target:
    """A record that rows speak of: as it was, and as it becomes. A new one has no id yet."""

    record: Record
    before: dict[str, Any]
    rows: list[int] = field(default_factory=list)  # the positions that were applied

    @classmethod
    def of(cls, record: Record) -> "_Target":
        return cls(record, {"properties": dict(record.properties), **{name: getattr(record, name) for name in COLUMNS}})

    def changes(self) -> dict[str, list[Any]]:
        """What is different, by property key or column, as [old, new]."""
        old, new = self.before["properties"], self.record.properties
        changed = {key: [old.get(key), new.get(key)] for key in {*old, *new} if old.get(key) != new.get(key)}
        for name in COLUMNS:
            pair = [self.before[name], getattr(self.record, name)]
            if pair[0] != pair[1]:
                changed[name] = [each.isoformat() if isinstance(each, datetime) else each for each in pair]
        return changed


class _Upsert:
    def __init__(self, object_type: ObjectType, match_on: str, source: str) -> None:
        self.object_type, self.match_on, self.source = object_type, match_on, source
        self.now = now()
        self.targets: dict[JsonValue, _Target] = {}  # by what rows are matched by
        self.results: dict[int, Result] = {}

    def run(self, rows: Sequence[Mapping[str, Any]]) -> list[Result]:
        read = self._read(rows)
        self._query(SERIALISE)
        self._match({row.key(self.match_on) for row in read.values()})
        owners = self._owners(read.values())
        for number, row in read.items():
            self._apply(number, row, owners)
        self._write()
        return [self.results[number] for number in range(len(rows))]

    def _read(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, Row]:
        reader = self._reader()
        read = {}
        for number, given in enumerate(rows):
            row, errors = reader.read(given)
            if errors:
                self._refuse(number, errors)
            else:
                read[number] = row
        return read

    def _reader(self) -> RowReader:
        account = Account.objects.get(pk=current_account_id())
        properties = {
            each.key: each for each in Property.objects.filter(object_type=self.object_type, archived_at=None)
        }
        has_owner = any(each.type == PropertyType.OWNER for each in properties.values())
        return RowReader(
            properties,
            self.match_on,
            ZoneInfo(account.time_zone),
            country=account.country,
            members=by_id_and_address() if has_owner else {},
        )

    def _match(self, keys: set[JsonValue]) -> None:
        sql = {"email": MATCH_EMAIL, "external_id": MATCH_EXTERNAL_ID, "id": MATCH_ID}[self.match_on]
        ids = dict(self._query(sql, keys=list(keys)))
        locked = Record.objects.filter(pk__in=ids.values()).order_by("pk").select_for_update(no_key=True)
        by_id = {record.pk: _Target.of(record) for record in locked}
        self.targets = {key: by_id[id] for key, id in ids.items() if id in by_id}

    def _owners(self, rows: Iterable[Row]) -> dict[str, _Target | int]:
        """Who has the external ids that the rows name: one of the targets, or another record's id."""
        wanted = [row.fields["external_id"] for row in rows if row.fields.get("external_id")]
        by_id = {target.record.pk: target for target in self.targets.values()}
        found = self._query(MATCH_EXTERNAL_ID, keys=wanted)
        return {external_id: by_id.get(id, id) for external_id, id in found}

    def _apply(self, number: int, row: Row, owners: dict[str, _Target | int]) -> None:
        key, external_id = row.key(self.match_on), row.fields.get("external_id")
        target = self.targets.get(key)
        if target is None:
            if self.match_on == "id":
                return self._refuse(number, [Error("id", _("There is no record {id}.").format(id=key))])
            target = _Target.of(Record(object_type=self.object_type, created_at=self.now, updated_at=self.now))
        if target.record.archived_at is not None:
            return self._refuse(number, [Error(self.match_on, _("This record is archived."))])
        if external_id and owners.setdefault(external_id, target) is not target:
            return self._refuse(number, [Error("external_id", _("Another record has this external id."))])
        self.targets[key] = target
        target.rows.append(number)
        self._change(target.record, row)

    def _change(self, record: Record, row: Row) -> None:
        for key, value in row.properties.items():
            if value is None:
                record.properties.pop(key, None)
            else:
                record.properties[key] = value
        for name in ("external_id", "former_employee"):
            if name in row.fields:
                setattr(record, name, row.fields[name])
        self._change_consent(record, row.fields.get("consent"), row.fields.get("consent_at"))

    def _change_consent(self, record: Record, consent: str | None, at: datetime | None) -> None:
        if consent is None or (self._would_undo_withdrawal(record, at) and consent != Consent.WITHDRAWN):
            return
        if at or consent != record.consent:
            record.consent_at = at or self.now
        record.consent = consent

    def _would_undo_withdrawal(self, record: Record, at: datetime | None) -> bool:
        if self.source != IMPORT or record.consent != Consent.WITHDRAWN:
            return False
        return at is None or (record.consent_at is not None and at <= record.consent_at)

    def _write(self) -> None:
        targets = [target for target in self.targets.values() if target.rows]
        new = [target for target in targets if target.record.pk is None]
        changed = {id(target): changes for target in targets if target.record.pk and (changes := target.changes())}
        Record.objects.bulk_create([target.record for target in new], batch_size=2_000)
        self._update([target.record for target in targets if id(target) in changed])
        if self.source != IMPORT:
            created: dict[int, dict[str, Any]] = {target.record.pk: {} for target in new}
            updated = {
                target.record.pk: {"changes": changed[id(target)]} for target in targets if id(target) in changed
            }
            self._tell("record_created", created)
            self._tell("record_updated", updated)
        created_ids = {id(target) for target in new}
        for target in targets:
            here = id(target)
            status = Status.CREATED if here in created_ids else Status.UPDATED if here in changed else Status.UNCHANGED
            self._answer(target, status)

    def _update(self, records: list[Record]) -> None:
        rows = [
            {
                "id": record.pk,
                "properties": record.properties,
                "external_id": record.external_id,
                "consent": record.consent,
                "consent_at": record.consent_at and record.consent_at.isoformat(),
                "former_employee": record.former_employee,
            }
            for record in records
        ]
        with connection.cursor() as cursor:
            cursor.execute(UPDATE, {"rows": json.dumps(rows), "now": self.now, "account": current_account_id()})

    def _tell(self, kind: str, details: dict[int, dict[str, Any]]) -> None:
        if not details:
            return
        sql, params = events.insert_sql(
            kind,
            """
            select n.record_id, n.detail, 0 as depth
            from jsonb_to_recordset(%(rows)s::jsonb) as n(record_id bigint, detail jsonb) order by n.record_id
            """,
        )
        rows = [{"record_id": id, "detail": {"source": self.source, **detail}} for id, detail in details.items()]
        with connection.cursor() as cursor:
            cursor.execute(sql, {**params, "rows": json.dumps(rows)})

    def _answer(self, target: _Target, status: Status) -> None:
        *earlier, last = target.rows
        self.results[last] = Result(status, target.record.pk)
        for number in earlier:
            self.results[number] = Result(Status.UNCHANGED, target.record.pk, superseded_by=last)

    def _refuse(self, number: int, errors: list[Error]) -> None:
        self.results[number] = Result(Status.REFUSED, errors=errors)

    def _query(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"account": current_account_id(), "object_type": self.object_type.pk, **params})
            return cursor.fetchall()
