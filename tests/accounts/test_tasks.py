"""Hints travel through the real broker and may be lost; the work they ask for stays in its account."""

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty
from typing import Any

import pytest
from celery import Celery, current_app
from django.conf import settings as flyt_settings
from django.core.cache import cache
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import Account
from accounts.tasks import HINT_EXPIRES, AccountTask, account_task, house_job
from accounts.tenancy import NoCurrentAccount, account_scope, current_account_id
from records.models import Record
from tests.make import make_contact

QUEUE = "tests-of-tasks"
NOWHERE = "redis://127.0.0.1:1/0"
done: list[tuple[Any, ...]] = []
_ids = itertools.count(1_000_000)


@account_task(queue=QUEUE, lanes=2)
def sweep(account_id: int, *things: Any) -> bool:
    """Work that is never finished before it has run three times."""
    done.append((account_id, *things))
    return len(done) < 3


@account_task(queue=QUEUE)
def count_records(account_id: int) -> None:
    """Work that opens its own scope."""
    with account_scope(account_id):
        done.append((account_id, current_account_id(), Record.objects.count()))


@account_task(queue=QUEUE)
def stumble(account_id: int) -> None:
    """Work that raises in the middle of its scope."""
    with account_scope(account_id):
        make_contact()
        raise ZeroDivisionError


class Worker:
    """Takes hints from the queue in the order they came, as a Celery worker does."""

    def __init__(self, broker: Any) -> None:
        self._queue = broker.SimpleQueue(QUEUE, no_ack=True)

    def take(self) -> list[dict[str, Any]]:
        """Every hint that waits, off the queue."""
        hints = []
        with suppress(Empty):
            while message := self._queue.get(block=False):
                hints.append({**message.headers, "args": message.payload[0]})
        return hints

    def work(self, *tasks: AccountTask, at_most: int = 20) -> int:
        """Run hints until none is left; returns how many ran."""
        by_name, ran = {task.name: task for task in tasks}, 0
        while hints := self.take():
            for hint in hints:
                assert ran < at_most, "hints breed"
                by_name[hint["task"]]._work(*hint["args"])
                ran += 1
        return ran


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker with an empty queue."""
    done.clear()
    with current_app.connection_for_read() as broker:
        worker = Worker(broker)
        worker.take()
        yield worker
        worker.take()


@pytest.fixture
def account_id() -> int:
    """An account whose lanes nobody has taken: the cache outlives a test."""
    return next(_ids)


@pytest.fixture
def committing(db: None, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Callable[..., None]:
    """Run hints as at the end of a transaction that commits."""

    def commit(*hints: Callable[[], None]) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            for hint in hints:
                hint()

    return commit


@pytest.fixture
def no_broker(settings: Settings) -> Iterator[None]:
    """No Redis behind the broker."""
    app = Celery("nowhere", set_as_current=False)
    app.config_from_object(flyt_settings, namespace="CELERY")
    app.conf.broker_url, app.conf.broker_connection_timeout = NOWHERE, 0.1
    before = current_app._get_current_object()
    app.set_current()
    yield
    before.set_current()


@pytest.fixture
def no_cache(settings: Settings) -> None:
    """No Redis behind the cache."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": NOWHERE}}


@pytest.mark.django_db(transaction=True)
def test_a_hint_leaves_when_the_transaction_commits_and_not_before(worker: Worker, account_id: int) -> None:
    with transaction.atomic():
        sweep.hint(account_id, "flow", 7)
        assert worker.take() == []
    (hint,) = worker.take()
    assert (hint["task"], hint["args"]) == (sweep.name, [0, account_id, "flow", 7])
    assert hint["expires"] is None, "by whose clock? a worker with another would throw it away"


@pytest.mark.django_db(transaction=True)
def test_a_hint_of_a_transaction_that_fails_never_leaves(worker: Worker, account_id: int) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        sweep.hint(account_id)
        raise ZeroDivisionError
    assert worker.take() == []


def test_hints_for_the_same_work_fill_its_lanes_and_no_more(
    worker: Worker, account_id: int, committing: Callable[..., None]
) -> None:
    committing(*[lambda: sweep.hint(account_id, 7)] * 5)
    assert [hint["args"][0] for hint in worker.take()] == [0, 1]


def test_other_work_and_other_accounts_have_lanes_of_their_own(
    worker: Worker, account_id: int, committing: Callable[..., None]
) -> None:
    other = next(_ids)
    committing(
        lambda: count_records.hint(account_id),
        lambda: count_records.hint(account_id),
        lambda: count_records.hint(other),
        lambda: stumble.hint(account_id),
    )
    hints = [(hint["task"].rsplit(".", 1)[1], hint["args"][1]) for hint in worker.take()]
    assert hints == [("count_records", account_id), ("count_records", other), ("stumble", account_id)]


def test_work_goes_on_while_there_is_more_and_then_frees_its_lanes(
    worker: Worker, account_id: int, committing: Callable[..., None]
) -> None:
    committing(lambda: sweep.hint(account_id))
    worker.work(sweep)
    assert len(done) >= 3 and set(done) == {(account_id,)}
    done.clear()
    committing(lambda: sweep.hint(account_id))
    assert [hint["args"][0] for hint in worker.take()] == [0], "no lane was left taken"


def test_work_that_has_more_calls_in_another_worker(
    worker: Worker, account_id: int, committing: Callable[..., None]
) -> None:
    committing(lambda: sweep.hint(account_id))
    (first,) = worker.take()
    sweep._work(*first["args"])
    assert [hint["args"] for hint in worker.take()] == [[0, account_id], [1, account_id]]


def test_a_lost_hint_holds_its_lane_only_for_a_while(
    worker: Worker, account_id: int, committing: Callable[..., None]
) -> None:
    """The lane's key has an end: with the hint lost, and no worker to free it, the next tick asks again."""
    committing(lambda: count_records.hint(account_id))
    worker.take()
    key = count_records._key((account_id,), 0)
    assert cache.get(key) == 1
    left = cache._cache.get_client(write=True).pttl(cache.make_and_validate_key(key))
    assert 0 < left <= 5_000
    cache.delete(key)  # as it will when that time has passed
    committing(lambda: count_records.hint(account_id))
    assert len(worker.take()) == 1


def test_a_hint_that_has_waited_for_too_long_is_passed_over(
    worker: Worker, account_id: int, committing: Callable[..., None]
) -> None:
    """Whatever the clock of the worker says: the age is that of a key in the cache."""
    committing(lambda: sweep.hint(account_id))
    (hint,) = worker.take()
    key = f"sent:{hint['id']}"
    left = cache._cache.get_client(write=True).pttl(cache.make_and_validate_key(key))
    assert 0 < left <= HINT_EXPIRES * 1_000
    for is_known, ran in ((True, [(account_id,)]), (False, [])):
        done.clear()
        if not is_known:
            cache.delete(key)  # as it will be when that time has passed
        sweep._task.push_request(id=hint["id"], called_directly=False)
        sweep._task(*hint["args"])
        sweep._task.pop_request()
        assert done == ran


def test_a_doubled_hint_only_looks_again(worker: Worker, acme: Account) -> None:
    for _ in range(2):
        count_records._work(0, acme.pk)
    assert done == [(acme.pk, acme.pk, 0)] * 2


def test_a_hint_never_fails_while_redis_is_away(
    no_cache: None,
    no_broker: None,
    account_id: int,
    committing: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "accounts.tasks"):
        committing(lambda: sweep.hint(account_id))
    assert "not sent" in caplog.text


def test_a_hint_never_fails_while_only_the_broker_is_away(
    no_broker: None, account_id: int, committing: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "accounts.tasks"):
        committing(lambda: sweep.hint(account_id))
    assert "not sent: OperationalError" in caplog.text


def test_work_under_way_ends_well_while_redis_is_away(no_cache: None, no_broker: None, account_id: int) -> None:
    done[:] = [("earlier",)]
    sweep._work(0, account_id)
    sweep._work(0, account_id)
    assert done == [("earlier",), (account_id,), (account_id,)]


def test_a_task_called_directly_runs_here_and_now(acme: Account) -> None:
    done.clear()
    count_records(acme.pk)
    assert done == [(acme.pk, acme.pk, 0)]


def test_tasks_of_two_accounts_in_one_worker_see_their_own_rows(worker: Worker, acme: Account, globex: Account) -> None:
    with account_scope(globex.pk):
        make_contact()
    for account in (acme, globex, acme):
        count_records._work(0, account.pk)
        with pytest.raises(NoCurrentAccount):
            current_account_id()
    assert done == [(acme.pk, acme.pk, 0), (globex.pk, globex.pk, 1), (acme.pk, acme.pk, 0)]


def test_a_task_that_raises_leaves_no_scope_and_no_row(worker: Worker, acme: Account, globex: Account) -> None:
    with pytest.raises(ZeroDivisionError):
        stumble._work(0, acme.pk)
    with pytest.raises(NoCurrentAccount):
        current_account_id()
    count_records._work(0, globex.pk)
    count_records._work(0, acme.pk)
    assert done == [(globex.pk, globex.pk, 0), (acme.pk, acme.pk, 0)]


def test_a_house_job_is_a_plain_function_that_the_clock_sends_to_its_queue(worker: Worker) -> None:
    @house_job(queue=QUEUE)
    def tick() -> str:
        """Something the clock starts."""
        return "ticked"

    assert tick() == "ticked"
    current_app.tasks[f"{__name__}.tick"].apply_async()
    assert [hint["task"] for hint in worker.take()] == [f"{__name__}.tick"]
