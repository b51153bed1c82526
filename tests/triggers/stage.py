"""What the tests of triggers share: flows with schedules, and what became of them."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import connections

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from flows.models import Flow
from participants.models import Participant
from tests import make
from triggers import firing, occurrences
from triggers.models import Occurrence, Schedule

DAILY = {"frequency": "daily", "time_zone": "UTC"}


def at(text: str) -> datetime:
    """The moment `text` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_account(name: str) -> Account:
    """An account, for tests that commit."""
    with every_account():
        return Account.objects.create(name=name, slug=name.lower())


def scheduled(account: Account, recurrence: dict[str, Any], *, status: str = "running", **fields: Any) -> Flow:
    """A flow with a schedule, armed from the present moment."""
    with account_scope(account.pk):
        flow = make.make_flow(["wait 1 days"], status=status)
        make.make_schedule(flow, recurrence, **fields)
    return flow


def contacts(account: Account, n: int, **properties: object) -> list[int]:
    """The ids of `n` new contacts of `account`."""
    with account_scope(account.pk):
        return [record.pk for record in make.make_contacts(n, **properties)]


def fire_all() -> int:
    """Fire until nothing is due; returns how many schedules were."""
    fired = 0
    while batch := firing.fire_due().schedules:
        fired += batch
    return fired


def work_all() -> None:
    """Work through every open run of every account."""
    for account_id, occurrence_id in occurrences.to_do(1000):
        while occurrences.work(account_id, occurrence_id):
            pass


def runs(account: Account, flow: Flow | None = None) -> list[tuple[str, str, str]]:
    """Moment, status and reason of every run."""
    with account_scope(account.pk):
        found = Occurrence.objects.filter(flow=flow) if flow else Occurrence.objects.all()
        return [
            (f"{run.scheduled_for:%m-%d %H:%M}", run.status, run.reason)
            for run in found.order_by("scheduled_for", "pk")
        ]


def the_run(account: Account, **where: Any) -> Occurrence:
    """The one run, or the one that `where` picks."""
    with account_scope(account.pk):
        run: Occurrence = Occurrence.objects.get(**where)
    return run


def enrolled(account: Account, flow: Flow) -> list[int]:
    """The record ids of everyone who was ever enrolled, in order."""
    with account_scope(account.pk):
        return list(
            Participant.objects.filter(flow=flow).order_by("record_id", "pk").values_list("record_id", flat=True)
        )


def schedule_of(account: Account, flow: Flow) -> Schedule:
    """The schedule of a flow, as it is now."""
    with account_scope(account.pk):
        schedule: Schedule = Schedule.objects.get(flow=flow)
    return schedule


def in_threads(*workers: Callable[[], object]) -> None:
    """Run all at once; an error in any of them fails the test."""
    errors: list[BaseException] = []

    def guarded(worker: Callable[[], object]) -> None:
        try:
            worker()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guarded, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert not any(thread.is_alive() for thread in threads)
