"""Which records belong together: kept from both sides as two rows, always written together."""

from collections.abc import Collection, Iterable
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actors import Actor
from accounts.tenancy import current_account_id
from scheduling.clock import now

from .events import record_events
from .models import Association, Record
from .refusals import Error, Invalid

# Of one record two primaries must not be made at once; the other one must only not go away.
LOCK_RECORDS: Final = """
select id, object_type_id from records_record where account_id = %(account)s and id = any(%(records)s::bigint[])
order by id for no key update
"""
LOCK_OTHERS: Final = """
select id, object_type_id from records_record where account_id = %(account)s and id = any(%(others)s::bigint[])
order by id for key share
"""
NO_SUCH_RECORD: Final = gettext_lazy("There is no such record.")
PAIRS: Final = """
unnest(%(records)s::bigint[], %(others)s::bigint[], %(record_types)s::bigint[], %(other_types)s::bigint[])
  as pair(record_id, other_id, record_type, other_type)
"""
KNOWN: Final = """
select pair.record_id, pair.other_id
from unnest(%(records)s::bigint[], %(others)s::bigint[]) as pair(record_id, other_id)
join records_association a on a.account_id = %(account)s and a.record_id = pair.record_id
  and a.other_id = pair.other_id and (a.is_primary or not %(primary)s)
"""
DEMOTE: Final = f"""
update records_association a set is_primary = false from {PAIRS}
where a.account_id = %(account)s and a.record_id = pair.record_id and a.other_type_id = pair.other_type
  and a.is_primary and a.other_id <> pair.other_id
"""
ASSOCIATE: Final = f"""
with back as (
  insert into records_association (account_id, record_id, other_id, other_type_id, is_primary, created_at)
  select %(account)s, other_id, record_id, record_type, false, %(now)s from {PAIRS} order by other_id, record_id
  on conflict (record_id, other_id) do nothing
)
insert into records_association as a (account_id, record_id, other_id, other_type_id, is_primary, created_at)
select %(account)s, record_id, other_id, other_type, %(primary)s, %(now)s from {PAIRS} order by record_id, other_id
on conflict (record_id, other_id) do update set is_primary = true where excluded.is_primary and not a.is_primary
returning record_id
"""


def associate_many(pairs: Iterable[tuple[int, int]], *, is_primary: bool = False) -> set[int]:
    """Let records belong together: (record, other) in any number; the ids of the records for which that was new.

    `is_primary`: the other becomes the record's primary one of its type, and who was it before stays associated; of
    several others for a record the last is taken alone. Ids that are no records are passed over. Locks what changes,
    each side in the order of ids; the others only against their end.
    """
    wanted = dict(pairs).items() if is_primary else set(pairs)
    known = set(_query(KNOWN, _sides(wanted, is_primary))) if wanted else set()
    new = sorted(pair for pair in wanted if pair not in known and pair[0] != pair[1])
    if not new:
        return set()
    params = _sides(new, is_primary)
    with transaction.atomic():
        types = dict(_query(LOCK_RECORDS, params)) | dict(_query(LOCK_OTHERS, params))
        new = [(record, other) for record, other in new if record in types and other in types]
        params = _sides(new, is_primary) | {
            "record_types": [types[record] for record, _other in new],
            "other_types": [types[other] for _record, other in new],
            "now": now(),
        }
        if is_primary:
            with connection.cursor() as cursor:
                cursor.execute(DEMOTE, params)
        return {record for (record,) in _query(ASSOCIATE, params)}


def associate(record: Record, other: Record, *, is_primary: bool = False, by: Actor, source: str) -> bool:
    """Let two records belong together, and tell it on both; False when they did already. Raises `Invalid`.

    `is_primary`: the other becomes the record's primary one of its type.
    """
    if record.pk == other.pk:
        raise Invalid([Error("record", _("A record cannot be associated with itself."))])
    if record.archived_at or other.archived_at:
        raise Invalid([Error("record", _("One of the records is archived. Restore it first."))])
    with transaction.atomic():
        is_new = not _between(record.pk, other.pk).exists()
        if not associate_many([(record.pk, other.pk)], is_primary=is_primary):
            return False
        _tell("associated", record.pk, other.pk, by=by, source=source, is_primary=is_primary)
    return is_new


def dissociate(record_id: int, other_id: int, *, by: Actor, source: str) -> bool:
    """Let two records belong together no longer, and tell it on both; False when they did not."""
    with transaction.atomic():
        gone, _by_model = _between(record_id, other_id).delete()
        if gone:
            _between(other_id, record_id).delete()
            _tell("association_removed", record_id, other_id, by=by, source=source)
    return bool(gone)


def set_primary(record: Record, other: Record, is_primary: bool, *, by: Actor, source: str) -> None:
    """Say whether an associated record is the primary one of its type; who was it before stays associated.

    Raises `Association.DoesNotExist` when the two do not belong together.
    """
    if _between(record.pk, other.pk).get().is_primary == is_primary:
        return
    if is_primary:
        associate(record, other, is_primary=True, by=by, source=source)
    else:
        _between(record.pk, other.pk).update(is_primary=False)
        _tell("associated", record.pk, other.pk, by=by, source=source, is_primary=False)


def _between(record_id: int, other_id: int) -> QuerySet[Association]:
    found: QuerySet[Association] = Association.objects.filter(record_id=record_id, other_id=other_id)
    return found


def _tell(kind: str, record_id: int, other_id: int, *, by: Actor, source: str, **more: Any) -> None:
    detail = {"source": source, "by": by.told}
    record_events(kind, [record_id], {**detail, "record": other_id, **more})
    record_events(kind, [other_id], {**detail, "record": record_id})


def _sides(pairs: Collection[tuple[int, int]], is_primary: bool) -> dict[str, Any]:
    return {
        "account": current_account_id(),
        "records": [record for record, _other in pairs],
        "others": [other for _record, other in pairs],
        "primary": is_primary,
    }


def _query(sql: str, params: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
