"""Makes a process's surroundings unkind before anything else is imported, when its PYTHONPATH leads here.

FLYT_CLOCK_WRONG_BY: seconds by which everything that Python says of the time is wrong (not `time.monotonic`).
FLYT_HINT_COPIES: how many copies of each hint and each house job reach the broker beside it. A copy sends nothing on.
"""

import datetime
import os
import time
from typing import Any

WRONG_BY = float(os.environ.get("FLYT_CLOCK_WRONG_BY") or 0)
COPIES = int(os.environ.get("FLYT_HINT_COPIES") or 0)
Real = datetime.datetime


class _Kind(type):
    """Moments that C code makes, such as those of the database driver, are moments too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Real)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, Real)


class Wrong(Real, metaclass=_Kind):
    """A datetime whose now() is wrong."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return Real.now(tz) + datetime.timedelta(seconds=WRONG_BY)

    @classmethod
    def utcnow(cls) -> Any:
        return Real.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=WRONG_BY)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


def make_clock_wrong() -> None:
    """From now on this process is wrong about the time."""
    right, right_ns = time.time, time.time_ns
    time.time = lambda: right() + WRONG_BY
    time.time_ns = lambda: right_ns() + int(WRONG_BY * 1e9)
    datetime.datetime = Wrong  # type: ignore[misc]


def multiply_hints() -> None:
    """From now on every task that this process sends is sent several times."""
    from celery import current_task
    from celery.app.task import Task

    send = Task.apply_async

    def send_often(self: Any, *args: Any, **options: Any) -> Any:
        if current_task and getattr(current_task.request, "is_copy", False):
            return None
        sent = send(self, *args, **options)
        for _ in range(COPIES):
            send(self, *args, **{**options, "headers": {"is_copy": True}})
        return sent

    Task.apply_async = send_often


if WRONG_BY:
    make_clock_wrong()
if COPIES:
    multiply_hints()
