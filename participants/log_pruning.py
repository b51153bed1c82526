"""The log of the steps is kept for a while only. The rows of whoever is still on the way stay: they key its effects."""

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection

from accounts.tenancy import account_scope, every_account
from scheduling.clock import now

CHUNK: Final = 5_000
# The oldest row of each flow, by the index from flow to flow.
OLD: Final = """
with recursive flow as (
  (select account_id, flow_id from participants_steplog order by account_id, flow_id limit 1)
  union all
  select following.account_id, following.flow_id from flow cross join lateral (
    select l.account_id, l.flow_id from participants_steplog l
    where (l.account_id, l.flow_id) > (flow.account_id, flow.flow_id)
    order by l.account_id, l.flow_id limit 1
  ) following
)
select flow.account_id, flow.flow_id from flow
join flows_flow f on f.account_id = flow.account_id and f.id = flow.flow_id and f.deleted_at is null
cross join lateral (
  select l.at from participants_steplog l where l.account_id = flow.account_id and l.flow_id = flow.flow_id
  order by l.at limit 1
) oldest
where oldest.at < %(before)s
"""
# What is deleted goes on counting in "passed" and "took"; how many, is kept beside them (participants/counting.py).
PRUNE: Final = """
with old as materialized (
  select l.participant_id, l.hop, l.at from participants_steplog l
  where l.account_id = %(account)s and l.flow_id = %(flow)s and l.at < %(before)s
    and l.at >= %(at)s and (l.at, l.participant_id, l.hop) > (%(at)s, %(participant)s, %(hop)s)
  order by l.at, l.participant_id, l.hop limit %(chunk)s
),
pruned as (
  delete from participants_steplog l using old
  where l.account_id = %(account)s and l.participant_id = old.participant_id and l.hop = old.hop
    and not exists (select 1 from participants_participant p
                    where p.account_id = %(account)s and p.id = old.participant_id and p.status = 'active')
  returning l.step_id, l.branch_id, l.outcome
),
told as (
  insert into participants_tally (account_id, flow_id, step_id, what, n)
  select %(account)s, %(flow)s, step_id, 'passed_pruned', count(*) from pruned where outcome = 'continued'
  group by step_id
  union all
  select %(account)s, %(flow)s, branch_id, 'took_pruned', count(*) from pruned
  where branch_id is not null group by branch_id
)
select at, participant_id, hop from old order by at desc, participant_id desc, hop desc limit 1
"""
Place = tuple[datetime, int, int]


def due() -> list[tuple[int, int]]:
    """Flows of all accounts whose log has rows older than `LOG_RETENTION`, as (account id, flow id)."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(OLD, {"before": now() - settings.LOG_RETENTION})
        return [(account_id, flow_id) for account_id, flow_id in cursor.fetchall()]


def prune(account_id: int, flow_id: int, after: Place | None = None) -> Place | None:
    """Look at one chunk of a flow's old rows behind `after`, the oldest first, and delete those nobody needs.

    Returns where to go on, or None at the end. Opens its own durable scope.
    """
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        at, participant_id, hop = after or ("-infinity", 0, 0)
        params: dict[str, Any] = {
            "account": account_id,
            "flow": flow_id,
            "before": now() - settings.LOG_RETENTION,
            "at": at,
            "participant": participant_id,
            "hop": hop,
            "chunk": CHUNK,
        }
        cursor.execute(PRUNE, params)
        found: Place | None = cursor.fetchone()
        return found
