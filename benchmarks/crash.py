"""Crashes: 50,000 people walk through updates, messages and a list while workers are killed and servers broken.

A fifth as many walk the same in another account; both are paused and resumed, and schedules enrol all of them again.
Four workers (two of the engine, two of delivery, each of two processes) on real PostgreSQL, Valkey and SMTP; half of
them with a clock five minutes ahead of the others'; every hint ten times. `FLYT_CRASH_SEED` repeats an order of kills.
"""

import os
import random
import tempfile
import time
from pathlib import Path

from . import stage

KILLS = 50
SHARE = 5  # every fifth is written to
HOUR = 3600.0


def measure(scale: float) -> list[dict]:
    """How many effects are missing or doubled after everything that could break has broken."""
    from tests.live import Live
    from tests.scenarios import breaking

    people, kills = max(500, int(50_000 * scale)), max(10, int(KILLS * min(1.0, scale * 5)))
    seed = int(os.environ.get("FLYT_CRASH_SEED") or random.randrange(10**6))
    stage.say(f"{people:,} people, {kills} kills, FLYT_CRASH_SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="flyt-crash-") as folder:
        live = Live(Path(folder), breaking.unkind(-150, 9))
        try:
            with breaking.more_workers(live, wrong_by=150, copies=9) as stacks:
                crowds = breaking.two_crowds(live, people, SHARE)
                for crowd in crowds:
                    crowd.gather()
                for crowd in crowds:
                    crowd.enter()
                began = time.perf_counter()
                breaker = breaking.Breaker(crowds, stacks, kills, seed, tell=stage.say)
                breaker.run()
                breaker.arrive(HOUR)
                seconds = time.perf_counter() - began
            faults = [*breaker.moved, *(fault for crowd in crowds for fault in crowd.faults())]
            unconfirmed, deadlocks = sum(crowd.unconfirmed() for crowd in crowds), breaking.deadlocks(live)
        finally:
            live.stop()
    for fault in faults:
        stage.say(f"FAULT {fault}")
    return [
        _row(f"crash: seconds for {people:,} people and {crowds[0].addressed:,} messages", seconds, "–", None),
        _row(f"crash: kinds of effects missing or doubled after {kills} kills", len(faults), "0", not faults),
        _row(
            f"crash: messages unconfirmed ({breaker.lost_senders} senders were lost)",
            unconfirmed,
            "one per sender or fewer",
            unconfirmed <= breaker.lost_senders,
        ),
        _row("crash: deadlocks in the log of the database", deadlocks, "0", deadlocks == 0),
    ]


def _row(what: str, figure: float, budget: str, met: bool | None) -> dict:
    return {"what": what, "figure": figure, "measured": f"{figure:,.0f}", "budget": budget, "met": met}
