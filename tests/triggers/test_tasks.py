"""What the clock starts: due schedules fire, and runs that nobody works on are taken up."""

import pytest

from config.celery import app
from scheduling import clock
from tests.triggers.stage import DAILY, at, make_account, runs, scheduled, the_run
from triggers import tasks

pytestmark = pytest.mark.django_db(transaction=True)


def hints() -> int:
    """How many hints lie in the engine's queue; they are taken out, as if lost."""
    with app.connection_for_write() as broker:
        return int(broker.default_channel.queue_purge("engine") or 0)


def test_a_due_schedule_becomes_a_run_that_a_worker_is_told_of() -> None:
    acme = make_account("Acme")
    clock.move_to(at("2027-03-10 08:00"))
    scheduled(acme, DAILY)
    hints()
    tasks.fire_due_schedules()
    assert (runs(acme), hints()) == ([], 0)
    clock.move_to(at("2027-03-10 09:00"))
    tasks.fire_due_schedules()
    assert runs(acme) == [("03-10 09:00", "pending", "")]
    assert hints() == 1
    tasks.work_occurrence(acme.pk, the_run(acme).pk)
    assert runs(acme) == [("03-10 09:00", "done", "")]


def test_a_run_whose_hint_was_lost_is_taken_up() -> None:
    acme = make_account("Acme")
    clock.move_to(at("2027-03-10 08:00"))
    scheduled(acme, DAILY)
    clock.move_to(at("2027-03-10 09:00"))
    tasks.firing.fire_due()  # and the worker died before it could say so
    hints()
    tasks.resume_occurrences()
    assert hints() == 1
    tasks.work_occurrence(acme.pk, the_run(acme).pk)
    tasks.resume_occurrences()
    assert hints() == 0
