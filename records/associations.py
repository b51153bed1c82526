"""Which records belong together: kept from both sides as two rows, always written together."""

from collections.abc import Iterable
from typing import Any, Final

from django.db import connection, transaction

from accounts.tenancy import current_account_id
from scheduling.clock import now

# Of one record two primaries must not be made at once; the other one must only not go away.
LOCK_RECORDS: Final = """
select id from records_record where account_id = %(account)s and id = any(%(records)s::bigint[])
order by id for no key update
"""
LOCK_OTHERS: Final = """
select id from records_record where account_id = %(account)s and id = any(%(others)s::bigint[])
order by id for key share
"""
PAIRS: Final = """
with pair as (
  select r.id as record_id, r.object_type_id as record_type, o.id as other_id, o.object_type_id as other_type
  from unnest(%(records)s::bigint[], %(others)s::bigint[]) given(record_id, other_id)
  join records_record r on r.account_id = %(account)s and r.id = given.record_id
  join records_record o on o.account_id = %(account)s and o.id = given.other_id
  where r.id <> o.id
)
"""
DEMOTE: Final = f"""
{PAIRS}
update records_association a set is_primary = false from pair
where a.account_id = %(account)s and a.record_id = pair.record_id and a.other_type_id = pair.other_type
  and a.is_primary and a.other_id <> pair.other_id
"""
ASSOCIATE: Final = f"""
{PAIRS},
back as (
  insert into records_association (account_id, record_id, other_id, other_type_id, is_primary, created_at)
  select %(account)s, other_id, record_id, record_type, false, %(now)s from pair order by other_id, record_id
  on conflict (record_id, other_id) do nothing
)
insert into records_association as a (account_id, record_id, other_id, other_type_id, is_primary, created_at)
select %(account)s, record_id, other_id, other_type, %(primary)s, %(now)s from pair order by record_id, other_id
on conflict (record_id, other_id) do update set is_primary = true where excluded.is_primary and not a.is_primary
returning record_id
"""


def associate_many(pairs: Iterable[tuple[int, int]], *, is_primary: bool = False) -> set[int]:
    """Let records belong together: (record, other) in any number; the ids of the records for which that was new.

    `is_primary`: the other becomes the record's primary one of its type, and who was it before stays associated; of
    several others for a record the last is taken alone. Ids that are no records are passed over. Locks both sides in
    the order of their ids.
    """
    wanted = list(dict(pairs).items()) if is_primary else sorted(set(pairs))
    if not wanted:
        return set()
    params: dict[str, Any] = {
        "account": current_account_id(),
        "records": [record for record, _other in wanted],
        "others": [other for _record, other in wanted],
        "primary": is_primary,
        "now": now(),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_RECORDS, params)
        cursor.execute(LOCK_OTHERS, params)
        if is_primary:
            cursor.execute(DEMOTE, params)
        cursor.execute(ASSOCIATE, params)
        return {record for (record,) in cursor.fetchall()}
