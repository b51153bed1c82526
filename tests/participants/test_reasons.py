"""Every reason for which people drop out: stable, with a text, and brought about once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from accounts.actors import Actor
from accounts.models import Account
from flows.models import Flow, FlowStatus, Step
from messaging import delivery
from messaging import lifecycle as messages
from messaging.models import Message, Subscription, SubscriptionType, Suppression
from participants import commands, intake, reasons
from participants.models import FlowAddress, Intake, Participant, Wish
from records import events
from records.models import Consent, ListEntry, Record
from running import ending
from scheduling import clock
from tests.make import (
    make_contact,
    make_flow,
    make_list,
    make_object_type,
    make_participant,
    make_subscription_type,
    steps_of,
)
from tests.walking import check_counts, walk
from triggers import matching

pytestmark = pytest.mark.django_db

NOBODY: Final = {"all": [{"property": "city", "operator": "eq", "value": "Nowhere"}]}
SILENT: Final = {"events": [{"event": "custom.called", "detail": {}}], "amount": 1, "unit": "days", "exit": True}


class Case:
    """One person on the first step of a running flow, and what may befall them."""

    def __init__(self, owner: Actor, steps: list[Any]) -> None:
        self.owner = owner
        self.flow = make_flow(steps, status=FlowStatus.RUNNING)
        self.person = make_contact("ola@example.com", city="Oslo")
        self.participant = make_participant(self.flow, self.person, step=steps_of(self.flow)[0])

    def record(self, **values: Any) -> None:
        """Change the record behind everybody's back."""
        Record.objects.filter(pk=self.person.pk).update(**values)

    def change(self, **values: Any) -> None:
        """Change the flow."""
        Flow.objects.filter(pk=self.flow.pk).update(**values)

    def exclude(self) -> None:
        """Put the person on an exclusion list."""
        self.flow.exclusion_lists.create(list=make_list("No", [self.person]))

    def become_a_deal(self) -> None:
        """A flow of deals, and a deal that belongs with nobody."""
        deal = make_object_type("deal")
        self.change(object_type=deal)
        self.record(object_type=deal)

    def unsubscribe(self) -> None:
        """The person's own word about the flow's messages."""
        type = make_subscription_type()
        Subscription.objects.create(record_id=self.person.pk, type_id=type.pk, subscribed=False, source="test")

    def opt_in_only(self) -> None:
        """A type that nobody has asked for."""
        SubscriptionType.objects.update(is_default=False)

    def share_address(self) -> None:
        """Somebody else with the address has got the message already."""
        first = make_participant(self.flow, make_contact("ola@example.com"), step=steps_of(self.flow)[0], due_at=None)
        FlowAddress.objects.create(flow_id=self.flow.pk, address="ola@example.com", participant_id=first.pk)

    def end_message(self, verb: str, reason: str = "") -> None:
        """The message is queued, and then does not leave."""
        walk(self.flow)
        sql = "m.status = 'queued' or m.status = 'sending'"
        if verb == "fail":
            messages.move_many("take", sql, {})
        messages.move_many(verb, sql, {"reason": reason}, also="reason = %(reason)s")
        messages.record("message_failed", Message.objects.get())
        Participant.objects.update(due_at=clock.now())

    def break_step(self) -> None:
        """Criteria that cannot be compiled any more, and every patience lost."""
        self.change(unenrolment={"no_such_leaf": 1})
        for _attempt in range(4):
            walk(self.flow)
            clock.forward(timedelta(hours=2))

    def lose_step(self) -> None:
        """The step is deleted behind everybody's back."""
        Step.objects.filter(flow=self.flow).delete()

    def leave(self) -> None:
        """By a member."""
        commands.leave(self.flow.account_id, self.participant.pk, by=self.owner)

    def add_to_flow(self) -> None:
        """Another flow asks this one to let the person go."""
        Intake.objects.create(
            flow=self.flow, record=self.person, wish=Wish.LEAVE, cause="added_to_flow", cause_key="event:1"
        )
        intake.drain(self.flow.account_id, self.flow.pk)

    def end(self) -> None:
        """The flow is ended."""
        self.change(status=FlowStatus.NOT_RUNNING)
        while ending.finish(self.flow.account_id, self.flow.pk):
            pass


WAIT: Final[list[Any]] = ["wait 2 days"]
EMAIL: Final[list[Any]] = ["send_email"]
CASES: Final[dict[str, tuple[list[Any], Callable[[Case], object]]]] = {
    "record_deleted": (WAIT, lambda case: case.record(archived_at=clock.now())),
    "former_employee": (WAIT, lambda case: case.record(former_employee=True)),
    "exclusion_list": (WAIT, lambda case: case.exclude()),
    "unenrolment": (WAIT, lambda case: case.change(unenrolment={"not": NOBODY})),
    "no_contact": (EMAIL, lambda case: case.become_a_deal()),
    "no_consent": (EMAIL, lambda case: case.record(consent=Consent.WITHDRAWN)),
    "not_subscribed": (EMAIL, lambda case: case.unsubscribe()),
    "no_address": (EMAIL, lambda case: case.record(properties={"city": "Oslo"})),
    "address_suppressed": (EMAIL, lambda case: Suppression.objects.create(address="ola@example.com", reason="bounced")),
    "duplicate_address": (EMAIL, lambda case: case.share_address()),
    "sending_failed": (EMAIL, lambda case: case.end_message("fail", "refused")),
    "message_cancelled": (EMAIL, lambda case: case.end_message("cancel", "message_cancelled")),
    "exit_after_split": ([{"split": [(NOBODY, [])], "settings": {"exit": True}}], lambda case: None),
    "exit_after_max_waiting_time": (
        [{"kind": "wait_for_event", "settings": SILENT}],
        lambda case: (walk(case.flow), clock.forward(timedelta(days=2))),
    ),
    "added_to_flow": (WAIT, lambda case: case.add_to_flow()),
    "step_failed": (WAIT, lambda case: case.break_step()),
    "step_gone": (WAIT, lambda case: case.lose_step()),
    "left_by_hand": (WAIT, lambda case: case.leave()),
    "flow_ended": (WAIT, lambda case: case.end()),
}


def test_every_reason_is_brought_about_here_and_has_a_text() -> None:
    assert CASES.keys() == reasons.DROP_OUT.keys()
    assert all(reasons.text(code) != code for code in [*reasons.DROP_OUT, *reasons.NOT_ENROLLED, *reasons.WENT_ON])


@pytest.mark.parametrize("reason", CASES)
def test_people_drop_out_with_the_reason(in_acme: Account, owner: Actor, reason: str) -> None:
    steps, befall = CASES[reason]
    case = Case(owner, steps)
    befall(case)
    walk(case.flow)
    participant = Participant.objects.get(pk=case.participant.pk)
    status = "cancelled" if reason == "flow_ended" else "dropped_out"
    assert (participant.status, participant.reason) == (status, reason)
    assert participant.ended_at is not None and participant.due_at is None
    check_counts(case.flow)


def test_only_a_default_type_is_covered_by_consent_alone(in_acme: Account, owner: Actor) -> None:
    case = Case(owner, EMAIL)
    case.opt_in_only()
    walk(case.flow)
    assert Participant.objects.get().reason == "not_subscribed"


ORDER: Final = [
    "success",
    "former_employee",
    "exclusion_list",
    "unenrolment",
    "no_consent",
    "not_subscribed",
    "no_address",
    "duplicate_address",
]


@pytest.mark.parametrize("first", range(len(ORDER) - 1))
def test_the_checks_are_made_in_their_order(in_acme: Account, owner: Actor, first: int) -> None:
    """All that comes later in the order befalls them too; the first one is the reason."""
    case = Case(owner, EMAIL)
    befall = {**{name: each[1] for name, each in CASES.items()}, "success": succeed}
    for name in ORDER[first:]:
        if name != "duplicate_address" or "no_address" not in ORDER[first:]:
            befall[name](case)
    walk(case.flow)
    participant = Participant.objects.get(pk=case.participant.pk)
    if ORDER[first] == "success":
        assert participant.status == "finished_with_success"
    else:
        assert participant.reason == ORDER[first]


def succeed(case: Case) -> None:
    """The person meets the success criteria, and that ends the walk."""
    case.change(success=[{"name": "All", "criteria": {"all": []}}], jump_to_finish=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: Record.objects.update(consent=Consent.WITHDRAWN), "no_consent"),
        (lambda: Suppression.objects.create(address="ola@example.com", reason="complained"), "address_suppressed"),
        (lambda: SubscriptionType.objects.update(is_default=False), "not_subscribed"),
    ],
)
def test_what_changes_while_the_message_is_queued_stops_it_and_drops_out(
    in_acme: Account, owner: Actor, change: Callable[[], object], reason: str
) -> None:
    """Asked again at the hand-over: the message never leaves, and its participant goes with the reason."""
    case = Case(owner, EMAIL)
    events.listen(["message_cancelled"])
    walk(case.flow)
    assert Message.objects.get().status == "queued"
    change()
    delivery.deliver(in_acme.pk)
    assert (Message.objects.get().status, Message.objects.get().reason) == ("cancelled", reason)
    while matching.match(in_acme.pk):
        pass
    walk(case.flow)
    participant = Participant.objects.get()
    assert (participant.status, participant.reason) == ("dropped_out", reason)
    assert not FlowAddress.objects.exists() and not ListEntry.objects.exists() and Step.objects.exists()
