"""Flows that stand still although somebody in them is due: a lock that nobody lets go of, a worker that is gone.

A flow that is only busy moves the longest due of its people on with every batch. So a look every minute keeps in mind
who that is in each flow; when it is the same person at the same hop minutes later, the flow is stuck. Kept in the
database: a cache that is flushed neither hides a stuck flow nor tells of it twice. The cache knows only when somebody
last looked, for the times in which nobody is due.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from accounts.tenancy import every_account
from scheduling.clock import now

logger = logging.getLogger(__name__)

KEY: Final = "stuck:looked_at"
REMEMBERED: Final = timedelta(days=30)  # when the last look was, so that operators see how long ago
KEPT: Final = timedelta(minutes=10)  # of a look that comes every minute: what is older says nothing
WATCHED_AFTER: Final = timedelta(minutes=1)  # overdue for less is nothing to keep in mind
MOST: Final = 500
# The oldest entry of the index, flow by flow. Not in any further order: a million people may be due since one moment.
LONGEST_DUE: Final = """
select f.account_id, f.id, longest.id, longest.hop, longest.due_at from flows_flow f
cross join lateral (
  select p.id, p.hop, p.due_at from participants_participant p
  where p.account_id = f.account_id and p.flow_id = f.id and p.status = 'active' and p.due_at <= %(before)s
  order by p.due_at limit 1
) longest
where f.status = 'running' and (f.starts_at is null or f.starts_at <= %(before)s)
order by longest.due_at, f.id limit %(most)s
"""


# Whoever is the same as at the look before keeps the moment at which they were first seen.
KEEP: Final = """
insert into participants_longestdue as w
  (account_id, flow_id, participant_id, hop, due_at, seen_at, looked_at, is_told)
select *, %(now)s, %(now)s, false from unnest(
  %(accounts)s::bigint[], %(flows)s::bigint[], %(participants)s::bigint[], %(hops)s::int[], %(due)s::timestamptz[])
on conflict (account_id, flow_id) do update set participant_id = excluded.participant_id, hop = excluded.hop,
  due_at = excluded.due_at, looked_at = excluded.looked_at,
  seen_at = case when (w.participant_id, w.hop, w.due_at) = (excluded.participant_id, excluded.hop, excluded.due_at)
    then w.seen_at else excluded.seen_at end
"""
FORGET: Final = """
delete from participants_longestdue w where w.looked_at < %(now)s returning account_id, flow_id, is_told
"""
TELL: Final = """
update participants_longestdue w set is_told = w.seen_at <= %(before)s
where w.is_told <> (w.seen_at <= %(before)s)
returning w.account_id, w.flow_id, w.participant_id, w.hop, w.due_at, w.is_told
"""
STUCK: Final = """
select w.account_id, w.flow_id, w.participant_id, w.hop, w.due_at, w.is_told, w.looked_at
from participants_longestdue w order by w.due_at, w.flow_id
"""


@dataclass(frozen=True)
class Watched:
    """Who has been due for the longest in a flow."""

    account_id: int
    flow_id: int
    participant_id: int
    hop: int
    due_at: datetime
    is_stuck: bool  # it has been this one for longer than `STUCK_AFTER`


@dataclass(frozen=True)
class Look:
    """What a look found. `at`: None when nothing says so: nobody was due then, and the cache does not know."""

    at: datetime | None
    stuck: list[Watched] | None  # None: long ago


def look() -> None:
    """Find who is due for the longest, flow by flow, and log each flow that has become stuck, or moves again."""
    moment = now()
    with every_account(), connection.cursor() as cursor:
        cursor.execute(LONGEST_DUE, {"before": moment - WATCHED_AFTER, "most": MOST})
        columns = list(zip(*sorted(cursor.fetchall()), strict=True)) or [(), (), (), (), ()]
        names = ("accounts", "flows", "participants", "hops", "due")
        cursor.execute(KEEP, {**dict(zip(names, map(list, columns), strict=True)), "now": moment})
        cursor.execute(FORGET, {"now": moment})
        moving = [flow_id for _account, flow_id, is_told in cursor.fetchall() if is_told]
        cursor.execute(TELL, {"before": moment - settings.STUCK_AFTER})
        changed = [Watched(*row) for row in cursor.fetchall()]
    for each in changed:
        if each.is_stuck:
            logger.error(*_told(each))
    for flow_id in [*moving, *(each.flow_id for each in changed if not each.is_stuck)]:
        logger.warning("flow %s is no longer stuck", flow_id)
    cache.set(KEY, moment, REMEMBERED.total_seconds())


def latest() -> Look:
    """What the latest look found, and when it was."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(STUCK)
        rows = cursor.fetchall()
    moments = [row[-1] for row in rows]
    if cached := _cached_look():
        moments.append(cached)
    at = max(moments, default=None)
    is_fresh = at is not None and at > now() - KEPT
    return Look(at, [each for each in (Watched(*row[:-1]) for row in rows) if each.is_stuck] if is_fresh else None)


def stuck() -> list[Watched] | None:
    """The flows that the latest look found stuck; None while nobody looks, or nothing says that somebody does."""
    return latest().stuck


def _cached_look() -> datetime | None:
    try:
        found: datetime | None = cache.get(KEY)
    except (RedisError, OSError):
        return None
    return found


def _told(each: Watched) -> tuple[Any, ...]:
    return (
        "flow %s of account %s is stuck: participant %s has been due at hop %s since %s",
        each.flow_id,
        each.account_id,
        each.participant_id,
        each.hop,
        each.due_at.isoformat(),
    )
