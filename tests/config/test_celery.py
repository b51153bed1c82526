"""Celery is set up to carry hints: nothing is kept, nothing is held back, nothing waits in a worker for its time."""

import ast
from importlib import import_module

import pytest
from celery import current_app
from celery.backends.base import DisabledBackend
from django.conf import settings

from accounts import tasks
from config.beat import JOBS
from running import heartbeat
from tests.rules.sources import sources

LATER = {"countdown", "eta"}


def test_no_result_is_kept_because_none_is_read() -> None:
    assert isinstance(current_app.backend, DisabledBackend)
    own = {name: task for name, task in current_app.tasks.items() if not name.startswith("celery.")}
    assert own and all(task.ignore_result for task in own.values())


def test_a_worker_takes_one_hint_at_a_time_and_a_dead_one_leaves_none_to_be_redelivered() -> None:
    """A hint is acknowledged as it is taken: the next tick asks anew, so a redelivery hours later has no use."""
    assert current_app.conf.worker_prefetch_multiplier == 1
    assert current_app.conf.task_acks_late is False
    assert current_app.conf.broker_transport_options["visibility_timeout"] >= tasks.HINT_EXPIRES


def test_every_task_goes_to_a_queue_that_some_worker_runs() -> None:
    for job in JOBS:
        import_module(job.task.rpartition(".")[0])
        assert job.task in current_app.tasks, f"{job.task} is declared nowhere"
        assert tasks.route(job.task)["queue"] in heartbeat.QUEUES
    assert current_app.conf.task_default_queue in heartbeat.QUEUES
    named = {
        keyword.value.value
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("account_task", "house_job")
        for keyword in node.keywords
        if keyword.arg == "queue" and isinstance(keyword.value, ast.Constant)
    }
    assert named == set(heartbeat.QUEUES)


def test_work_that_takes_its_time_holds_up_no_house_job() -> None:
    """On `default` stand the short looks of the clock alone: a slice of an import there would delay every schedule."""
    for module in {name.rpartition(".")[0] for name in current_app.tasks if not name.startswith("celery.")}:
        declared = [each for each in vars(import_module(module)).values() if isinstance(each, tasks.AccountTask)]
        assert [each.name for each in declared if each._queue == "default"] == []
    for name in ("records.tasks.prune_events", "api.tasks.prune_idempotency_keys"):
        assert tasks.route(name) == {"queue": "bulk"}


def waits(of: list[ast.Module]) -> list[str]:
    """The calls that leave a hint lying in a worker until some moment."""
    return [
        keyword.arg
        for tree in of
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in LATER
    ]


def test_no_hint_is_held_back_for_later() -> None:
    """A long countdown lies in a worker's memory and doubles after the visibility timeout: `due_at` does that here."""
    assert waits([source.tree for source in sources()]) == []
    assert waits([ast.parse("work.apply_async(args=(1,), countdown=3600)")]) == ["countdown"]


def test_a_lane_and_a_hint_end_by_themselves() -> None:
    assert 0 < tasks.LANE_HELD <= 10 and 0 < tasks.HINT_EXPIRES <= 120


@pytest.mark.parametrize("name", ["broker_url", "result_backend"])
def test_the_broker_is_the_one_of_the_environment(name: str) -> None:
    expected = {"broker_url": settings.REDIS_URL, "result_backend": None}
    assert getattr(current_app.conf, name) == expected[name]
