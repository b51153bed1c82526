"""Who makes a batch fail: halved until the culprits stand alone, tried again with growing gaps, in the end dropped out.

The rest moves on. When one after the other fails the step itself is at fault, and the search ends: whoever is left is
put off with them, untried, which counts against nobody.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any, Final

from django.db import DatabaseError, OperationalError, connection

from accounts.retries import is_worth_another_try, sqlstate
from accounts.tenancy import account_scope
from flows.locks import try_shared
from flows.models import Flow, FlowStatus
from scheduling.clock import now

from . import lifecycle
from .leaving import release

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
# Single failures without a success between them. The order is drawn by lot, so if even every second one were healthy
# this would happen once in a million times.
MOST_IN_A_ROW: Final = 20
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


class Stopped(Exception):
    """The flow is locked by a verb, or not running: nobody moves."""


@dataclass
class Isolation:
    """One search among those who are due on a step (None: in the queue), whom `attempt` moves as one batch."""

    account_id: int
    flow_id: int
    step_id: int | None
    attempt: Callable[[list[int]], None]
    until: float = float("inf")  # by time.monotonic(): other flows want their turn; whoever is left stays due
    in_a_row: int = 0
    failing: list[int] = field(default_factory=list)
    untried: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Move whoever can be moved, and put off the others in one statement. Raises Stopped."""
        ids = self._due()
        random.shuffle(ids)  # neighbours may fail for one reason
        self._try(ids)
        if self.failing:
            self._postpone()

    def _try(self, ids: list[int]) -> None:
        if not ids or (self.failing and monotonic() > self.until):
            return
        if self.in_a_row >= MOST_IN_A_ROW:
            self.untried += ids
            return
        try:
            self.attempt(ids)
            self.in_a_row = 0
        except Stopped:
            raise
        except Exception as error:
            if is_worth_another_try(error):
                return  # they stay due
            if isinstance(error, OperationalError):
                raise  # the database is not there, or has run into a limit: nobody's fault
            if len(ids) > 1:
                middle = len(ids) // 2
                self._try(ids[:middle])
                self._try(ids[middle:])
                return
            logger.error("flow %s participant %s: step failed (%s)", self.flow_id, ids[0], told(error))
            self.failing += ids
            self.in_a_row += 1

    def _due(self) -> list[int]:
        with account_scope(self.account_id), connection.cursor() as cursor:
            cursor.execute(DUE, {"account": self.account_id, "flow": self.flow_id, "step": self.step_id, "now": now()})
            return [row[0] for row in cursor.fetchall()]

    def _postpone(self) -> None:
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
            untried: dict[str, Any] = {**place, "untried": self.untried, "gap": RETRY_AFTER[0]}
            patience: dict[str, Any] = {"gaps": list(RETRY_AFTER), "most": len(RETRY_AFTER)}
            cursor.execute(HOLD, {**place, "both": self.failing + self.untried})
            cursor.execute(POSTPONE, {**place, **patience, "ids": self.failing})
            given_up = [row[0] for row in cursor.fetchall()]
            if self.untried:
                cursor.execute(PUT_OFF, untried)
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


def told(error: Exception) -> str:
    """An error for the log, without the values that its text may hold."""
    return f"{type(error).__name__} {sqlstate(error) if isinstance(error, DatabaseError) else ''}".strip()
