"""Who makes a batch fail: halved until the culprits stand alone, tried again with growing gaps, in the end dropped out.

The rest moves on. When one after the other fails the step itself is at fault, and the search ends: whoever is left is
put off with them, untried, which counts against nobody.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from accounts.tenancy import account_scope
from flows.locks import try_shared
from flows.models import Flow, FlowStatus
from scheduling.clock import now

from . import lifecycle
from .halving import RETRY_AFTER, Halving, Stopped
from .leaving import release

logger = logging.getLogger(__name__)

DUE: Final = """
select id from participants_participant
where account_id = %(account)s and flow_id = %(flow)s and status = 'active'
  and step_id is not distinct from %(step)s and due_at <= %(now)s
order by due_at limit 1000
"""
# All at once, in the order of ids, as a wake locks them: after that the statements below wait for nobody.
HOLD: Final = """
select 1 from participants_participant
where account_id = %(account)s and flow_id = %(flow)s and id = any(%(both)s) order by id for no key update
"""
# Whom another worker has moved or put off meanwhile is not due any more.
POSTPONE: Final = """
with failing as (
  select id, failures from participants_participant
  where account_id = %(account)s and flow_id = %(flow)s and id = any(%(ids)s) and status = 'active'
    and step_id is not distinct from %(step)s and due_at <= %(now)s
  order by id for no key update
),
postponed as (
  update participants_participant p set failures = p.failures + 1,
    due_at = %(now)s + (%(gaps)s::interval[])[p.failures + 1]
  from failing where p.account_id = %(account)s and p.id = failing.id and failing.failures < %(most)s
)
select id from failing where failures >= %(most)s
"""
# Among them may be healthy ones: their turn comes as those who failed wait ever longer.
PUT_OFF: Final = """
with untried as (
  select id from participants_participant
  where account_id = %(account)s and flow_id = %(flow)s and id = any(%(untried)s) and status = 'active'
    and step_id is not distinct from %(step)s and due_at <= %(now)s
  order by id for no key update
)
update participants_participant p set due_at = %(now)s + %(gap)s::interval
from untried where p.account_id = %(account)s and p.id = untried.id
"""


@dataclass
class Isolation:
    """One search among those who are due on a step (None: in the queue), whom `attempt` moves as one batch."""

    account_id: int
    flow_id: int
    step_id: int | None
    attempt: Callable[[list[int]], None]
    until: float = float("inf")  # by time.monotonic(): other flows want their turn; whoever is left stays due

    def run(self) -> None:
        """Move whoever can be moved, and put off the others in one statement. Raises Stopped."""
        search = Halving(self.attempt, until=self.until)
        search.run(self._due())
        place = f"account {self.account_id} flow {self.flow_id} step {self.step_id or 'queue'}"
        for participant_id, error in search.failing.items():
            logger.error("%s participant %s: step failed: %s", place, participant_id, error)
        if search.failing:
            self._postpone(list(search.failing), search.untried)

    def _due(self) -> list[int]:
        with account_scope(self.account_id), connection.cursor() as cursor:
            cursor.execute(DUE, {"account": self.account_id, "flow": self.flow_id, "step": self.step_id, "now": now()})
            return [row[0] for row in cursor.fetchall()]

    def _postpone(self, failing: list[int], untried: list[int]) -> None:
        with account_scope(self.account_id, durable=True), connection.cursor() as cursor:
            if not try_shared(self.flow_id):
                raise Stopped
            if Flow.objects.values_list("status", flat=True).get(pk=self.flow_id) != FlowStatus.RUNNING:
                raise Stopped
            place: dict[str, Any] = {
                "account": self.account_id,
                "flow": self.flow_id,
                "step": self.step_id,
                "now": now(),
            }
            patience: dict[str, Any] = {"gaps": list(RETRY_AFTER), "most": len(RETRY_AFTER)}
            cursor.execute(HOLD, {**place, "both": failing + untried})
            cursor.execute(POSTPONE, {**place, **patience, "ids": failing})
            given_up = [row[0] for row in cursor.fetchall()]
            if untried:
                cursor.execute(PUT_OFF, place | {"untried": untried, "gap": RETRY_AFTER[0]})
            if given_up:
                lifecycle.take_out(
                    cursor,
                    "drop_out",
                    account_id=self.account_id,
                    flow_id=self.flow_id,
                    reason="step_failed",
                    now=now(),
                    participant_ids=given_up,
                )
                release(given_up)
