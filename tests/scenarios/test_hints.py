"""Celery carries hints: lost or stopped in the middle, they change only when the work is done."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import redis

from devstack.places import ROOT
from tests.live import Live

PEOPLE = 4_000
PATIENT = 120  # seconds for a busy machine
STEPS = 4
STANDING = "select count(*) from participants_participant where flow_id = %s and status = 'active'"
TWICE = """
select count(*) from (
  select 1 from participants_steplog where flow_id = %s group by participant_id, hop having count(*) > 1
) twice
"""


class Walkers:
    """A running flow with four steps, and a list of people who can be sent through it."""

    def __init__(self, live: Live, name: str) -> None:
        self.live = live
        rows = [{"properties": {"email": f"{name}{n}@example.com"}, "consent": True} for n in range(PEOPLE)]
        live.post("records/batch/", {"object_type": "contact", "match_on": "email", "records": rows})
        chosen = {"all": [{"property": "email", "operator": "starts_with", "value": name}]}
        self.people = live.post("lists/", {"name": name, "object_type": "contact", "criteria": chosen})["id"]
        update = {"kind": "update_record", "settings": {"values": {"city": "Oslo"}}}
        self.flow = live.post("flows/", {"name": name, "steps": [update] * STEPS})["id"]
        live.until(lambda: live.get(f"lists/{self.people}/")["size"] == PEOPLE, "the list to be evaluated")
        live.post(f"flows/{self.flow}/start/")

    def enrol(self) -> None:
        """Ask for everybody."""
        assert self.live.post(f"flows/{self.flow}/participants/", {"list": self.people})["queued"] == PEOPLE

    @property
    def moves(self) -> int:
        """How many steps have been taken."""
        return int(self.live.sql("select count(*) from participants_steplog where flow_id = %s", self.flow))

    def until_moving(self) -> None:
        """Some are on the way, and not all have arrived."""
        self.live.until(lambda: self.moves > 0, "somebody to move")

    def all_arrive_once(self) -> None:
        """Nobody is lost and nobody did anything twice."""
        live, flow = self.live, self.flow
        live.until(lambda: self.counts()["finished"] == PEOPLE, "everyone to arrive", patience=PATIENT)
        counts = self.counts()
        assert (counts["enrolled"], counts["active"], counts["dropped_out"]) == (PEOPLE, 0, 0)
        assert self.moves == PEOPLE * (STEPS + 1), "the steps and Finish"
        assert live.sql(TWICE, flow) == 0 and live.sql(STANDING, flow) == 0

    def counts(self) -> Any:
        """The flow's counts, as the API tells them."""
        return self.live.get(f"flows/{self.flow}/statistics/")["counts"]


def cache_of(live: Live) -> redis.Redis:
    """The broker and the cache themselves."""
    return redis.Redis.from_url(live.valkey.url.replace("redis+socket://", "unix://"))


def left(walkers: Walkers) -> int:
    """How many are on the way or waiting to be let in."""
    waiting = "select count(*) from participants_intake where flow_id = %s"
    return int(walkers.live.sql(STANDING, walkers.flow) + walkers.live.sql(waiting, walkers.flow))


def test_a_broker_that_is_flushed_again_and_again_loses_nothing(live: Live) -> None:
    walkers = Walkers(live, "flushed")
    walkers.enrol()
    client = cache_of(live)
    for _ in range(5):
        before = walkers.moves
        client.flushall()
        live.until(lambda before=before: walkers.moves != before or not left(walkers), "life after a flush")
    walkers.all_arrive_once()


def test_a_broker_that_is_away_for_a_while_loses_nothing(live: Live) -> None:
    """People are enrolled and a flow is switched without it; what was asked meanwhile is done when it is back."""
    walkers = Walkers(live, "away")
    live.valkey.stop()
    try:
        walkers.enrol()
        assert live.post(f"flows/{walkers.flow}/pause/")["status"] == "paused"
        assert live.post(f"flows/{walkers.flow}/resume/")["status"] == "running"
        assert walkers.counts()["finished"] < PEOPLE
    finally:
        live.valkey.start()
        live.forget_signs_of_life()
    live.until(lambda: not live.stack.why_not_ready(), "life after the broker", patience=60)
    walkers.all_arrive_once()


@contextmanager
def worker(live: Live, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """One more worker of the engine, which nobody starts again."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "engine", "-c", "2", "-n", f"{name}@%h"]
    with (live.stack.var / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "info"],
            cwd=ROOT,
            env=live.stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def test_a_worker_that_is_asked_to_stop_ends_its_slice_and_goes(live: Live) -> None:
    """In the middle of a slice, with a queue full of hints: it leaves within a slice and everybody else arrives."""
    walkers = Walkers(live, "stopped")
    with worker(live, "leaving") as leaving:
        log = live.stack.var / "leaving.log"
        live.until(lambda: b"ready." in log.read_bytes(), "the worker to be ready")
        walkers.enrol()
        live.until(lambda: b"advance_flow" in log.read_bytes(), "it to have something to do")
        asked = monotonic()
        leaving.send_signal(signal.SIGTERM)
        leaving.wait(timeout=30)
        took = monotonic() - asked
    assert leaving.returncode == 0, log.read_text()[-2000:]
    said = log.read_text()
    assert said.count("received") <= said.count("succeeded") + 4, "what it had begun it has ended"
    assert "WorkerLostError" not in said and "Traceback" not in said, said[-2000:]
    walkers.all_arrive_once()
    assert took < 6, f"a slice is two seconds, and it took {took:.1f} s"
