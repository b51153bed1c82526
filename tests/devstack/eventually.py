"""Waiting for another process."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], object], *, seconds: float = 30) -> None:
    """Return as soon as the condition holds; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"still not so after {seconds} s"
        time.sleep(0.02)
