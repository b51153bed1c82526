"""How many records are in a list, in constant time: a counter, and the tally of changes not yet rolled up into it.

Whoever changes a list appends to the tally and waits for nobody; both are read in one statement, since two would see
a roll-up in between.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from accounts.tenancy import current_account_id

from .models import List

SIZES = """
select l.id, l.entry_count + coalesce((
  select sum(t.change) from records_listtally t where t.account_id = %(account)s and t.list_id = l.id), 0)
from records_list l where l.account_id = %(account)s and l.id = any(%(ids)s::bigint[])
"""
WITH_TALLY = """
select distinct list_id from records_listtally where account_id = %(account)s
"""
# In id order, as everybody locks rows; a roll-up meanwhile has left nothing in the tally.
LOCK = """
select id from records_list where account_id = %(account)s and id = any(%(ids)s::bigint[])
order by id for no key update
"""
ROLL_UP = """
with taken as (
  delete from records_listtally where account_id = %(account)s and list_id = any(%(ids)s::bigint[])
  returning list_id, change
),
summed as (select list_id, sum(change) as change from taken group by list_id)
update records_list l set entry_count = l.entry_count + summed.change
from summed where l.account_id = %(account)s and l.id = summed.list_id
"""
WRONG = """
select sized.id, sized.size, sized.rows from (
  select l.id,
    l.entry_count + coalesce((
      select sum(t.change) from records_listtally t where t.account_id = l.account_id and t.list_id = l.id), 0) as size,
    (select count(*) from records_listentry e where e.account_id = l.account_id and e.list_id = l.id) as rows
  from records_list l where l.account_id = %(account)s and l.deleted_at is null
) sized where sized.size <> sized.rows order by sized.id
"""


def size(list: List) -> int:
    """How many records are in a list."""
    return sizes([list.pk]).get(list.pk, 0)


def sizes(list_ids: Iterable[int]) -> dict[int, int]:
    """How many records are in each list, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(SIZES, {"account": current_account_id(), "ids": list(list_ids)})
        return {list_id: int(size) for list_id, size in cursor.fetchall()}


def roll_up() -> None:
    """Add the tally of the current account's lists to their counters."""
    with connection.cursor() as cursor:
        cursor.execute(WITH_TALLY, {"account": current_account_id()})
        params: dict[str, Any] = {"account": current_account_id(), "ids": [row[0] for row in cursor.fetchall()]}
        cursor.execute(LOCK, params)
        cursor.execute(ROLL_UP, params)


def wrong() -> list[tuple[int, int, int]]:
    """Lists of the current account whose size is not the number of their entries, as (id, size, entries)."""
    with connection.cursor() as cursor:
        cursor.execute(WRONG, {"account": current_account_id()})
        return [(list_id, int(size), int(rows)) for list_id, size, rows in cursor.fetchall()]
