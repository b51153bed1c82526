"""`test` and `run`: a command in the foreground, with a database, a broker and an inbox behind it."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devstack import side_by_side
from devstack.backing import Backing
from devstack.chromium import find_chromium
from devstack.environment import environment, inherited
from devstack.inbox import Inbox
from devstack.lock import Lock
from devstack.places import ROOT, data_folder, make_folder
from devstack.processes import born_at, run_in_front
from devstack.side_by_side import ENVIRONMENTS

BUSY = "{owner} uses {var}: wait until it has ended, or set FLYT_VAR to another folder."
SIDES = 2  # processes that share the whole suite
TAKEN = {"DATABASE_URL", "REDIS_URL"}  # services that were given are there once


def test(arguments: Sequence[str]) -> int:
    """Run pytest on a cluster of its own that trades durability for speed; the whole suite in two, side by side."""
    sides = 1 if arguments or TAKEN & os.environ.keys() else SIDES
    with ExitStack() as stack:
        # A database and a broker each: they share too much for two (every transaction holds up the dynamic lists).
        folders = [make_folder(data_folder() / "test" / str(side)) for side in range(1, sides + 1)]
        envs = [stack.enter_context(surroundings(var, volatile=True, owner="`dev.py test`")) for var in folders]
        env = dict(envs[0])
        if chromium := find_chromium():
            env["FLYT_CHROMIUM"] = chromium
        command = [sys.executable, "-m", "pytest", *arguments]
        if sides > 1:
            env[ENVIRONMENTS] = json.dumps([dict(each.items() - inherited().items()) for each in envs])
            # A file stays in one process, so that what it starts is started once.
            command += ["-p", side_by_side.__name__, "-n", str(sides), "--dist", "loadfile", "--no-loadscope-reorder"]
        return run_in_front(command, env=env, cwd=ROOT)


def run(command: Sequence[str]) -> int:
    """Run any command beside the services of a running `up`, or beside its own on the same data."""
    var = data_folder()
    running = environment_of_running_up(var)
    if running:
        return run_in_front(command, env=inherited() | running)
    with surroundings(var, volatile=False, owner="`dev.py run`") as env:
        return run_in_front(command, env=env)


@contextmanager
def surroundings(var: Path, *, volatile: bool, owner: str) -> Iterator[dict[str, str]]:
    """Services and an inbox for as long as the block lasts; gives the environment that leads to them."""
    with Lock(var / "lock", BUSY.replace("{var}", str(var))) as lock:
        lock.note(f"{owner} (pid {os.getpid()})")
        with Backing(var, volatile=volatile) as backing:
            inbox = Inbox(var / "inbox")
            inbox.start()
            yield inherited() | environment(
                var,
                database_url=backing.database_url,
                redis_url=backing.redis_url,
                web_port=int(os.environ.get("PORT") or 8000),
                inbox_port=inbox.port,
            )


def environment_of_running_up(var: Path) -> dict[str, str] | None:
    """What a running `up` gave its children; None when none is running on this folder."""
    try:
        noted = json.loads((var / "running.json").read_text())
    except (OSError, ValueError):
        return None
    if born_at(noted["pid"]) != noted["born_at"]:
        return None
    return dict(noted["environment"])
