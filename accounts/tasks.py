"""Background work: a task belongs to one account, and a hint to run it may be lost or doubled without harm."""

import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from celery import Task, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
P = ParamSpec("P")

HINT_EXPIRES = 30  # seconds: what no worker took by then, the next tick asks for again


class AccountTask:
    """A Celery task whose first argument is the account's id. It opens its own short scopes."""

    def __init__(
        self, task: Task[Any, Any], run: Callable[..., Any], queue: str
    ) -> None:
        self._task, self._queue = task, queue
        self.run = run

    def __call__(self, account_id: int, *args: Any) -> Any:
        """Run it here and now."""
        return self.run(account_id, *args)

    def hint(self, account_id: int, *args: Any) -> None:
        """Ask a worker to run it once this transaction has committed. Never fails: the next tick finds the work."""
        transaction.on_commit(lambda: self._send(account_id, *args), robust=True)

    def _send(self, *args: Any) -> None:
        try:
            self._task.apply_async(
                args=args, queue=self._queue, expires=HINT_EXPIRES, retry=False
            )
        except (OperationalError, RedisError, OSError) as error:
            logger.warning(
                "hint %s not sent: %s", self._task.name, type(error).__name__
            )


def account_task(
    *, queue: str
) -> Callable[[Callable[Concatenate[int, P], Any]], AccountTask]:
    """Declare work for one account on a queue: `engine`, `delivery` or `default`.

    The function gets the account's id first and opens `account_scope()` around each unit of work: a scope as long as
    the task would hold its locks, its snapshot and every pause until the end.
    """

    def declare(function: Callable[Concatenate[int, P], Any]) -> AccountTask:
        name = f"{function.__module__}.{function.__name__}"
        task = shared_task(name=name, ignore_result=True)(function)
        return AccountTask(task, function, queue)

    return declare


def house_job(
    *, queue: str = "default"
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Declare a job of the house that the clock starts (config/beat.py): it looks across accounts and sends hints."""

    def declare(function: Callable[[], Any]) -> Callable[[], Any]:
        shared_task(
            name=f"{function.__module__}.{function.__name__}",
            ignore_result=True,
            queue=queue,
        )(function)
        return function

    return declare
