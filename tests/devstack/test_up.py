"""`up` as people run it: a real start, a killed one, a wanted stop. The servers are its own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.places import ROOT
from devstack.ports import free_port
from devstack.processes import born_at
from tests.devstack.eventually import eventually

LONGEST_START = 120


class Up:
    """A running `up` on its own data folder."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.output = var / "output"
        given = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
        self.environment = given | {"FLYT_VAR": str(var), "PORT": str(free_port())}
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> list[str]:
        """The command line of dev.py's second half."""
        return [sys.executable, "-m", "devstack", *arguments]

    def start(self) -> None:
        """Start it and return when it has greeted."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                self.command("up"), cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        eventually(lambda: self.process and (self.process.poll() is not None or self.greeted), seconds=LONGEST_START)
        assert self.greeted, self.said

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same data folder."""
        command = self.command(*arguments)
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60)

    @property
    def said(self) -> str:
        """Everything on the terminal so far."""
        return self.output.read_text()

    @property
    def greeted(self) -> bool:
        """Whether the block with address and login is complete."""
        return "Ctrl-C" in self.said

    @property
    def url(self) -> str:
        """The address in the greeting."""
        return self.said.partition("Address")[2].split()[0]

    @property
    def children(self) -> list[int]:
        """Every process it has started: its own and the two servers."""
        own = [int(line.split()[0]) for line in (self.var / "pids").read_text().splitlines()]
        listed = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True).stdout
        servers = [int(line.split()[0]) for line in listed.splitlines() if str(self.var) in line]
        return [*own, *servers]


@pytest.fixture
def up(var: Path) -> Iterator[Up]:
    """A started `up`, ended by force when the test did not end it."""
    running = Up(var)
    running.start()
    yield running
    if running.process and running.process.poll() is None:
        running.process.kill()
        running.process.wait()
        time.sleep(1)  # its servers follow it, and hold the folder that is removed next


def test_up_greets_recovers_from_being_killed_and_stops_when_asked(up: Up) -> None:
    assert up.process
    with urllib.request.urlopen(f"{up.url}readyz", timeout=10) as answer:
        assert answer.status == 200
    login = json.loads((up.var / "demo.json").read_text())
    for value in (login["email"], login["password"], login["api_key"]):
        assert value in up.said

    second = up.ask("up")
    assert second.returncode == 1
    assert second.stderr == f"Flyt is already running here: {up.url.rstrip('/')} (pid {up.process.pid}).\n"
    beside = up.ask("run", sys.executable, "-c", "import os; print(os.environ['SITE_URL'])")
    assert beside.stdout.strip() == up.url.rstrip("/")

    children = up.children
    assert len(children) >= 8
    up.process.send_signal(signal.SIGKILL)
    up.process.wait()
    eventually(lambda: not any(map(born_at, children)), seconds=15)

    up.start()
    assert json.loads((up.var / "demo.json").read_text()) == login
    children = up.children
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(20) == 0
    assert up.said.endswith("Stopping …\nStopped.\n")
    assert not any(map(born_at, children))
    assert not (up.var / "running.json").exists()
