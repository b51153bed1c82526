"""A sign of life from every queue: that a worker runs it, and that beat sends. `/readyz` looks for them.

Beat is the only one that asks for these jobs, so a fresh sign from any queue proves beat as well.
"""

from typing import Final

from django.core.cache import cache

from accounts.tasks import house_job

QUEUES: Final = ("default", "engine", "delivery", "bulk")
# Seconds, of a sign that comes every five. It goes away by itself, so nobody has to compare clocks.
FRESH_FOR: Final = 20


@house_job(queue="default")
def default() -> None:
    """A worker of the queue `default` is alive."""
    _stamp("default")


@house_job(queue="engine")
def engine() -> None:
    """A worker of the queue `engine` is alive."""
    _stamp("engine")


@house_job(queue="delivery")
def delivery() -> None:
    """A worker of the queue `delivery` is alive."""
    _stamp("delivery")


@house_job(queue="bulk")
def bulk() -> None:
    """A worker of the queue `bulk` is alive."""
    _stamp("bulk")


def alive() -> set[str]:
    """The queues whose workers gave a sign of life in the last 20 seconds. One round trip to the cache."""
    names = {_key(queue): queue for queue in QUEUES}
    return {names[key] for key in cache.get_many(list(names))}


def _stamp(queue: str) -> None:
    cache.set(_key(queue), 1, timeout=FRESH_FOR)


def _key(queue: str) -> str:
    return f"heartbeat:{queue}"
