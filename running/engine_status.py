"""How the engine is doing, for operators: what is due and for how long, what waits, who works, what is stuck.

The same numbers for `manage.py engine status`, the operators' page and /metrics. Across accounts, and without anything
personal: accounts by slug, flows by id. Counts stop somewhere, and say so, so that a look costs little in bad times.
"""

from dataclasses import dataclass
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
from .stuck import Watched, latest

SHOWN: Final = 50  # flows at most, the longest due first; accounts, those with the most people first
MOST_COUNTED: Final = 10_000  # of one kind, and in each flow that is shown
MOST_BESIDE: Final = 1_000  # in each of the other flows: after an outage all of them may be due
RECENT: Final = timedelta(minutes=10)

# One probe per running flow. In every flow that is due people are counted, by the index and up to a limit; the flows
# that are due for the longest are told by themselves, all of them account by account.
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
limited as (
  select *, place <= %(shown)s as is_shown, case when place <= %(shown)s then %(most)s else %(beside)s end as most
  from (select *, row_number() over (order by due_at, id) as place from due) placed
),
counted as materialized (
  select limited.*, people.n, people.n >= limited.most as is_capped from limited
  cross join lateral (
    select count(*) as n from (
      select 1 from participants_participant p
      where p.account_id = limited.account_id and p.flow_id = limited.id and p.status = 'active'
        and p.due_at <= %(now)s
      limit limited.most
    ) counted_to
  ) people
)
select account_id, id, n, is_capped, due_at, 1 from counted where is_shown
union all
select account_id, null, sum(n)::bigint, bool_or(is_capped), min(due_at), count(*) from counted group by account_id
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
    is_capped: bool  # there may be more: the count stopped
    oldest_due_at: datetime
    behind: timedelta


@dataclass(frozen=True)
class Status:
    """Everything at one moment. None: the broker or the cache does not answer."""

    at: datetime
    flows_due: int  # how many flows have somebody due
    accounts_due: int
    due: int  # people, in all flows
    is_due_capped: bool
    oldest_due_at: datetime | None
    behind: timedelta | None
    flows: list[Due]  # `SHOWN` at most, the longest due first
    accounts: list[Due]  # `SHOWN` at most, of all flows, those with the most people first
    waiting: dict[str, int]
    oldest_event_at: datetime | None
    latest_run_late: timedelta | None  # the latest of the runs of the last ten minutes
    queues: dict[str, int] | None
    workers: dict[str, bool] | None
    stuck: list[Due] | None
    stuck_looked_at: datetime | None  # when somebody last looked for flows that stand still


def status(account: Account | None = None) -> Status:
    """How it stands now, in one account or in all of them. A few queries, however many rows there are."""
    look = latest()
    watched = look.stuck and _of(account, look.stuck)
    params: dict[str, Any] = {"account": account.pk if account else None}
    params |= {"shown": SHOWN, "most": MOST_COUNTED, "beside": min(MOST_BESIDE, MOST_COUNTED)}
    with every_account(), connection.cursor() as cursor:
        moment = now()
        params |= {"now": moment, "since": moment - RECENT}
        cursor.execute(DUE_FLOWS, params)
        found = cursor.fetchall()
        slugs = _slugs(cursor, {row[0] for row in found} | {each.account_id for each in watched or ()})
        waiting = {name: int(_one(cursor, COUNTED.replace("{}", what), params)) for name, what in WAITING.items()}
        oldest_event_at, late = _one(cursor, OLDEST_EVENT, params), _one(cursor, LATENESS, params)
    told = [
        Due(slugs[account_id], account_id, flow_id, n, is_capped, due_at, moment - due_at)
        for account_id, flow_id, n, is_capped, due_at, _flows in found
    ]
    flows = sorted((each for each in told if each.flow is not None), key=lambda each: (each.oldest_due_at, each.flow))
    accounts = sorted(
        (each for each in told if each.flow is None), key=lambda each: (-each.due, each.oldest_due_at, each.account_id)
    )
    return Status(
        at=moment,
        flows_due=sum(row[5] for row in found if row[1] is None),
        accounts_due=len(accounts),
        due=sum(each.due for each in accounts),
        is_due_capped=any(each.is_capped for each in accounts),
        oldest_due_at=flows[0].oldest_due_at if flows else None,
        behind=flows[0].behind if flows else None,
        flows=flows,
        accounts=accounts[:SHOWN],
        waiting=waiting,
        oldest_event_at=oldest_event_at,
        latest_run_late=late,
        queues=queue_lengths(heartbeat.QUEUES),
        workers=_workers(),
        stuck=None
        if watched is None
        else [
            Due(slugs[each.account_id], each.account_id, each.flow_id, 1, False, each.due_at, moment - each.due_at)
            for each in watched
        ],
        stuck_looked_at=look.at,
    )


def _of(account: Account | None, watched: list[Watched]) -> list[Watched]:
    return [each for each in watched if account is None or each.account_id == account.pk]


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
