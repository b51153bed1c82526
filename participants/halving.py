"""Who makes a batch fail: halved until the culprits stand alone, while everybody else goes on.

When one after the other fails it is not theirs, and the search ends: whoever is left is untried.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final

from accounts.faults import blames_nobody, traced
from accounts.retries import is_worth_another_try

RETRY_AFTER: Final = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
# Single failures without a success between them. The order is drawn by lot, so if even every second one were healthy
# this would happen once in a million times.
MOST_IN_A_ROW: Final = 20


class Stopped(Exception):
    """The flow is locked by a verb, or not running: nobody moves."""


@dataclass
class Halving:
    """One search among ids, which `attempt` deals with as one batch in a transaction of its own."""

    attempt: Callable[[list[int]], object]
    until: float = float("inf")  # by time.monotonic(): others want their turn; whoever is left stays as they are
    in_a_row: int = 0
    failing: dict[int, str] = field(default_factory=dict)  # the culprits, and what went wrong, for the log
    untried: list[int] = field(default_factory=list)

    def run(self, ids: list[int]) -> None:
        """Deal with whoever can be dealt with. Raises `Stopped`, and what the attempt says of a database in trouble."""
        mixed = random.sample(ids, len(ids))  # neighbours may fail for one reason
        self._try(mixed)

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
                return  # they stay as they are
            if blames_nobody(error):
                raise
            self._blame(ids, error)

    def _blame(self, ids: list[int], error: Exception) -> None:
        if len(ids) > 1:
            middle = len(ids) // 2
            self._try(ids[:middle])
            self._try(ids[middle:])
            return
        self.failing[ids[0]] = traced(error)
        self.in_a_row += 1
