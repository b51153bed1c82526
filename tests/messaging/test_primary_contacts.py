"""In a flow of deals or companies a message goes to the primary contact: whose consent, address and way out count."""

from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Account
from flows.models import Flow, FlowStatus
from messaging import tracking
from messaging.audience import person_of
from messaging.delivery import deliver
from messaging.models import Message, Subscription
from participants import hearing
from participants.models import Participant
from records import associations, erasing, events
from records.models import Consent, Event, Record
from scheduling.clock import now
from tests.make import make_contact, make_content, make_flow, make_object_type, make_participant, make_record, steps_of
from tests.messaging.post import Server
from tests.walking import check_counts, walk
from triggers import matching

pytestmark = pytest.mark.django_db
LETTER = "<p>{{ contact.first_name }}, {{ title }} ({{ record.title }})</p>"


def make_deal(contact: Record | None, **properties: Any) -> Record:
    """A deal whose primary contact is `contact`."""
    deal = make_record("deal", **{"title": "Tractor", **properties})
    if contact is not None:
        associations.associate_many([(deal.pk, contact.pk)], is_primary=True)
    return deal


def deal_flow(*later: str) -> Flow:
    """A running flow of deals that begins with a letter, and listens as a started one does."""
    flow = make_flow(
        [{"send_email": make_content(html=LETTER)}, *later],
        status=FlowStatus.RUNNING,
        object_type=make_object_type("deal"),
    )
    events.listen(hearing.heard_kinds(flow))
    return flow


def enter(flow: Flow, deal: Record) -> Participant:
    participant = make_participant(flow, deal, step=steps_of(flow)[0])
    walk(flow)
    participant.refresh_from_db()
    return participant


def follow(flow: Flow) -> None:
    """What follows from what has happened."""
    while matching.match(flow.account_id):
        pass
    walk(flow)


def test_a_letter_about_a_deal_goes_to_its_primary_contact(in_acme: Account, smtp: Server) -> None:
    flow = deal_flow("wait 1 day")
    kari, other = make_contact("kari@example.com", first_name="Kari"), make_contact("other@example.com")
    deal = make_deal(kari, email="deal@example.com")
    associations.associate_many([(deal.pk, other.pk)])
    participant = enter(flow, deal)
    deliver(in_acme.pk)
    (mail,) = smtp.mails
    assert mail.to == ["kari@example.com"]
    assert "Kari, Tractor (Tractor)" in mail.part("html")
    message = Message.objects.get()
    assert (message.record_id, message.about_id, message.status) == (kari.pk, deal.pk, "sent")
    follow(flow)
    participant.refresh_from_db()
    assert participant.step_id == steps_of(flow, "wait")[0].pk, "the hand-over wakes the deal"
    told = Event.objects.filter(kind="message_handed_over").values_list("record_id", flat=True)
    assert sorted(told) == sorted([kari.pk, deal.pk]), "both stories tell of it"


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        (None, "no_contact"),
        ({"archived_at": True}, "no_contact"),
        ({"former_employee": True}, "former_employee"),
        ({"consent": Consent.WITHDRAWN}, "no_consent"),
        ({"properties": {}}, "no_address"),
    ],
)
def test_a_deal_without_somebody_to_write_to_drops_out(
    in_acme: Account, contact: dict[str, Any] | None, expected: str
) -> None:
    flow = deal_flow()
    person = make_contact()
    if contact is not None:
        values = {name: now() if name == "archived_at" else value for name, value in contact.items()}
        Record.objects.filter(pk=person.pk).update(**values)
    deal = make_deal(person if contact is not None else None, email="deal@example.com")
    Record.objects.filter(pk=deal.pk).update(consent=Consent.GIVEN)  # which is nobody's
    participant = enter(flow, deal)
    assert (participant.status, participant.reason) == ("dropped_out", expected)
    assert not Message.objects.exists()
    check_counts(flow)


def test_whoever_has_become_somebody_else_at_the_hand_over_is_asked_again(in_acme: Account, smtp: Server) -> None:
    flow = deal_flow()
    kari = make_contact("old@example.com", first_name="Kari")
    participant = enter(flow, make_deal(kari))
    Record.objects.filter(pk=kari.pk).update(properties={"email": "new@example.com", "first_name": "Kari"})
    assert person_of(Record.objects.get(pk=participant.record_id)).email == "new@example.com"
    deliver(in_acme.pk)
    assert [mail.to for mail in smtp.mails] == [["new@example.com"]]


@pytest.mark.parametrize(
    ("whose", "change", "expected"),
    [
        ("contact", {"consent": Consent.WITHDRAWN}, "no_consent"),
        ("contact", {"archived_at": True}, "no_contact"),
        ("deal", {"archived_at": True}, "record_deleted"),
    ],
)
def test_what_changed_before_the_hand_over_stops_the_letter(
    in_acme: Account, smtp: Server, whose: str, change: dict[str, Any], expected: str
) -> None:
    flow = deal_flow()
    kari = make_contact()
    deal = make_deal(kari)
    participant = enter(flow, deal)
    changed = kari if whose == "contact" else deal
    Record.objects.filter(pk=changed.pk).update(
        **{name: now() if name == "archived_at" else value for name, value in change.items()}
    )
    deliver(in_acme.pk)
    assert not smtp.mails
    follow(flow)
    participant.refresh_from_db()
    assert (participant.status, participant.reason) == ("dropped_out", expected)


def test_two_deals_of_one_contact_are_one_letter(in_acme: Account) -> None:
    flow = deal_flow()
    kari = make_contact()
    for _ in range(2):
        make_participant(flow, make_deal(kari), step=steps_of(flow)[0])
    walk(flow)
    assert Message.objects.count() == 1
    assert Participant.objects.get(status="dropped_out").reason == "duplicate_address"


def test_the_way_out_of_a_letter_about_a_deal_is_the_persons(in_acme: Account) -> None:
    kari = make_contact()
    deal = make_deal(kari)
    enter(deal_flow(), deal)
    message = Message.objects.select_related("outbox").get()
    tracking.unsubscribe(tracking.unsubscribe_url(message).rpartition("/")[2])
    assert [(word.record_id, word.subscribed) for word in Subscription.objects.all()] == [(kari.pk, False)]
    told = Event.objects.filter(kind="unsubscribed").values_list("record_id", flat=True)
    assert sorted(told) == sorted([kari.pk, deal.pk])


def test_a_click_lets_the_deal_go_on_that_waits_for_it(in_acme: Account, smtp: Server) -> None:
    waits = {"kind": "wait_for_event", "settings": {"events": [{"event": "link_clicked", "detail": {}}]}}
    flow = make_flow(
        ["send_email", waits, "wait 1 day"], status=FlowStatus.RUNNING, object_type=make_object_type("deal")
    )
    events.listen(hearing.heard_kinds(flow))
    participant = enter(flow, make_deal(make_contact()))
    deliver(in_acme.pk)
    follow(flow)
    participant.refresh_from_db()
    assert participant.step_id == steps_of(flow, "wait_for_event")[0].pk
    tracking.clicked(tracking.click_url(Message.objects.get(), "https://example.com").rpartition("/")[2])
    follow(flow)
    participant.refresh_from_db()
    assert participant.step_id == steps_of(flow, "wait")[0].pk


def test_a_deal_goes_on_when_the_person_it_writes_to_is_erased(in_acme: Account, owner: Actor) -> None:
    flow = deal_flow()
    kari = make_contact()
    participant = enter(flow, make_deal(kari))
    erasing.erase(in_acme.pk, [kari.pk], by=owner)
    assert not Message.objects.exists()
    follow(flow)
    participant.refresh_from_db()
    assert (participant.status, participant.reason) == ("dropped_out", "no_contact")


def test_nothing_is_left_of_a_deal_in_messages_to_its_contact(in_acme: Account, owner: Actor) -> None:
    flow = deal_flow()
    deal = make_deal(make_contact())
    enter(flow, deal)
    erasing.erase(in_acme.pk, [deal.pk], by=owner)
    assert not Message.objects.exists()


def test_a_preview_knows_the_deal_and_its_contact(in_acme: Account) -> None:
    kari = make_contact(first_name="Kari")
    assert person_of(make_deal(kari)).pk == kari.pk
    assert person_of(kari) is kari
    nobody = person_of(make_deal(None))
    assert (nobody.pk, nobody.properties) == (None, {})
