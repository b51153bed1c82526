"""Hints for the engine: which flows have somebody due, and a slice of one flow."""

import random
from time import monotonic

from django.core.cache import cache
from django.db import connection

from accounts.tasks import account_task, house_job
from accounts.tenancy import every_account
from scheduling.clock import now

from . import engine, intake, log_pruning

SLICE = 2.0  # seconds after which other work gets its turn

# A lateral, not `exists`, which may be planned as a scan of all participants.
DUE_FLOWS = """
select f.account_id, f.id from flows_flow f
cross join lateral (
  select 1 from participants_participant p
  where p.account_id = f.account_id and p.flow_id = f.id and p.status = 'active' and p.due_at <= %(now)s limit 1
) due
where f.status = 'running' and (f.starts_at is null or f.starts_at <= %(now)s)
"""
# Flow by flow along the index: read as a whole, a list of a million that comes in, or as many who are to leave a paused
# flow, would be read every second. The order within a flow is that of an index, so that it is used.
FLOWS_WITH_INTAKE = """
with recursive asked (account_id, flow_id) as (
  (select account_id, flow_id from participants_intake order by account_id, flow_id limit 1)
  union all
  select next.* from asked cross join lateral (
    select i.account_id, i.flow_id from participants_intake i
    where (i.account_id, i.flow_id) > (asked.account_id, asked.flow_id) order by i.account_id, i.flow_id limit 1
  ) next
)
select f.account_id, f.id from asked join flows_flow f on f.account_id = asked.account_id and f.id = asked.flow_id
cross join lateral (
  (select 1 from participants_intake i
   where f.status <> 'paused' and i.account_id = f.account_id and i.flow_id = f.id
     and (i.retry_at is null or i.retry_at <= %(now)s) order by i.cause_key limit 1)
  union all
  (select 1 from participants_intake i
   where f.status = 'paused' and i.account_id = f.account_id and i.flow_id = f.id and i.wish = 'enrol'
     and (i.retry_at is null or i.retry_at <= %(now)s) order by i.id limit 1)
) waiting
"""


@account_task(queue="engine", lanes=4)
def advance_flow(account_id: int, flow_id: int) -> bool:
    """Move whoever is due in a flow, for a slice."""
    return engine.advance(account_id, flow_id)


@account_task(queue="engine")
def drain_intake(account_id: int, flow_id: int) -> bool:
    """Enrol from a flow's intake, and take out whom it says."""
    return intake.drain(account_id, flow_id)


@account_task(queue="bulk")
def prune_log(account_id: int, flow_id: int) -> bool:
    """Delete old log rows of a flow for a while; True when there are more."""
    key, until = f"prune_log:{account_id}:{flow_id}", monotonic() + SLICE
    after = cache.get(key)  # lost, it begins anew: it would only look again at the rows of those on the way
    while after := log_pruning.prune(account_id, flow_id, after):
        if monotonic() > until:
            cache.set(key, after, 600)
            return True
    cache.delete(key)
    return False


@house_job()
def prune_logs() -> None:
    """Find the flows whose log has rows that are older than they are kept."""
    for account_id, flow_id in log_pruning.due():
        prune_log.hint(account_id, flow_id)


@house_job()
def dispatch() -> None:
    """Find the flows that have work, by one probe per running flow: people who are not due cost nothing.

    In an order drawn by lot: where there is more work than workers, the hints at the end of the queue grow old, and
    those would always be the same.
    """
    with every_account(), connection.cursor() as cursor:
        cursor.execute(DUE_FLOWS, {"now": now()})
        work = [(advance_flow, *found) for found in cursor.fetchall()]
        cursor.execute(FLOWS_WITH_INTAKE, {"now": now()})
        work += [(drain_intake, *found) for found in cursor.fetchall()]
    random.shuffle(work)
    for task, account_id, flow_id in work:
        task.hint(account_id, flow_id)
