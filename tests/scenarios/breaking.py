"""Breaks a whole Flyt at random while the crowds of two accounts walk side by side.

The suite does so with few people, `benchmarks/crash.py` with 50,000.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from devstack.stack import Stack
from tests.live import Live
from tests.scenarios.crowd import Crowd

UNKIND = Path(__file__).parent / "unkind"
POOL = 2  # processes of a worker of the engine or of delivery


@dataclass
class Breaker:
    """Kills workers and servers while crowds walk; the same seed kills in the same order."""

    crowds: list[Crowd]
    stacks: list[Stack]
    kills: int
    seed: int
    lost_senders: int = 0  # processes of delivery that were killed, or lost their database
    moved: list[str] = field(default_factory=list)  # what did not stand still while a crowd was paused
    tell: Callable[[str], None] = lambda _said: None

    @property
    def live(self) -> Live:
        """What is broken."""
        return self.crowds[0].live

    def run(self) -> None:
        """`kills` kills, spread over the walk at random.

        Between them the broker and the database are broken, and every crowd is paused twice, with a kill while it
        is: once in the middle of the first round of its schedules, once with the second round firing meanwhile.
        """
        rolls, live, fifth = random.Random(self.seed), self.live, self.kills // 5
        extra = {
            fifth: ("flushed the broker", live.flush_broker),
            fifth * 2: ("restarted the database", self._restart_database),
            fifth * 3: ("stopped the broker", self._stop_broker),
            fifth * 4: ("flushed the broker", live.flush_broker),
        }
        halts = self._halts()
        for number in range(self.kills):
            self._await((number + rolls.random()) / self.kills * 0.9)
            if number in extra:
                what, act = extra[number]
                act()
                self.tell(what)
            if number in halts:
                self._kill_while_paused(*halts[number], rolls)
            else:
                self._kill(rolls)

    def arrive(self, patience: float) -> None:
        """Wait until everybody is through and every message has its final word."""
        live = self.live
        live.until(lambda: forgive_leases(live) or self._progress() >= self._whole, "everybody to arrive", patience)
        waiting = "select (select count(*) from records_eventpending) + (select count(*) from participants_intake)"
        live.until(lambda: not live.sql(waiting), "what waits to be done", patience)

    def _halts(self) -> dict[int, tuple[Crowd, bool]]:
        """At which kills a crowd is paused, and whether its second round comes meanwhile.

        Not right after something was broken: nobody would move anyway.
        """
        turns = [(crowd, fires) for fires in (False, True) for crowd in self.crowds]
        return {3 + place * (self.kills - 2) // len(turns): turn for place, turn in enumerate(turns)}

    def _kill_while_paused(self, crowd: Crowd, fires: bool, rolls: random.Random) -> None:
        if not fires:
            crowd.fire(0)
            self.live.until(lambda: crowd.is_in_round(0), "the first round", 600)
        crowd.press("pause", "paused")
        before = crowd.standing()
        if fires:
            crowd.fire(1)
        time.sleep(0.2)  # a mail whose sender was killed in the middle may still be on its way into the inbox
        mails = crowd.mails()
        self._kill(rolls)
        time.sleep(0.5)  # not waiting for a moment: this is the time in which a violation would show
        after = crowd.standing()
        if after != before or crowd.mails() != mails:
            self.moved.append(f"{crowd.name}: {before} -> {after}, {(crowd.mails() - mails).total()} mails")
        crowd.press("resume", "running")
        self.tell(f"paused and resumed {crowd.name}")

    def _progress(self) -> int:
        return sum(crowd.progress() for crowd in self.crowds)

    @property
    def _whole(self) -> int:
        return sum(crowd.whole for crowd in self.crowds)

    def _await(self, part: float) -> None:
        """Until that part of the walk is done; no longer than two seconds, lest a slow moment make kills rare."""
        end = time.monotonic() + 2
        while time.monotonic() < end and self.crowds[0].walked() < part:
            time.sleep(0.02)

    def _kill(self, rolls: random.Random) -> None:
        """A process of a worker's pool, or now and then the whole worker."""
        while True:
            stack = rolls.choice(self.stacks)
            assert not stack.failed, stack.failed
            name = rolls.choice([child for child in ("engine", "delivery", "default", "bulk") if child in stack.pids])
            inside = children_of(stack.pids[name])
            if rolls.random() < 0.15:
                stack.kill(name)
                lost, what = POOL, "the whole of"
                break
            if inside:
                kill(rolls.choice(inside))
                lost, what = 1, "a process of"
                break
            time.sleep(0.05)  # it is just coming back
        self.lost_senders += lost if name == "delivery" else 0
        self.tell(f"killed {what} {name}")

    def _stop_broker(self) -> None:
        live = self.live
        live.kill_server(live.valkey, signal.SIGTERM, away=3)

    def _restart_database(self) -> None:
        live = self.live
        live.kill_server(live.database, signal.SIGQUIT)  # "immediate": nothing is written, as in a crash
        self.lost_senders += POOL * len(self.stacks)


@contextmanager
def more_workers(live: Live, *, wrong_by: float, copies: int) -> Iterator[list[Stack]]:
    """The stack's own workers and as many again, whose clock is wrong and whose hints come several times."""
    more = live.more_workers(unkind(wrong_by, copies))
    try:
        yield [live.stack, more]
    finally:
        more.stop()


def unkind(wrong_by: float, copies: int) -> dict[str, str]:
    """The environment of a process with unkind surroundings."""
    path = f"{UNKIND}{os.pathsep}{Path(__file__).parent.parent.parent}"
    return {"PYTHONPATH": path, "FLYT_CLOCK_WRONG_BY": str(wrong_by), "FLYT_HINT_COPIES": str(copies)}


def children_of(pid: int) -> list[int]:
    """The processes that a process has started; none where the system does not say."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(pid: int) -> None:
    """SIGKILL to one process, which may have ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def deadlocks(live: Live) -> int:
    """How many deadlocks the log of the database tells of."""
    return (live.database.var / "logs" / "postgres.log").read_text(errors="replace").count("deadlock detected")


def forgive_leases(live: Live) -> None:
    """End the leases of workers that are dead, which would run for two minutes more."""
    lasting = "select array_agg(id) from messaging_message where status = 'sending' or lease_until is not null"
    before = live.sql(lasting)
    if before:
        time.sleep(3)  # whoever lives is through with these by then
        live.sql(
            "update messaging_message set lease_until = clock_timestamp() - interval '1 second'"
            " where id = any(%s) and (status = 'sending' or lease_until is not null)"
            "   and status in ('queued', 'sending')",
            before,
        )


def two_crowds(live: Live, people: int, share: int = 10) -> list[Crowd]:
    """A crowd in the demo account, and a fifth of it, with the same addresses, in an account that is made for it."""
    account, key = live.another_account("Throng")
    return [Crowd(live, people, share), Crowd(live, people // 5, share, "Throng", account, key)]
