"""Records come into lists and leave them: one statement each, with its events and its line in the tally."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from accounts.tenancy import current_account_id
from scheduling.clock import now

from . import events

TALLY = """
counted as (
  insert into records_listtally (account_id, list_id, change)
  select %(account)s, %(list)s, {sign}count(*) from {changed} having count(*) > 0
)
"""
JOIN = """
joined as (
  insert into records_listentry (account_id, list_id, record_id, added_at)
  select %(account)s, %(list)s, found.id, %(now)s from ({found}) found
  order by found.id
  on conflict do nothing returning record_id
),
"""
# Locked in key order first, as everywhere: two that delete the same entries in different orders deadlock.
LEAVE = """
gone as (
  delete from records_listentry
  where account_id = %(account)s and list_id = %(list)s and record_id = any(array(
    select e.record_id from records_listentry e
    where e.account_id = %(account)s and e.list_id = %(list)s and {which}
    order by e.record_id for update of e))
  returning record_id
),
"""
# What the change followed from, by record; deeper by one.
SOURCE = """
select {changed}.record_id, jsonb_build_object('list', %(list)s::bigint) as detail,
  coalesce(cause.depth + 1, 0) as depth
from {changed} left join (
  select unnest(%(caused_ids)s::bigint[]) as record_id, unnest(%(caused_depths)s::int[]) as depth) cause
  on cause.record_id = {changed}.record_id
"""
REMOVE_EVERYWHERE = """
with held as materialized (
  select list_id, record_id from records_listentry
  where account_id = %(account)s and record_id = any(%(ids)s::bigint[])
  order by list_id, record_id for update
),
gone as (
  delete from records_listentry e using held
  where e.account_id = %(account)s and e.list_id = held.list_id and e.record_id = held.record_id
  returning e.list_id
)
insert into records_listtally (account_id, list_id, change)
select %(account)s, list_id, -count(*) from gone group by list_id
"""


def put_in(
    list_id: int,
    found: str,
    params: Mapping[str, Any],
    *,
    with_events: bool = True,
    depths: Mapping[int, int] | None = None,
) -> int:
    """Put in the records of `found`, a SELECT of `id`; returns how many were not in the list.

    `depths`: of the events that this follows from, by record id.
    """
    change = JOIN.format(found=found) + TALLY.format(sign="", changed="joined")
    return _run(list_id, "list_joined" if with_events else None, change, "joined", params, depths)


def take_out(
    list_id: int,
    which: str,
    params: Mapping[str, Any],
    *,
    depths: Mapping[int, int] | None = None,
) -> int:
    """Take out the entries `e` that `which` says; returns how many there were. `depths` as in `put_in`."""
    change = LEAVE.format(which=which) + TALLY.format(sign="-", changed="gone")
    return _run(list_id, "list_left", change, "gone", params, depths)


def remove_everywhere(record_ids: list[int]) -> None:
    """Take records that are about to be erased out of every list, without a trace in the log."""
    with connection.cursor() as cursor:
        cursor.execute(REMOVE_EVERYWHERE, {"account": current_account_id(), "ids": record_ids})


def _run(
    list_id: int,
    kind: str | None,
    change: str,
    changed: str,
    params: Mapping[str, Any],
    depths: Mapping[int, int] | None,
) -> int:
    depths = depths or {}
    given = {
        **params,
        "account": current_account_id(),
        "list": list_id,
        "now": now(),
        "caused_ids": list(depths),
        "caused_depths": list(depths.values()),
    }
    if kind:
        sql, own = events.insert_sql(kind, SOURCE.format(changed=changed), before=change)
    else:
        sql, own = f"with {change.strip()} select count(*) from {changed}", {}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**given, **own})
        return int(cursor.fetchone()[0])
