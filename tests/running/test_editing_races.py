"""Edits beside each other, and beside people who arrive and verbs that run: the flow's lock decides."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows.document import as_document
from flows.locks import take_exclusive, try_shared
from flows.models import Flow, FlowStatus
from running.editing import StaleRevision, edit
from scheduling import clock
from tests import make
from triggers.firing import fire_one
from triggers.models import Occurrence, Schedule, Trigger

WAITING = "select count(*) from pg_locks where not granted"


@pytest.fixture
def flow(transactional_db: None, acme: Account) -> Flow:
    """A paused flow with one wait, committed."""
    with account_scope(acme.pk):
        return make.make_flow(["wait 1 days"], status=FlowStatus.PAUSED)


@pytest.fixture
def aside() -> Iterator[Callable[..., "Future[Any]"]]:
    """Runs a function in a thread of its own, with a connection of its own."""
    with ThreadPoolExecutor(max_workers=2) as threads:

        def run(function: Callable[[], Any]) -> "Future[Any]":
            def work() -> Any:
                try:
                    return function()
                finally:
                    connection.close()

            return threads.submit(work)

        yield run


def wait_until_locked_out() -> None:
    """Until some connection waits for a lock (or 100,000 looks have seen none)."""
    with connection.cursor() as cursor:
        for _ in range(100_000):
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("Nobody waited for a lock.")


def test_of_two_edits_at_once_one_is_stale(flow: Flow, owner: Actor, aside: Callable[..., "Future[Any]"]) -> None:
    for round_number in range(1, 6):
        together = Barrier(2)

        def rename(name: str, together: Barrier = together, revision: int = round_number) -> str:
            together.wait()
            try:
                edit(flow.account_id, flow.pk, {"name": name}, revision=revision, by=owner)
            except StaleRevision as refusal:
                return f"stale, now {refusal.current}"
            return name

        outcomes = [aside(lambda name=name: rename(name)) for name in ("A", "B")]
        won, lost = sorted((future.result() for future in outcomes), key=lambda outcome: outcome.startswith("stale"))
        assert lost == f"stale, now {round_number + 1}"
        with account_scope(flow.account_id):
            assert Flow.objects.get().name in (won, f"{won}{round_number}")
            assert Flow.objects.get().revision == round_number + 1
            Flow.objects.update(name=f"{won}{round_number}")
    with account_scope(flow.account_id):
        assert History.objects.filter(verb="edited").count() == 5


def test_who_arrives_before_the_edit_has_the_lock_is_protected(
    flow: Flow, owner: Actor, aside: Callable[..., "Future[Any]"]
) -> None:
    with account_scope(flow.account_id):
        assert try_shared(flow.pk)
        removal = aside(lambda: edit(flow.account_id, flow.pk, {"steps": []}, revision=1, by=owner))
        wait_until_locked_out()
        make.make_participant(flow, step=make.steps_of(flow)[0])
    with pytest.raises(NotAllowed) as refused:
        removal.result()
    assert refused.value.code == "people_stand_here"
    with account_scope(flow.account_id):
        assert [step["kind"] for step in as_document(flow)["steps"]] == ["wait", "finish"]


def test_a_flow_that_is_resumed_while_an_edit_waits_is_not_edited(
    flow: Flow, owner: Actor, aside: Callable[..., "Future[Any]"]
) -> None:
    with account_scope(flow.account_id):
        take_exclusive(flow.pk)
        change = aside(lambda: edit(flow.account_id, flow.pk, {"name": "New"}, revision=1, by=owner))
        wait_until_locked_out()
        Flow.objects.update(status=FlowStatus.RUNNING)
    with pytest.raises(NotAllowed) as refused:
        change.result()
    assert refused.value.code == "running"
    with account_scope(flow.account_id):
        assert Flow.objects.get().name == flow.name


def test_a_trigger_may_go_while_its_schedule_fires(
    acme: Account, transactional_db: None, owner: Actor, aside: Callable[..., "Future[Any]"]
) -> None:
    with account_scope(acme.pk):
        flow = make.make_flow(["wait 1 days"], schedule={"frequency": "daily"}, status=FlowStatus.PAUSED)
        schedule = Schedule.objects.get()
    clock.move_to(schedule.next_run_at)
    with account_scope(acme.pk):
        assert len(fire_one(schedule).pending) == 1
        removal = aside(lambda: edit(acme.pk, flow.pk, {"triggers": []}, revision=1, by=owner))
        wait_until_locked_out()
    removal.result()
    with account_scope(acme.pk):
        assert not Trigger.objects.exists()
        assert not Occurrence.objects.exists()
