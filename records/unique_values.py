"""Values that one record only may have: who has which, and moving them from record to record, in sets.

Upserts of an object type run one after another, so what `Claims` has read holds until it is written.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from django.db import connection
from django.utils.translation import gettext as _

from accounts.tenancy import current_account_id

from .models import Property, PropertyType, UniqueValue
from .refusals import Error
from .values import JsonValue

FITTING: Final = frozenset(
    {PropertyType.TEXT, PropertyType.NUMBER, PropertyType.EMAIL, PropertyType.PHONE, PropertyType.URL}
)
LONGEST: Final = 500  # characters
# Folded by the database, as HOLD folds. A record that is gone has nothing.
READ: Final = """
select w.property_id, w.given, w.value, u.record_id
from (
  select distinct (pair ->> 0)::bigint as property_id, pair ->> 2 as given, lower(pair ->> 1) as value
  from jsonb_array_elements(%(pairs)s::jsonb) pair
) w
left join records_uniquevalue u
  on u.account_id = %(account)s and u.property_id = w.property_id and u.value = w.value
  and exists (select 1 from records_record r where r.account_id = %(account)s and r.id = u.record_id)
"""
RELEASE: Final = """
delete from records_uniquevalue u
using unnest(%(properties)s::bigint[], %(records)s::bigint[]) as gone(property_id, record_id)
where u.account_id = %(account)s and u.property_id = gone.property_id and u.record_id = gone.record_id
"""
CLAIM: Final = """
insert into records_uniquevalue (account_id, property_id, value, record_id)
select %(account)s, property_id, value, record_id
from unnest(%(properties)s::bigint[], %(values)s::text[], %(records)s::bigint[])
  as claimed(property_id, value, record_id)
order by property_id, value
on conflict (property_id, value) do update set record_id = excluded.record_id
"""
SHARED: Final = """
select coalesce(sum(n), 0) from (
  select count(*) n from records_record
  where account_id = %(account)s and object_type_id = %(object_type)s and properties ? %(key)s
  group by lower(properties ->> %(key)s) having count(*) > 1
) shared
"""
TOO_LONG: Final = """
select count(*) from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and length(properties ->> %(key)s) > %(longest)s
"""
HOLD: Final = """
insert into records_uniquevalue (account_id, property_id, value, record_id)
select %(account)s, %(property)s, lower(properties ->> %(key)s), id from records_record
where account_id = %(account)s and object_type_id = %(object_type)s and properties ? %(key)s
order by 3
"""


class Holder(Protocol):
    """A record that rows speak of, as it becomes; without an id until it is written."""

    @property
    def id(self) -> int | None: ...

    @property
    def properties(self) -> dict[str, Any]: ...


class Claims:
    """The unique values that one set of rows asks for. `properties`: those that are unique, of one object type."""

    def __init__(self, properties: Iterable[Property]) -> None:
        self.properties = {each.key: each.pk for each in properties}
        self._folded: dict[tuple[int, str], str] = {}
        self._holders: dict[tuple[int, str], Holder | int] = {}
        self._changed: dict[tuple[int, Holder], str] = {}

    def read(self, rows: Iterable[Mapping[str, JsonValue]], holders: Sequence[Holder]) -> None:
        """Look up who has what the rows (values by key) ask for, among them `holders` as they are. One query."""
        if not self.properties:
            return
        asked = [*rows, *(each.properties for each in holders)]
        pairs = [
            (property_id, row[key], json.dumps(row[key]))
            for row in asked
            for key, property_id in self.properties.items()
            if row.get(key) is not None
        ]
        known = {each.id: each for each in holders}
        for property_id, given, value, record_id in _query(READ, pairs=json.dumps(pairs)):
            self._folded[property_id, given] = value
            if record_id is not None:
                self._holders[property_id, value] = known.get(record_id, record_id)

    def refusals(self, holder: Holder, given: Mapping[str, JsonValue]) -> list[Error]:
        """Why `holder` may not have the given values, each with its path: another record has one."""
        return [
            Error(f"properties.{key}", message)
            for key, property_id in self.properties.items()
            if given.get(key) is not None and (message := self._refusal(holder, property_id, given[key]))
        ]

    def take(self, holder: Holder, given: Mapping[str, JsonValue]) -> None:
        """Let `holder`, whose own properties are still as before, give up what it has for the given values."""
        for key, property_id in self.properties.items():
            if key not in given:
                continue
            before, after = self._fold(property_id, holder.properties.get(key)), self._fold(property_id, given[key])
            if self._holders.get((property_id, before)) is holder:
                del self._holders[property_id, before]
            if after:
                self._holders[property_id, after] = holder
            self._changed[property_id, holder] = after

    def write(self) -> None:
        """Write down who has what now; call it once the records have their ids. Two statements."""
        if not self._changed:
            return
        rows = [(property_id, value, holder.id) for (property_id, holder), value in self._changed.items()]
        _execute(RELEASE, properties=[row[0] for row in rows], records=[row[2] for row in rows])
        taken = [row for row in rows if row[1]]
        properties, values, records = zip(*taken, strict=True) if taken else ((), (), ())
        _execute(CLAIM, properties=list(properties), values=list(values), records=list(records))

    def _refusal(self, holder: Holder, property_id: int, value: JsonValue) -> str:
        folded = self._fold(property_id, value)
        if len(folded) > LONGEST:
            return _("A unique value has at most {most} characters.").format(most=LONGEST)
        if self._holders.get((property_id, folded), holder) is holder:
            return ""
        return _("Another record has “{value}” already.").format(value=value)

    def _fold(self, property_id: int, value: JsonValue) -> str:
        return "" if value is None else self._folded[property_id, json.dumps(value)]


def shared(property: Property) -> int:
    """How many records share a value of the property with another."""
    [(amount,)] = _query(SHARED, object_type=property.object_type_id, key=property.key)
    return int(amount)


def too_long(property: Property) -> int:
    """How many records have a value that is too long to be unique."""
    [(amount,)] = _query(TOO_LONG, object_type=property.object_type_id, key=property.key, longest=LONGEST)
    return int(amount)


def hold_all(property: Property) -> None:
    """Write down who has which value of a property that becomes unique."""
    _execute(HOLD, property=property.pk, object_type=property.object_type_id, key=property.key)


def forget_all(property: Property) -> None:
    """A property is not unique any more."""
    UniqueValue.objects.filter(property_id=property.pk).delete()


def forget_records(record_ids: Iterable[int]) -> None:
    """Records are erased: others may have their values."""
    UniqueValue.objects.filter(record_id__in=list(record_ids)).delete()


def _query(sql: str, **params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"account": current_account_id(), **params})
        return cursor.fetchall()


def _execute(sql: str, **params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"account": current_account_id(), **params})
