"""One matcher of many, in a process of its own: `python -m tests.scenarios.matcher <account id>`, until it is killed.

Every tenth transaction is aborted after its consequences are written. In between it evaluates lists wholly.
"""

import random
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.db import OperationalError


class Aborted(OperationalError):
    """What the database says as it aborts, in the last moment before a commit."""


def sometimes_abort(work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, of which every tenth call is in vain."""

    def done(*args: Any, **options: Any) -> Any:
        result = work(*args, **options)
        if random.random() < 0.1:
            raise Aborted
        return result

    return done


def main(account_id: int) -> None:
    """Match and evaluate for ever."""
    from participants import waking
    from records import list_refresh
    from triggers import matching

    # The last thing that each kind of transaction does.
    waking.wake = sometimes_abort(waking.wake)
    list_refresh.list_entries.take_out = sometimes_abort(list_refresh.list_entries.take_out)
    list_refresh.CHUNK = 50  # type: ignore[misc]
    matching.BATCH = 20
    while True:
        try:
            for owner_id, list_id in list_refresh.due(10):
                list_refresh.work(owner_id, list_id)
            while matching.match(account_id):
                pass
        except Aborted:
            continue
        time.sleep(0.01)


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
