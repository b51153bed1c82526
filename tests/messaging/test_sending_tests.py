"""Test sends: a real mail, marked, that leaves no trace in the account."""

import re

import pytest
from django.test import Client

from accounts.models import Account
from messaging.advice import advise
from messaging.merge_fields import Names, strangers
from messaging.models import Content, Message, Outbox
from messaging.rendering import RenderingFailed
from messaging.sending_tests import TestNotSent, compose_test, hand_over
from records.models import Consent, Event, Record
from tests.make import make_contact, make_content, make_flow
from tests.messaging.post import Server


@pytest.fixture(autouse=True)
def _over_smtp(settings) -> None:  # type: ignore[no-untyped-def]
    """As it is outside tests."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


def send(content: Content, record: Record, outbox: Outbox | None = None, to: str = "maja@example.com") -> None:
    hand_over(compose_test(content, record, to=to, outbox=outbox))


def test_a_test_says_what_the_record_would_read_and_that_it_is_one(in_acme: Account, smtp: Server) -> None:
    content = make_content(subject="Hi {{ first_name }}", html='<p>{{ first_name }} <a href="https://a.example/">x</a>')
    send(content, make_contact(first_name="Käthe"), make_flow().outbox)
    (mail,) = smtp.mails
    assert (mail.parsed["Subject"], mail.to) == ("[Test] Hi Käthe", ["maja@example.com"])
    assert mail.parsed["From"] == f"Acme <news@account-{in_acme.pk}.example.com>"
    assert mail.parsed["X-Flyt-Test"] == "yes"
    assert "List-Unsubscribe" not in mail.parsed and "List-Unsubscribe-Post" not in mail.parsed
    assert 'href="https://a.example/"' in mail.part("html"), "its links are not counted"


def test_a_test_leaves_no_message_and_no_event(in_acme: Account, smtp: Server) -> None:
    send(make_content(), make_contact())
    assert len(smtp.mails) == 1
    assert not Message.objects.exists() and not Event.objects.exists()


def test_two_tests_are_two_mails(in_acme: Account, smtp: Server) -> None:
    content, record = make_content(), make_contact()
    for _ in range(2):
        send(content, record)
    assert len({mail.message_id for mail in smtp.mails}) == 2


def test_the_way_out_of_a_test_shows_its_page_and_changes_nothing(in_acme: Account, smtp: Server) -> None:
    record = make_contact()
    send(make_content(), record, make_flow().outbox)
    (address,) = re.findall(r'href="[^"]*(/u/[^"]+)"', smtp.mails[0].part("html"))
    shown = Client().get(address)
    assert shown.status_code == 200 and "Newsletter" in shown.content.decode()
    for scope in ("type", "everything"):
        assert Client().post(address, {"scope": scope}).status_code == 200
    record.refresh_from_db()
    assert record.consent == Consent.GIVEN and not Event.objects.exists()


def test_without_a_sender_the_installation_sends(in_acme: Account, smtp: Server, settings) -> None:  # type: ignore[no-untyped-def]
    settings.DEFAULT_FROM_EMAIL = "Flyt <flyt@example.com>"
    send(make_content(), make_contact(), make_flow(email=False).outbox)
    assert smtp.mails[0].parsed["From"] == "Flyt <flyt@example.com>"


def test_a_test_that_cannot_leave_says_why(in_acme: Account, smtp: Server) -> None:
    record = make_contact()
    with pytest.raises(RenderingFailed):
        send(make_content(html="{{ a"), record)
    with pytest.raises(TestNotSent):
        send(make_content(), record, to="no address")
    smtp.to_recipient["maja@example.com"] = "550 nobody here"
    with pytest.raises(TestNotSent, match="nobody here"):
        send(make_content(), record)
    assert smtp.mails == []


@pytest.mark.parametrize(
    ("html", "advice"),
    [
        ('<p>Hi</p><img src="a.png" alt="">', []),
        ('<img src="a.png">', ["A picture has no text"]),
        ('<img src="a.png"><IMG SRC=b>', ["2 pictures have no text"]),
        ('<a href="">x</a><a href="#">y</a><a name="here">z</a>', ["2 links lead nowhere"]),
        ("", ["Write the message."]),
    ],
)
def test_what_would_make_it_better_is_said(in_acme: Account, html: str, advice: list[str]) -> None:
    said = advise(Content(subject="Hi", html=html))
    assert len(said) == len(advice) and all(one.startswith(start) for one, start in zip(said, advice, strict=True))


def test_a_missing_subject_is_said(in_acme: Account) -> None:
    assert advise(Content(text="Hi")) == ["Write a subject: without one no flow can send it."]


@pytest.mark.parametrize(
    ("source", "strange"),
    [
        ("{{ first_name }} {{ record.city }} {{ contact.city }} {{ id }} {{ today }} {{ account.name }}", []),
        ("{% assign mine = city %}{{ mine }} {{ record[first_name] }} {{ contact }}", []),
        ("{{ förnamn }} {{ record.fist_name }} {{ förnamn }}", ["förnamn", "record.fist_name"]),
        (
            "{{ contact.amount }} {{ account.town }}{% if nobody %}x{% endif %}",
            ["account.town", "contact.amount", "nobody"],
        ),
    ],
)
def test_merge_fields_of_nothing_are_found(in_acme: Account, source: str, strange: list[str]) -> None:
    known = Names(of_record=frozenset({"first_name", "city"}), of_person=frozenset({"city"}))
    assert strangers(Content(subject="Hi", html=source), known) == strange
