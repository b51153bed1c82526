"""Background work: a task belongs to one account, and a hint to run it may be lost or doubled without harm."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec

from celery import Task, current_app, shared_task
from celery.utils import uuid
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
P = ParamSpec("P")
_house_queues: dict[str, str] = {}

HINT_EXPIRES = 60  # seconds: what no worker took by then, the next tick asks for again
LANE_HELD = 5  # seconds a lane stays taken without a sign of life: how long a killed worker delays its successor


class Hint(Task):
    """What travels through the broker, hint or house job; one that has waited for too long is passed over.

    Its age is told by a key that expires in the cache. Celery's own `expires` compares the clocks of two machines: a
    worker whose clock is minutes ahead would throw away whatever it takes off the queue.
    """

    abstract = True

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Send it, with a key that lives as long as it does."""
        task_id = options.setdefault("task_id", uuid())
        cache.set(f"sent:{task_id}", 1, HINT_EXPIRES)
        return super().apply_async(*args, **options)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """In the worker: run it, unless it is too old."""
        return None if self._is_stale() else super().__call__(*args, **options)

    def _is_stale(self) -> bool:
        try:
            return not self.request.called_directly and cache.get(f"sent:{self.request.id}") is None
        except (RedisError, OSError):
            return False


class AccountTask:
    """A task whose first argument is the account's id. It opens its own short scopes.

    Its work may be done by several workers at once, its `lanes`. A lane is a key in the cache that keeps hints from
    piling up while one is on its way; it expires, so nothing is lost with the cache or a worker.
    """

    def __init__(self, run: Callable[..., Any], *, queue: str, lanes: int) -> None:
        self.run, self.lanes, self._queue = run, lanes, queue
        self.name = f"{run.__module__}.{run.__name__}"
        self._task = shared_task(name=self.name, base=Hint, ignore_result=True)(self._work)

    def __call__(self, account_id: int, *args: Any) -> Any:
        """Run it here and now."""
        return self.run(account_id, *args)

    def hint(self, account_id: int, *args: Any) -> None:
        """Ask a worker to run it once this transaction has committed. Never fails: the next tick finds the work."""
        transaction.on_commit(lambda: self._offer((account_id, *args)), robust=True)

    def _work(self, lane: int, *args: Any) -> None:
        """In the worker: run a slice, and while there is more to do keep this lane and open another."""
        self._keep(args, lane)
        more = self.run(*args)
        if more:
            self._keep(args, lane)
            self._send(args, lane)
            self._offer(args)
        else:
            self._free(args, lane)

    def _offer(self, args: tuple[Any, ...]) -> None:
        try:
            for lane in range(self.lanes):
                if cache.add(self._key(args, lane), 1, LANE_HELD):
                    self._send(args, lane)
                    return
        except (RedisError, OSError) as error:
            logger.warning("hint %s not sent: %s", self.name, type(error).__name__)

    def _send(self, args: tuple[Any, ...], lane: int) -> None:
        try:
            self._task.apply_async(args=(lane, *args), queue=self._queue, retry=False)
        except (OperationalError, RedisError, OSError) as error:
            logger.warning("hint %s not sent: %s", self.name, type(error).__name__)

    def _keep(self, args: tuple[Any, ...], lane: int) -> None:
        try:
            cache.set(self._key(args, lane), 1, LANE_HELD)
        except (RedisError, OSError):
            logger.warning("no cache: hints of %s may double", self.name)

    def _free(self, args: tuple[Any, ...], lane: int) -> None:
        try:
            cache.delete(self._key(args, lane))
        except (RedisError, OSError):
            logger.warning("no cache: hints of %s may wait", self.name)

    def _key(self, args: tuple[Any, ...], lane: int) -> str:
        return f"hint:{':'.join(map(str, args))}:{self.name}:{lane}"


def account_task(*, queue: str, lanes: int = 1) -> Callable[[Callable[Concatenate[int, P], Any]], AccountTask]:
    """Declare work for one account on a queue: `engine`, `delivery` or `bulk` (`default` is for house jobs alone).

    The function gets the account's id first, does a slice of the work (about two seconds) and returns True when
    there is more. It opens `account_scope()` around each unit of work: a scope as long as the task would hold its
    locks, its snapshot and every pause until the end.
    """
    return lambda function: AccountTask(function, queue=queue, lanes=lanes)


def house_job(*, queue: str = "default") -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Declare a job of the house that the clock starts (config/beat.py): it looks across accounts and sends hints.

    Only a short look may stand on `default`: whatever is slow there holds up every schedule and everybody who is due.
    """

    def declare(function: Callable[[], Any]) -> Callable[[], Any]:
        name = f"{function.__module__}.{function.__name__}"
        shared_task(name=name, base=Hint, ignore_result=True)(function)
        _house_queues[name] = queue
        return function

    return declare


def queue_lengths(queues: Iterable[str]) -> dict[str, int] | None:
    """How many hints wait in each queue; None when the broker does not answer."""
    try:
        with current_app.connection_for_read() as broker:
            channel = broker.default_channel
            return {queue: channel.queue_declare(queue=queue).message_count for queue in queues}
    except (OperationalError, RedisError, OSError):
        return None


def route(name: str, *_args: Any, **_options: Any) -> dict[str, str] | None:
    """The queue of a house job, as Celery asks for it (CELERY_TASK_ROUTES)."""
    return {"queue": _house_queues[name]} if name in _house_queues else None
