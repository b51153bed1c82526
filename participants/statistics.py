"""The counts of flows: exact, and read in constant time.

Every statement that moves people appends tally rows; the engine rolls up its own flow at the end of a slice. A count
is counter + tally read in one statement: two statements would see a roll-up in between and be wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db import connection

from accounts.tenancy import current_account_id

from .models import ParticipantStatus

READ = """
select flow_id, step_id, what, sum(n) from (
  select flow_id, step_id, what, n from participants_counter where account_id = %(account)s and flow_id = any(%(flows)s)
  union all
  select flow_id, step_id, what, n from participants_tally where account_id = %(account)s and flow_id = any(%(flows)s)
) counted {where} group by flow_id, step_id, what
"""
ROLL_UP = """
with taken as (
  select id from participants_tally where account_id = %(account)s and flow_id = %(flow)s
  order by id limit 50000 for update skip locked
),
rolled as (
  delete from participants_tally t using taken where t.id = taken.id and t.account_id = %(account)s
  returning t.step_id, t.what, t.n
)
insert into participants_counter as c (account_id, flow_id, step_id, what, n)
select %(account)s, %(flow)s, step_id, what, sum(n) from rolled group by step_id, what order by step_id, what
on conflict (account_id, flow_id, step_id, what) do update set n = c.n + excluded.n
"""
# What is counted at no step, and its name in FlowCounts; "on" no step is in the queue.
OF_A_FLOW: Final = {"enrolled": "enrolled", "on": "queued"} | {status: status for status in ParticipantStatus.values}


@dataclass(frozen=True)
class FlowCounts:
    """How many records a flow has seen, by where they are now. enrolled is the sum of all but queued."""

    enrolled: int = 0
    active: int = 0  # in progress, those in the queue included
    queued: int = 0
    finished: int = 0
    finished_with_success: int = 0
    dropped_out: int = 0
    cancelled: int = 0

    @property
    def completed(self) -> int:
        """Finished, with or without success."""
        return self.finished + self.finished_with_success

    @property
    def left_early(self) -> int:
        """Dropped out or cancelled."""
        return self.dropped_out + self.cancelled


def counts(flow_ids: Iterable[int]) -> dict[int, FlowCounts]:
    """The counts of some flows of the current account, in one statement."""
    ids = list(flow_ids)
    found: dict[int, dict[str, int]] = {flow_id: {} for flow_id in ids}
    for flow_id, _step_id, what, n in _read(ids, "where step_id = 0"):
        if what in OF_A_FLOW:
            found[flow_id][OF_A_FLOW[what]] = int(n)
    return {flow_id: FlowCounts(**each) for flow_id, each in found.items()}


def standing(flow_id: int) -> dict[int, dict[str, int]]:
    """Per step id (0: the queue): how many stand on it ("on") and how many have passed it ("passed")."""
    places: dict[int, dict[str, int]] = {}
    for _flow_id, step_id, what, n in _read([flow_id], "where what in ('on', 'passed')"):
        places.setdefault(step_id, {"on": 0, "passed": 0})[what] = int(n)
    return places


def taken(flow_id: int) -> dict[int, int]:
    """Per branch id: how many have taken it so far."""
    return {branch_id: int(n) for _flow_id, branch_id, _what, n in _read([flow_id], "where what = 'took'")}


def add(flow_id: int, changes: Iterable[tuple[int, str, int]]) -> None:
    """Append changes (step id or 0, what, n) to the tally, in the transaction that made them."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into participants_tally (account_id, flow_id, step_id, what, n) values (%s, %s, %s, %s, %s)",
            [(current_account_id(), flow_id, step_id, what, n) for step_id, what, n in changes if n],
        )


def roll_up(flow_id: int) -> None:
    """Move a flow's tally rows into its counters. Several may do so at once."""
    with connection.cursor() as cursor:
        cursor.execute(ROLL_UP, {"account": current_account_id(), "flow": flow_id})


def _read(flow_ids: list[int], where: str) -> list[tuple[int, int, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(READ.format(where=where), {"account": current_account_id(), "flows": flow_ids})
        return list(cursor.fetchall())
