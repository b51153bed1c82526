"""Wait: until when, and what its settings may be."""

from datetime import timedelta

import pytest

from accounts.models import Account
from flows.models import FlowStatus
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from participants.models import Participant, StepLog
from scheduling import clock
from tests.make import (
    make_flow,
    make_participant,
    steps_of,
)
from tests.walking import walk

pytestmark = pytest.mark.django_db


def test_a_wait_keeps_the_end_it_was_given_on_arrival(in_acme: Account) -> None:
    flow = make_flow(["wait 2 days"], status=FlowStatus.RUNNING)
    wait = steps_of(flow, "wait")[0]
    arrived = make_participant(flow, step=wait)
    walk(flow)
    held = Participant.objects.get()
    assert held.hop == 0, "a look that changes nothing is no hop"
    assert not StepLog.objects.exists()
    assert held.wait_until == held.due_at == arrived.arrived_at + timedelta(days=2)
    wait.settings = {"amount": 9, "unit": "weeks"}
    wait.save(update_fields=["settings"])
    clock.forward(timedelta(days=2, seconds=1))
    walk(flow)
    assert Participant.objects.get().status == "finished"


def test_settings_are_a_whole_number_of_a_unit(in_acme: Account) -> None:
    kind, flow = KINDS["wait"], make_flow()
    assert kind.clean({"amount": 3, "unit": "days"}, flow=flow) == {"amount": 3, "unit": "days"}
    for amount in (0, -1, 1.5, "3", True, 10**9):
        with pytest.raises(SettingsError) as refused:
            kind.clean({"amount": amount, "unit": "days"}, flow=flow)
        assert set(refused.value.errors) == {"amount"}
    for strange in ({"unit": "years"}, {"amount": 1, "unit": "days", "colour": "red"}):
        with pytest.raises(SettingsError):
            kind.clean(strange, flow=flow)


def test_a_wait_without_a_time_keeps_the_flow_from_running(in_acme: Account) -> None:
    flow = make_flow([{"kind": "wait", "settings": {"amount": None, "unit": "days"}}])
    step = steps_of(flow, "wait")[0]
    assert [lack.code for lack in KINDS["wait"].lacks(step, Path.of(flow))] == ["wait_without_time"]
    step.settings = {"amount": 1, "unit": "hours"}
    assert KINDS["wait"].lacks(step, Path.of(flow)) == []
    assert KINDS["wait"].summary(step, Path.of(flow)) == "1 hour"
