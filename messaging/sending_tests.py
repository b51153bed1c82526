"""Test sends: a content as one record would get it, to somebody who works on it.

No message, no event, no counting: the mail is composed as a real one, marked, and given to the mail server at once.
"""

from email.utils import parseaddr
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from records.models import Record

from .audience import person_of
from .channels.base import Refused
from .channels.email import compose
from .models import Content, Message, Outbox
from .rendering import render
from .tracking import trial_links

MARK = "[Test]"
HEADER = "X-Flyt-Test"
# What only a mail to an audience carries.
NOT_IN_A_TEST = ("List-Unsubscribe", "List-Unsubscribe-Post")


class TestNotSent(Exception):
    """The mail server did not take it, or an address is none. The text is what it said."""

    __test__ = False  # pytest would take it for a test


def compose_test(content: Content, record: Record, *, to: str, outbox: Outbox | None = None) -> EmailMessage:
    """The mail in which `to` gets `content` as `record` would, in the name of `outbox` or of the installation.

    Its links are the written ones and count nothing; the way out leads to the page it would lead to and changes
    nothing. Raises `RenderingFailed` or `TestNotSent`. Inside a scope.
    """
    sender = outbox if outbox and outbox.sender_address else _house()
    links = trial_links(outbox)
    rendered = render(content, record, contact=person_of(record), links=links)
    message = Message(outbox=sender, address=to, message_id=f"{uuid4().hex}@test.{_domain(sender.sender_address)}")
    try:
        mail = compose(message, rendered, unsubscribe_url=links.unsubscribe_url)
    except Refused as error:
        raise TestNotSent(str(error)) from error
    mail.subject = f"{MARK} {mail.subject}"
    mail.extra_headers[HEADER] = "yes"
    for name in NOT_IN_A_TEST:
        mail.extra_headers.pop(name, None)
    return mail


def hand_over(mail: EmailMessage) -> None:
    """Give it to the mail server. Raises `TestNotSent`. Outside any scope: a server may take its time."""
    mail.connection = get_connection()
    try:
        mail.send()
    except OSError as error:  # smtplib's errors are OSErrors too
        raise TestNotSent(str(error)) from error


def _house() -> Outbox:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return Outbox(sender_name=name, sender_address=address)


def _domain(address: str) -> str:
    return address.rpartition("@")[2] or "localhost"
