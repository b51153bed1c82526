"""Background work around the switch: flows that have ended are emptied, deleted ones cleared away, counts added up."""

from time import monotonic

from django.db import connection

from accounts.tasks import account_task, house_job
from accounts.tenancy import account_scope, every_account
from participants import statistics

from . import deletion, ending, stuck

SLICE = 2.0  # seconds after which other work gets its turn
MOST_HINTS = 500  # of one job: the next tick hints at what is left
# From flow to flow by the index, so that the look costs as many probes as there are flows with a tally.
FLOWS_WITH_TALLY = """
with recursive flow as (
  (select account_id, flow_id from participants_tally order by account_id, flow_id limit 1)
  union all
  select following.account_id, following.flow_id from flow cross join lateral (
    select t.account_id, t.flow_id from participants_tally t
    where (t.account_id, t.flow_id) > (flow.account_id, flow.flow_id)
    order by t.account_id, t.flow_id limit 1
  ) following
)
select account_id, flow_id from flow
"""


@account_task(queue="engine")
def finish_ending(account_id: int, flow_id: int) -> bool:
    """Cancel whoever is left in an ended flow, a chunk at a time."""
    return ending.finish(account_id, flow_id)


@account_task(queue="bulk")
def purge_flow(account_id: int, flow_id: int) -> bool:
    """Clear rows of a deleted flow away for a while; True when there are more."""
    until = monotonic() + SLICE
    while deletion.purge(account_id, flow_id):
        if monotonic() > until:
            return True
    return False


@house_job()
def finish_endings() -> None:
    """Find ended flows that may still hold somebody."""
    for account_id, flow_id in ending.to_empty(MOST_HINTS):
        finish_ending.hint(account_id, flow_id)


@house_job()
def purge_deleted() -> None:
    """Find the flows that were deleted."""
    for account_id, flow_id in deletion.to_purge(MOST_HINTS):
        purge_flow.hint(account_id, flow_id)


@house_job()
def roll_up_counts() -> None:
    """Add up the tallies of flows: the engine does so for those it moves, this for all others."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(FLOWS_WITH_TALLY)
        found = cursor.fetchall()
    for account_id, flow_id in found:
        with account_scope(account_id):
            statistics.roll_up(flow_id)


@house_job()
def look_for_stuck_flows() -> None:
    """Find running flows in which somebody is due and nobody moves."""
    stuck.look()
