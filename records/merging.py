"""What checked rows make of records: matched, locked in id order, compared, and written as sets.

Merges of one object type in one account run one after another, so two with the same address make one record.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.tenancy import current_account_id
from scheduling.clock import now

from . import events, record_writing
from .models import Consent, ImportMode, ObjectType
from .property_rules import Rules, rules_of
from .record_writing import Target
from .refusals import Error
from .rows import NEW, Row, path_of
from .unique_values import Claims
from .values import JsonValue

IMPORT = "import"  # the source that fires no trigger and undoes no withdrawal

# Each answers with what rows are matched by and the id of the record.
MATCH = {
    "email": """
select distinct on (email) email, id from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and archived_at is null
  and email = any(%(keys)s::text[])
order by email, id
""",
    "external_id": """
select external_id, id from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and external_id = any(%(keys)s::text[])
""",
    # Without case, the keys folded by `folded`. Reads every record of the type, a microsecond each, so for many names
    # at once: the index of the search text takes some ten milliseconds for each name.
    "name": """
select lower((properties ->> 'name') collate flyt_text), min(id) from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and archived_at is null
  and lower((properties ->> 'name') collate flyt_text) = any(%(keys)s::text[])
group by 1
""",
    "id": """
select id, id from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and id = any(%(keys)s::bigint[])
""",
}
SERIALISE = "select pg_advisory_xact_lock(hashtextextended('upsert', %(object_type)s))"


def one_at_a_time(object_type: ObjectType) -> None:
    """Wait until nobody else merges rows about records of that type; others then wait for this transaction's end."""
    with connection.cursor() as cursor:
        cursor.execute(SERIALISE, {"object_type": object_type.pk})


class Status(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row. `superseded_by`: the position of a later row about the same record, which went on top."""

    status: Status
    id: int | None = None
    errors: list[Error] = field(default_factory=list)
    superseded_by: int | None = None


class Merge:
    """One set of rows about records of one type; `run` it once, inside a transaction in the account's scope.

    `source` and `by` are told in the events, which are made pending unless it is an import. `import_id`: the import
    that the records it creates will name.
    """

    def __init__(
        self,
        object_type: ObjectType,
        *,
        match_on: str,
        source: str,
        by: Actor | None = None,
        mode: str = ImportMode.BOTH,
        import_id: int | None = None,
    ) -> None:
        self.object_type, self.match_on, self.source = object_type, match_on, source
        self.mode, self.import_id = mode, import_id
        self.detail: dict[str, Any] = {"source": source, **({"by": by.told} if by else {})}
        self.now = now()
        self.targets: dict[JsonValue, Target] = {}  # by what rows are matched by
        self.results: dict[int, Result] = {}
        self.rules, self.claims = Rules(), Claims([])

    def run(self, rows: Mapping[int, Row]) -> dict[int, Result]:
        """Apply the rows in their order; what became of each, by its position."""
        one_at_a_time(self.object_type)
        self.rules = rules_of(self.object_type)  # only now: they may just have changed
        self.claims = Claims(self.rules.unique)
        if self.match_on != NEW:
            self._match({row.key(self.match_on) for row in rows.values()})
        self.claims.read((row.properties for row in rows.values()), list(self.targets.values()))
        owners = self._owners(rows.values())
        for number, row in rows.items():
            self._apply(number, row, owners)
        self._write()
        return self.results

    def find(self, keys: Iterable[JsonValue]) -> dict[JsonValue, int]:
        """The ids of the records that are there, by what rows are matched by."""
        return dict(self._query(MATCH[self.match_on], keys=list(keys)))

    def _match(self, keys: set[JsonValue]) -> None:
        ids = self.find(keys)
        by_id = record_writing.locked(ids.values())
        self.targets = {key: by_id[id] for key, id in ids.items() if id in by_id}

    def _owners(self, rows: Iterable[Row]) -> dict[str, Target | int]:
        """Who has the external ids that the rows name: one of the targets, or another record's id."""
        if self.match_on == "external_id":
            return {str(key): target for key, target in self.targets.items()}
        wanted = [row.fields["external_id"] for row in rows if row.fields.get("external_id")]
        if not wanted:
            return {}
        by_id = {target.id: target for target in self.targets.values()}
        return {external_id: by_id.get(id, id) for external_id, id in self._query(MATCH["external_id"], keys=wanted)}

    def _apply(self, number: int, row: Row, owners: dict[str, Target | int]) -> None:
        key = number if self.match_on == NEW else row.key(self.match_on)
        external_id = row.fields.get("external_id")
        target = self.targets.get(key)
        if error := self._reason_against(key, target):
            return self._refuse(number, [error])
        if target is None:
            target = Target(properties=dict(self.rules.defaults))
        if (self.rules.required or self.rules.unique) and (errors := self._broken_rules(target, row)):
            return self._refuse(number, errors)
        if external_id and owners.setdefault(external_id, target) is not target:
            return self._refuse(number, [Error("external_id", _("Another record has this external id."))])
        self.targets[key] = target
        target.rows.append(number)
        self.claims.take(target, row.properties)
        self._change(target, row)

    def _broken_rules(self, target: Target, row: Row) -> list[Error]:
        is_new = target.id is None and not target.rows
        given = {**target.properties, **row.properties} if is_new else row.properties
        return [*self.rules.lacks(given, is_new=is_new), *self.claims.refusals(target, row.properties)]

    def _reason_against(self, key: JsonValue, target: Target | None) -> Error | None:
        path = path_of(self.match_on)
        if target is None:
            if self.match_on == "id":
                return Error("id", _("There is no record {id}.").format(id=key))
            if self.mode == ImportMode.UPDATE:
                return Error(path, _("There is no such record, and this import only updates."))
        elif target.is_archived:
            return Error(self.match_on, _("This record is archived."))
        elif self.mode == ImportMode.CREATE and target.id and target.import_id != self.import_id:
            return Error(path, _("There is such a record already, and this import only creates."))
        return None

    def _change(self, target: Target, row: Row) -> None:
        for key, value in row.properties.items():
            if value is None:
                target.properties.pop(key, None)
            else:
                target.properties[key] = value
        fields = row.fields
        if "external_id" in fields:
            target.external_id = fields["external_id"]
        if "former_employee" in fields:
            target.former_employee = fields["former_employee"]
        if consent := fields.get("consent"):
            self._change_consent(target, consent, fields.get("consent_at"))

    def _change_consent(self, target: Target, consent: str, at: datetime | None) -> None:
        if self._would_undo_withdrawal(target, at) and consent != Consent.WITHDRAWN:
            return
        if consent == target.consent and at and target.consent_at and at == target.consent_at.replace(microsecond=0):
            return  # moments are read to the second: it says what is there
        if at or consent != target.consent:
            target.consent_at = at or self.now
        target.consent = consent

    def _would_undo_withdrawal(self, target: Target, at: datetime | None) -> bool:
        if self.source != IMPORT or target.consent != Consent.WITHDRAWN:
            return False
        return at is None or (target.consent_at is not None and at <= target.consent_at)

    def _write(self) -> None:
        targets = [target for target in self.targets.values() if target.rows]
        new = [target for target in targets if target.id is None]
        changed = {target.id: changes for target in targets if target.id and (changes := target.changes())}
        record_writing.write(
            self.object_type,
            new,
            {target: {**self.detail, "changes": changed[target.id]} for target in targets if target.id in changed},
            moment=self.now,
            import_id=self.import_id,
        )
        self.claims.write()
        self._tell([target.id for target in new if target.id], bool(changed))
        created = {target.id for target in new}
        for target in targets:
            id = target.id
            status = Status.CREATED if id in created else Status.UPDATED if id in changed else Status.UNCHANGED
            self._answer(target, status)

    def _tell(self, created: list[int], has_updated: bool) -> None:
        if self.source == IMPORT:  # who came with it is told by `Record.import_id`
            return record_writing.note_updates(self.now) if has_updated else None
        if created:
            events.record_events("record_created", created, self.detail)
        if has_updated:
            sql, params = events.insert_sql("record_updated", record_writing.UPDATES)
            with connection.cursor() as cursor:
                cursor.execute(sql, params)
        return None

    def _answer(self, target: Target, status: Status) -> None:
        *earlier, last = target.rows
        self.results[last] = Result(status, target.id)
        for number in earlier:
            self.results[number] = Result(Status.UNCHANGED, target.id, superseded_by=last)

    def _refuse(self, number: int, errors: list[Error]) -> None:
        self.results[number] = Result(Status.REFUSED, errors=errors)

    def _query(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"account": current_account_id(), "object_type": self.object_type.pk, **params})
            return cursor.fetchall()
