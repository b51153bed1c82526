"""The counts of flows held against the rows that they count, and put right where they differ."""

from dataclasses import dataclass

from django.db import connection

from accounts.tenancy import account_scope, current_account_id
from flows.locks import take_exclusive

from . import statistics

# One statement: whoever moves people writes rows and tally in one transaction, so at any moment they agree. What the
# log no longer holds because it is old (participants/log_pruning.py) is counted where it was pruned.
DIFFERENCES = """
with chosen as (
  select id from flows_flow where account_id = %(account)s and deleted_at is null
    and (%(flow)s::bigint is null or id = %(flow)s)
),
by_rows as (
  select flow_id, 0::bigint as place, 'enrolled' as what, count(*) as n
  from participants_participant where account_id = %(account)s and flow_id in (select id from chosen) group by flow_id
  union all
  select flow_id, 0, status, count(*)
  from participants_participant where account_id = %(account)s and flow_id in (select id from chosen)
  group by flow_id, status
  union all
  select flow_id, coalesce(step_id, 0), 'on', count(*)
  from participants_participant
  where account_id = %(account)s and flow_id in (select id from chosen) and status = 'active'
  group by flow_id, coalesce(step_id, 0)
  union all
  select flow_id, step_id, 'passed', count(*)
  from participants_steplog
  where account_id = %(account)s and flow_id in (select id from chosen) and outcome = 'continued'
  group by flow_id, step_id
  union all
  select flow_id, branch_id, 'took', count(*)
  from participants_steplog
  where account_id = %(account)s and flow_id in (select id from chosen) and branch_id is not null
  group by flow_id, branch_id
),
kept as (
  select flow_id, step_id as place, what, n from participants_counter
  where account_id = %(account)s and flow_id in (select id from chosen)
  union all
  select flow_id, step_id, what, n from participants_tally
  where account_id = %(account)s and flow_id in (select id from chosen)
),
compared as (
  select flow_id, place, what, 0 as said, n as found from by_rows
  union all
  select flow_id, place, replace(what, '_pruned', ''), 0, n from kept where what like '%%\\_pruned'
  union all
  select flow_id, place, what, n, 0 from kept where what not like '%%\\_pruned'
)
select flow_id, place, what, sum(said), sum(found) from compared
group by flow_id, place, what having sum(said) <> sum(found) order by flow_id, place, what
"""


@dataclass(frozen=True)
class Difference:
    """A count that is not the number of its rows."""

    flow_id: int
    place: int  # a step, 0 the flow or its queue; with `took` a branch
    what: str
    said: int
    found: int

    def __str__(self) -> str:
        place = f"{'branch' if self.what == 'took' else 'step'} {self.place}: " if self.place else ""
        return f"flow {self.flow_id}: {place}{self.what} says {self.said}, the rows are {self.found}"


def differences(flow_id: int | None = None) -> list[Difference]:
    """Every count that is wrong in a flow of the current account, or in all of them. Reads every row, changes none."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, {"account": current_account_id(), "flow": flow_id})
        return [Difference(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in cursor.fetchall()]


def repair(account_id: int, flow_id: int) -> list[Difference]:
    """Put the counts of a flow right; returns what was wrong. Nobody moves in it meanwhile: it takes the flow's lock.

    Opens its own durable scope. Raises `NotAllowed("busy")`.
    """
    with account_scope(account_id, durable=True):
        take_exclusive(flow_id)
        wrong = differences(flow_id)
        statistics.add(flow_id, [(each.place, each.what, each.found - each.said) for each in wrong])
        return wrong
