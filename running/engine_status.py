"""How the engine is doing, for operators: what is due and for how long, what waits, who works, what is stuck.

The same numbers for `manage.py engine status`, the operators' page and /metrics. Across accounts, and without anything
personal: accounts by slug, flows by id. Counts stop at `MOST_COUNTED`, so that a look costs the same in bad times.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper
from redis.exceptions import RedisError

from accounts.models import Account
from accounts.tasks import queue_lengths
from accounts.tenancy import every_account
from scheduling.clock import now

from . import heartbeat
from .stuck import Watched, stuck

SHOWN: Final = 50  # flows and accounts at most, the longest due first
MOST_COUNTED: Final = 10_000  # of one kind
RECENT: Final = timedelta(minutes=10)

# One probe per running flow; then those that are due for the longest are counted.
DUE_FLOWS: Final = """
with due as materialized (
  select f.account_id, f.id, oldest.due_at from flows_flow f
  cross join lateral (
    select p.due_at from participants_participant p
    where p.account_id = f.account_id and p.flow_id = f.id and p.status = 'active' and p.due_at <= %(now)s
    order by p.due_at limit 1
  ) oldest
  where f.status = 'running' and (f.starts_at is null or f.starts_at <= %(now)s)
    and (%(account)s::bigint is null or f.account_id = %(account)s)
),
shown as materialized (select account_id, id, due_at from due order by due_at, id limit %(shown)s)
select shown.account_id, shown.id, shown.due_at, counted.n, (select count(*) from due) from shown
cross join lateral (
  select count(*) as n from (
    select 1 from participants_participant p
    where p.account_id = shown.account_id and p.flow_id = shown.id and p.status = 'active' and p.due_at <= %(now)s
    limit %(most)s
  ) counted_to
) counted
order by shown.due_at, shown.id
"""
# Each line: a name, and what is counted up to MOST_COUNTED. `a` stands for the account, if one is asked about.
WAITING: Final = {
    "pending_events": "records_eventpending w where {a}",
    "events_set_aside": "triggers_eventsetaside w where {a}",
    "intake": "participants_intake w where {a}",
    "intake_failing": "participants_intake w where w.failures > 0 and {a}",
    "messages_due": """messaging_outbox o join messaging_message w on w.account_id = o.account_id
        and w.outbox_id = o.id and w.status = 'queued' and w.due_at <= %(now)s where not o.held and {a}""",
    "messages_queued": "messaging_message w where w.status = 'queued' and {a}",
    "messages_sending": "messaging_message w where w.status = 'sending' and {a}",
    "messages_unconfirmed": "messaging_message w where w.status = 'unconfirmed' and {a}",
    "failing": "participants_participant w where w.status = 'active' and w.failures > 0 and {a}",
    "runs_open": "triggers_occurrence w where w.status in ('pending', 'running') and {a}",
    "schedules_due": "triggers_schedule w where w.next_run_at <= %(now)s and {a}",
    "flows_ending": "flows_activation w where w.ended_at is not null and w.emptied_at is null and {a}",
    "flows_deleted": "flows_flow w where w.deleted_at is not null and {a}",
}
COUNTED: Final = "select count(*) from (select 1 from {} limit %(most)s) counted_to"
LATENESS: Final = """
select max(latest.created_at - latest.scheduled_for) from (
  select w.kind, w.status, w.created_at, w.scheduled_for from triggers_occurrence w where {a}
  order by w.id desc limit 500
) latest
where latest.kind = 'scheduled' and latest.status not in ('missed', 'skipped') and latest.created_at > %(since)s
"""
OLDEST_EVENT: Final = """
select e.at from (
  select w.event_id, w.account_id from records_eventpending w where {a} order by w.event_id limit 1
) oldest
join records_event e on e.account_id = oldest.account_id and e.id = oldest.event_id
"""


@dataclass(frozen=True)
class Due:
    """Who is due in a flow, or in an account's flows."""

    account: str
    account_id: int
    flow: int | None
    due: int
    oldest_due_at: datetime
    behind: timedelta


@dataclass(frozen=True)
class Status:
    """Everything at one moment. None: the broker or the cache does not answer."""

    at: datetime
    flows_due: int  # how many flows have somebody due
    due: int  # people, in the flows that are shown
    oldest_due_at: datetime | None
    behind: timedelta | None
    flows: list[Due]
    accounts: list[Due]
    waiting: dict[str, int]
    oldest_event_at: datetime | None
    latest_run_late: timedelta | None  # the latest of the runs of the last ten minutes
    queues: dict[str, int] | None
    workers: dict[str, bool] | None
    stuck: list[Due] | None


def status(account: Account | None = None) -> Status:
    """How it stands now, in one account or in all of them. A few queries, however many rows there are."""
    watched = _watched(account)
    params: dict[str, Any] = {"account": account.pk if account else None, "shown": SHOWN, "most": MOST_COUNTED}
    with every_account(), connection.cursor() as cursor:
        moment = now()
        params |= {"now": moment, "since": moment - RECENT}
        cursor.execute(DUE_FLOWS, params)
        found = cursor.fetchall()
        slugs = _slugs(cursor, {row[0] for row in found} | {each.account_id for each in watched or ()})
        waiting = {name: int(_one(cursor, COUNTED.replace("{}", what), params)) for name, what in WAITING.items()}
        oldest_event_at, late = _one(cursor, OLDEST_EVENT, params), _one(cursor, LATENESS, params)
    flows = [Due(slugs[row[0]], row[0], row[1], row[3], row[2], moment - row[2]) for row in found]
    return Status(
        at=moment,
        flows_due=found[0][4] if found else 0,
        due=sum(each.due for each in flows),
        oldest_due_at=flows[0].oldest_due_at if flows else None,
        behind=flows[0].behind if flows else None,
        flows=flows,
        accounts=_by_account(flows),
        waiting=waiting,
        oldest_event_at=oldest_event_at,
        latest_run_late=late,
        queues=queue_lengths(heartbeat.QUEUES),
        workers=_workers(),
        stuck=None
        if watched is None
        else [
            Due(slugs[each.account_id], each.account_id, each.flow_id, 1, each.due_at, moment - each.due_at)
            for each in watched
        ],
    )


def _watched(account: Account | None) -> list[Watched] | None:
    found = stuck()
    return found and [each for each in found if account is None or each.account_id == account.pk]


def _by_account(flows: list[Due]) -> list[Due]:
    """The flows that are shown, added up by account; the longest due first, as they are."""
    found: dict[str, Due] = {}
    for each in flows:
        first = found.get(each.account)
        found[each.account] = replace(first, due=first.due + each.due) if first else replace(each, flow=None)
    return list(found.values())


def _workers() -> dict[str, bool] | None:
    try:
        alive = heartbeat.alive()
    except (RedisError, OSError):
        return None
    return {queue: queue in alive for queue in heartbeat.QUEUES}


def _slugs(cursor: CursorWrapper, account_ids: set[int]) -> dict[int, str]:
    cursor.execute("select id, slug from accounts_account where id = any(%s)", [sorted(account_ids)])
    return dict(cursor.fetchall())


def _one(cursor: CursorWrapper, sql: str, params: dict[str, Any]) -> Any:
    """The first value of an answer; `{a}` becomes the condition on the account, if one is asked about."""
    of_account = "w.account_id = %(account)s" if params["account"] else "true"
    cursor.execute(sql.replace("{a}", of_account), params)
    row = cursor.fetchone()
    return row and row[0]
