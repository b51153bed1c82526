"""A pytest plugin: a process of several that test side by side goes to the services that were started for it."""

import json
import os
from pathlib import Path
from typing import Protocol

# Given by `dev.py test`: what differs between the processes' environments, by the number of the process.
ENVIRONMENTS = "FLYT_TEST_ENVIRONMENTS"

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker and ENVIRONMENTS in os.environ:
    # Before Django reads its settings: plugins named with -p are imported first.
    os.environ.update(json.loads(os.environ[ENVIRONMENTS])[int(_worker.removeprefix("gw"))])

LONG = ("browser", "scenarios")  # scenarios leave much behind in the accounts that browsers look at


class Item(Protocol):
    """A test, as far as its place in the order goes."""

    path: Path


def pytest_collection_modifyitems(items: list[Item]) -> None:
    """The longest first, so that no process has long to do when the others are done."""
    items.sort(key=lambda item: [folder not in item.path.parts for folder in LONG])
