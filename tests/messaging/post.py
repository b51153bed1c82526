"""A real SMTP server that tests can make difficult, and messages on their way to it."""

import email
import email.policy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope
from messaging import lifecycle
from messaging.models import Content, Message, Outbox
from records.models import Event, Record
from tests.make import make_contact, make_content, make_subscription_type

LOCK_KEY = 7_001  # of the first outbox; every other has the next
SOURCE = """
    select r.id as record_id, null::bigint as about_id, r.email as address,
        %(origin)s || r.id as origin_key, %(content)s::bigint as content_id,
        %(outbox)s::bigint as outbox_id, %(flow)s::bigint as flow_id, 3 as depth
    from records_record r where r.id = any(%(records)s)
"""


@dataclass
class Mail:
    """A mail as the server took it."""

    sender: str
    to: list[str]
    content: bytes
    begun_at: float  # time.monotonic() when the body was there
    parsed: EmailMessage = field(init=False)

    def __post_init__(self) -> None:
        self.parsed = email.message_from_bytes(self.content, policy=email.policy.default)  # type: ignore[assignment]

    @property
    def message_id(self) -> str:
        return str(self.parsed["Message-ID"])

    def part(self, kind: str) -> str:
        body = self.parsed.get_body((kind,))
        assert body is not None
        return str(body.get_content())


class Server:
    """Answers by what a test has set: `answers` by recipient, to RCPT or to DATA; `hangs_up` instead of an answer."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.attempts: list[str] = []  # Message-IDs of every body that came, taken or not
        self.to_recipient: dict[str, str] = {}
        self.to_body: dict[str, str] = {}
        self.to_sender = ""
        self.hangs_up_on: set[str] = set()  # after the body, without an answer
        self.hangs_up_at_recipient: set[str] = set()
        self.one_mail_per_connection = False
        self.takes: Callable[[], float] = lambda: 0.0  # seconds to take a body
        self.body_came = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.one_mail_per_connection and getattr(session, "mails", 0):
            server.transport.abort()
        if self.to_sender:
            return self.to_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.hangs_up_at_recipient:
            server.transport.abort()
        if address in self.to_recipient:
            return self.to_recipient[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = Mail(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content or b"", time.monotonic())
        self.attempts.append(mail.message_id)
        self.body_came.set()
        self.goes_on.wait(30)  # the server has one thread: a test that holds it back holds everybody
        time.sleep(self.takes())
        (address,) = envelope.rcpt_tos
        if address in self.hangs_up_on:
            server.transport.abort()
            return "250 never heard"
        if address in self.to_body:
            return self.to_body[address]
        self.mails.append(mail)
        session.mails = getattr(session, "mails", 0) + 1  # type: ignore[attr-defined]
        return "250 Taken"

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if mail.to == [address]]


class Running(Controller):
    """The server in a thread of this process."""

    def __init__(self, server: Server, port: int) -> None:
        super().__init__(server, hostname="127.0.0.1", port=port, server_hostname="localhost")


def make_outbox(*, held: bool = False, **fields: Any) -> Outbox:
    """An open outbox of its own lock."""
    return Outbox.objects.create(
        **{
            "lock_key": LOCK_KEY + Outbox.objects.count(),
            "held": held,
            "sender_name": "Acme",
            "sender_address": "news@acme.example",
            "reply_address": "reply@acme.example",
            "subscription_type": make_subscription_type(),
            **fields,
        }
    )


def queue_for(
    records: list[Record], *, outbox: Outbox | None = None, content: Content | None = None, origin: str = "test:"
) -> None:
    """A queued message to each of `records`."""
    lifecycle.queue(
        SOURCE,
        {
            "records": [record.pk for record in records],
            "outbox": (outbox or make_outbox()).pk,
            "content": (content or make_content(html="<p>Hi {{ first_name }}</p>")).pk,
            "flow": 11,
            "origin": origin,
        },
    )


def queue_one(account: Account, address: str = "kari@example.com", **properties: Any) -> Message:
    """A queued message to a new contact, through an outbox of its own."""
    with account_scope(account.pk):
        record = make_contact(email=address, **properties)
        queue_for([record])
        return Message.objects.select_related("outbox").get(record=record)


def fresh(message: Message) -> Message:
    """The message as it is now."""
    with account_scope(message.account_id):
        return Message.objects.get(pk=message.pk)


def events(account: Account) -> list[Event]:
    """Every event of an account, in order."""
    with account_scope(account.pk):
        return list(Event.objects.order_by("id"))


def expire_leases(account: Account) -> None:
    """As if the leases had run out: their workers are gone."""
    with account_scope(account.pk), connection.cursor() as cursor:
        cursor.execute(
            "update messaging_message set lease_until = clock_timestamp() - interval '1 second' "
            "where lease_until is not null"
        )


def statuses(account: Account) -> list[str]:
    """The statuses of an account's messages, in the order they were queued."""
    with account_scope(account.pk):
        return list(Message.objects.order_by("id").values_list("status", flat=True))
