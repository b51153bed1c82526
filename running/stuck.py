"""Flows that stand still although somebody in them is due: a lock that nobody lets go of, a worker that is gone.

A flow that is only busy moves the longest due of its people on with every batch. So a look every minute keeps in mind
who that is in each flow; when it is the same person at the same hop minutes later, the flow is stuck. Kept in the
cache: lost with it, the watch begins anew.
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

KEY: Final = "stuck:watch"
KEPT: Final = 600  # seconds, of a look that comes every minute: what is older says nothing
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


@dataclass(frozen=True)
class Watched:
    """Who has been due for the longest in a flow, and since when it has been this one."""

    account_id: int
    flow_id: int
    participant_id: int
    hop: int
    due_at: datetime
    seen_at: datetime

    def is_still(self, other: "Watched | None") -> bool:
        """Whether `other`, seen earlier, is the same person at the same place."""
        mine = (self.participant_id, self.hop, self.due_at)
        return other is not None and mine == (other.participant_id, other.hop, other.due_at)

    def is_stuck(self, at: datetime) -> bool:
        """Whether it has been this one for longer than `STUCK_AFTER`."""
        return self.seen_at <= at - settings.STUCK_AFTER


@dataclass(frozen=True)
class Look:
    """What the latest look found."""

    at: datetime
    watched: list[Watched]


def look() -> None:
    """Find who is due for the longest, flow by flow, and log each flow that has become stuck, or moves again."""
    moment = now()
    was = {each.flow_id for each in stuck() or ()}
    kept = cache.get(KEY)
    earlier = {each.flow_id: each for each in kept.watched} if kept else {}
    watched = [
        earlier[each.flow_id] if each.is_still(earlier.get(each.flow_id)) else each for each in _longest_due(moment)
    ]
    cache.set(KEY, Look(moment, watched), KEPT)
    found = {each.flow_id: each for each in watched if each.is_stuck(moment)}
    for flow_id in found.keys() - was:
        logger.error(*_told(found[flow_id]))
    for flow_id in was - found.keys():
        logger.warning("flow %s is no longer stuck", flow_id)


def stuck() -> list[Watched] | None:
    """The flows that the latest look found stuck; None while nobody looks, or the cache does not answer."""
    try:
        kept: Look | None = cache.get(KEY)
    except (RedisError, OSError):
        return None
    return [each for each in kept.watched if each.is_stuck(kept.at)] if kept else None


def _longest_due(moment: datetime) -> list[Watched]:
    with every_account(), connection.cursor() as cursor:
        cursor.execute(LONGEST_DUE, {"before": moment - WATCHED_AFTER, "most": MOST})
        return [Watched(row[0], row[1], row[2], row[3], row[4], seen_at=moment) for row in cursor.fetchall()]


def _told(each: Watched) -> tuple[Any, ...]:
    return (
        "flow %s of account %s is stuck: participant %s has been due at hop %s since %s",
        each.flow_id,
        each.account_id,
        each.participant_id,
        each.hop,
        each.due_at.isoformat(),
    )
