"""One matcher of many, in a process of its own, until it is killed.

Every tenth transaction is aborted after its consequences are written. In between it evaluates lists wholly. It
says when it has taken events up, and when what follows from them is committed or given up.
"""

import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from django.db import OperationalError, connection

TAKEN, OVER = "taken", "over"


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


def telling(claim: Callable[..., Any], voice: "Connection[str, Any]") -> Callable[..., Any]:
    """`claim`, which says when it has found something."""

    def done(*args: Any, **options: Any) -> Any:
        if found := claim(*args, **options):
            voice.send(TAKEN)
        return found

    return done


def main(account_id: int, database: str, voice: "Connection[str, Any]") -> None:
    """Match and evaluate for ever, in the database of that name."""
    from participants import waking
    from records import list_refresh
    from triggers import matching

    connection.settings_dict["NAME"] = database
    # The last thing that each kind of transaction does.
    waking.wake = sometimes_abort(waking.wake)
    list_refresh.list_entries.take_out = sometimes_abort(list_refresh.list_entries.take_out)
    matching.events.claim_pending = telling(matching.events.claim_pending, voice)
    list_refresh.CHUNK = 200  # type: ignore[misc]
    matching.BATCH = 60
    while True:
        try:
            for owner_id, list_id in list_refresh.due(10):
                list_refresh.work(owner_id, list_id)
            while matching.match(account_id):
                voice.send(OVER)
        except Aborted:
            pass
        voice.send(OVER)
        time.sleep(0.01)
