"""`python3 dev.py up`: all of Flyt on this machine until Ctrl-C."""

import json
import os
import signal
import time
from pathlib import Path
from types import FrameType

from devstack import StackError
from devstack.backing import Backing
from devstack.lock import Lock
from devstack.places import data_folder, write_private
from devstack.ports import free_port
from devstack.processes import born_at
from devstack.stack import Stack
from devstack.terminal import say

ALREADY = "Flyt is already running here: {owner}."
LONGEST_START = 180.0  # seconds
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """The person asked to stop."""


def up() -> int:
    """Start everything, keep it running, stop everything; 0 after a wanted stop."""
    for number in STOPS:
        signal.signal(number, _stop)
    var = data_folder()
    try:
        with Lock(var / "lock", ALREADY) as lock:
            lock.note(f"starting (pid {os.getpid()})")
            port = _port()
            with Backing(var) as backing:
                stack = Stack(var, backing.database_url, backing.redis_url, port=port)
                _run(stack, backing, lock)
    except Stopped:
        say("Stopped.")
    return 0


def _run(stack: Stack, backing: Backing, lock: Lock) -> None:
    credentials = stack.var / "demo.json"
    say("Preparing the database …")
    stack.prepare(credentials)
    say("Starting web, workers, beat and inbox …")
    try:
        stack.start()
        stack.wait_ready(LONGEST_START, meanwhile=backing.restart_dead)
        lock.note(f"{stack.url} (pid {os.getpid()})")
        _note_running(stack)
        print(_greeting(stack, credentials), flush=True)
        while not stack.failed:
            time.sleep(0.5)
            backing.restart_dead()
        raise StackError(stack.failed)
    finally:
        say("Stopping …")
        (stack.var / "running.json").unlink(missing_ok=True)
        stack.stop()


def _stop(number: int, frame: FrameType | None) -> None:
    """The first signal stops; a second one must not interrupt the stopping."""
    for stop in STOPS:
        signal.signal(stop, signal.SIG_IGN)
    raise Stopped


def _port() -> int:
    """PORT (8000 unless set), or the next free one."""
    given = os.environ.get("PORT") or "8000"
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise StackError(f"PORT must be a number from 1 to 65535, not {given!r}.")
    port = free_port(int(given))
    if port != int(given):
        say(f"Port {given} is taken, or not for this user: using {port}.")
    return port


def _note_running(stack: Stack) -> None:
    """Leave what `dev.py run` needs to work beside us; it says whose it is, in case we are killed."""
    noted = {"pid": os.getpid(), "born_at": born_at(os.getpid()), "environment": stack.settings}
    write_private(stack.var / "running.json", json.dumps(noted, indent=1))


def _greeting(stack: Stack, credentials: Path) -> str:
    try:
        demo = json.loads(credentials.read_text())
        login = f"  E-mail     {demo['email']}\n  Password   {demo['password']}\n  API key    {demo['api_key']}\n"
    except (OSError, ValueError, KeyError):
        login = f"  Login      unknown: {credentials} is missing or damaged\n"
    return (
        f"\nFlyt is running.\n\n  Address    {stack.url}/\n{login}"
        f"  Logs       {stack.var / 'logs'}\n  Stop       Ctrl-C\n"
    )
