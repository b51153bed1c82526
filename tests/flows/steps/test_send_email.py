"""Send e-mail: who gets one, once, and who waits for it."""

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import FlowStatus
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from messaging.models import Message
from participants.models import FlowAddress, Participant
from scheduling import clock
from tests.make import make_contact, make_content, make_flow, make_participant, steps_of
from tests.walking import walk

pytestmark = pytest.mark.django_db


def test_a_send_step_holds_its_people_until_the_message_is_handed_over(in_acme: Account) -> None:
    flow = make_flow(["send_email", "wait 1 day"], status=FlowStatus.RUNNING)
    send = steps_of(flow, "send_email")[0]
    make_participant(flow, make_contact("ola@example.com"), step=send)
    walk(flow)
    message, participant = Message.objects.get(), Participant.objects.get()
    assert (message.status, message.address) == ("queued", "ola@example.com")
    assert message.origin_key == f"participant:{participant.pk}:0"
    assert (participant.step_id, participant.due_at, participant.hop) == (send.pk, None, 0)
    Participant.objects.update(due_at=clock.now())
    walk(flow)
    assert Message.objects.count() == 1, "a second look queues no second message"
    Message.objects.update(status="sent")
    Participant.objects.update(due_at=clock.now())
    walk(flow)
    assert Participant.objects.get().step_id == steps_of(flow, "wait")[0].pk


@pytest.mark.parametrize(
    ("status", "given", "expected"),
    [("failed", "smtp_refused", "sending_failed"), ("cancelled", "no_consent", "no_consent")],
)
def test_a_message_that_never_leaves_drops_its_person_out(
    in_acme: Account, status: str, given: str, expected: str
) -> None:
    flow = make_flow(["send_email"], status=FlowStatus.RUNNING)
    make_participant(flow, step=steps_of(flow)[0])
    walk(flow)
    Message.objects.update(status=status, reason=given)
    Participant.objects.update(due_at=clock.now())
    walk(flow)
    participant = Participant.objects.get()
    assert (participant.status, participant.reason) == ("dropped_out", expected)


def test_only_people_who_may_be_written_to_get_a_message(in_acme: Account) -> None:
    flow = make_flow(["send_email"], status=FlowStatus.RUNNING)
    send = steps_of(flow)[0]
    good = make_contact("good@example.com")
    for person in (good, make_contact(consent=False), make_contact(None)):
        make_participant(flow, person, step=send)
    walk(flow)
    assert [m.record_id for m in Message.objects.all()] == [good.pk]
    reasons = sorted(Participant.objects.exclude(record=good).values_list("reason", flat=True))
    assert reasons == ["no_address", "no_consent"]


def test_two_contacts_with_one_address_get_one_message(in_acme: Account) -> None:
    flow = make_flow(["send_email", "wait 1 day", "send_email"], status=FlowStatus.RUNNING)
    first, second = make_contact("both@example.com"), make_contact("both@example.com")
    for person in (second, first):
        make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    assert Message.objects.get().record_id == first.pk, "the lowest id wins"
    assert Participant.objects.get(record=second).reason == "duplicate_address"
    later = make_participant(flow, make_contact("both@example.com"), step=steps_of(flow)[0])
    walk(flow)
    later.refresh_from_db()
    assert later.reason == "duplicate_address"
    assert FlowAddress.objects.count() == 1


def test_the_address_is_free_again_when_the_walk_is_over(in_acme: Account) -> None:
    flow = make_flow(["send_email"], status=FlowStatus.RUNNING, only_once=False)
    person = make_contact("again@example.com")
    make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    Message.objects.update(status="sent")
    Participant.objects.update(due_at=clock.now())
    walk(flow)
    assert not FlowAddress.objects.exists()
    make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    assert Message.objects.count() == 2


def test_settings_name_a_content_of_this_account(in_acme: Account, globex: Account) -> None:
    kind, flow, content = KINDS["send_email"], make_flow(), make_content()
    assert kind.clean({"content": content.pk}, flow=flow) == {"content": content.pk}
    assert kind.clean({}, flow=flow) == {"content": None}
    with account_scope(globex.pk):
        theirs = make_content()
    own, anothers = make_content(flow_id=flow.pk), make_content(flow_id=make_flow().pk)
    assert kind.clean({"content": own.pk}, flow=flow) == {"content": own.pk}
    for wrong in (theirs.pk, anothers.pk, 0, True, "1"):
        with pytest.raises(SettingsError):
            kind.clean({"content": wrong}, flow=flow)


def test_a_flow_cannot_run_before_its_e_mail_says_something(in_acme: Account) -> None:
    kind = KINDS["send_email"]
    flow = make_flow([{"send_email": make_content(subject=" ", html="")}])
    step = steps_of(flow, "send_email")[0]
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["content_without_subject", "content_is_empty"]
    step.settings = {"content": None}
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["email_without_content"]


def test_a_content_of_another_flow_is_a_problem(in_acme: Account) -> None:
    flow = make_flow([{"send_email": make_content(flow_id=make_flow().pk)}])
    step = steps_of(flow, "send_email")[0]
    (lack,) = KINDS["send_email"].lacks(step, Path.of(flow))
    assert (lack.code, lack.field, lack.is_warning) == ("content_of_another_flow", "content", False)
