"""A flow's intake is dealt with in few statements, and what is asked about one record in its order."""

import pytest

from accounts.models import Account
from flows.models import FlowStatus
from participants import intake
from participants.models import Intake, Participant, Wish
from tests.make import make_contacts, make_flow, make_participant, steps_of
from tests.walking import check_counts

pytestmark = pytest.mark.django_db


def test_those_who_come_for_different_causes_in_turns_are_dealt_with_together(in_acme: Account) -> None:
    """One row in a transaction that locks thousands would let a dozen people in in a second."""
    flow = make_flow(["wait 1 day"], status=FlowStatus.RUNNING)
    for number, person in enumerate(make_contacts(40)):
        Intake.objects.create(
            flow=flow, record=person, cause="hand_over", cause_key=f"event:{number}", depth=1 + number % 2
        )
    turns = 1
    while intake.drain(in_acme.pk, flow.pk, seconds=0):
        turns += 1
    assert turns == 2
    assert sorted(Participant.objects.values_list("depth", flat=True)) == [1] * 20 + [2] * 20
    check_counts(flow)


def test_what_is_asked_about_one_record_is_done_in_its_order(in_acme: Account) -> None:
    flow = make_flow(["wait 1 day"], status=FlowStatus.RUNNING, only_once=False)
    first, second = make_contacts(2)
    walk = make_participant(flow, second, step=steps_of(flow)[0], only_once=False)
    leave = {"wish": Wish.LEAVE, "cause": "added_to_flow"}
    for number, asked in enumerate(
        (
            {"record": first, "cause": "hand_over"},
            {"record": second, **leave, "participant_id": walk.pk},
            {"record": second, "cause": "hand_over"},
            {"record": first, **leave},
        )
    ):
        Intake.objects.create(flow=flow, cause_key=f"event:{number}", **asked)
    while intake.drain(in_acme.pk, flow.pk):
        pass
    ends = Participant.objects.order_by("pk").values_list("record_id", "status")
    assert list(ends) == [(second.pk, "dropped_out"), (first.pk, "dropped_out"), (second.pk, "active")]
    check_counts(flow)
