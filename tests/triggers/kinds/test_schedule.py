"""The trigger kind `schedule`: what it lacks, and what it says."""

import pytest

from accounts.models import Account
from tests import make
from triggers.kinds import KINDS
from triggers.models import Trigger

KIND = KINDS["schedule"]


@pytest.fixture
def trigger(in_acme: Account) -> Trigger:
    """The trigger of a flow that runs daily at nine."""
    flow = make.make_flow(schedule={"frequency": "daily"}, time_zone="UTC")
    found: Trigger = flow.triggers.get()
    return found


def test_a_whole_trigger_lacks_nothing_and_says_when_it_runs(trigger: Trigger) -> None:
    assert KIND.lacks(trigger, is_alone=True) == []
    assert KIND.summary(trigger) == "Every day at 09:00, UTC"


def test_a_trigger_without_schedule_and_criteria_says_both(in_acme: Account) -> None:
    trigger = Trigger.objects.create(flow=make.make_flow(), kind="schedule")
    assert [lack.code for lack in KIND.lacks(trigger, is_alone=True)] == ["schedule_missing", "criteria_missing"]
    assert KIND.summary(trigger) == ""


def test_a_schedule_stands_alone(trigger: Trigger) -> None:
    Trigger.objects.create(flow=trigger.flow, kind="schedule", criteria={"all": []})
    assert [lack.code for lack in KIND.lacks(trigger, is_alone=False)] == ["schedule_not_alone"]
