"""`python3 dev.py screenshots`: pictures of every page of a Flyt that is started for them and thrown away."""

import sys
import tempfile
from pathlib import Path

from devstack import StackError
from devstack.backing import Backing
from devstack.chromium import find_chromium
from devstack.places import ROOT, data_folder, make_folder
from devstack.processes import run_in_front
from devstack.stack import Stack
from devstack.terminal import say


def screenshots() -> int:
    """Take them into `screenshots` in the data folder; the exit code of what takes them."""
    chromium = find_chromium()
    if not chromium:
        raise StackError("Pictures need a browser: install chromium, or set FLYT_CHROMIUM.")
    folder = make_folder(data_folder() / "screenshots")
    with tempfile.TemporaryDirectory(prefix="flyt-") as name:
        var = Path(name)
        with Backing(var, volatile=True) as backing:
            stack = Stack(var, backing.database_url, backing.redis_url)
            credentials = var / "demo.json"
            say("Preparing the database …")
            stack.prepare(credentials)
            with stack:
                stack.wait_ready()
                say(f"Taking pictures into {folder} …")
                command: list[str | Path] = [
                    sys.executable,
                    "-m",
                    "tests.browser.screenshots",
                    stack.url,
                    credentials,
                    folder,
                ]
                return run_in_front(command, env=stack.environment | {"FLYT_CHROMIUM": chromium}, cwd=ROOT)
