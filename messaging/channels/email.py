"""E-mail over SMTP, one connection per batch."""

import re
import smtplib
from contextlib import suppress
from email.utils import formataddr
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email

from messaging.models import Message, Outbox
from messaging.rendering import Rendered

from .base import Refused, TryLater, Unconfirmed

CONTROL: Final = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")


class _Watched:
    """Knows whether the server was given the body of the present mail: from then on silence proves nothing."""

    body_begun = False

    def mail(self, *args: Any, **kwargs: Any) -> Any:
        self.body_begun = False
        return super().mail(*args, **kwargs)  # type: ignore[misc]

    def getreply(self) -> tuple[int, bytes]:
        reply: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        self.body_begun = self.body_begun or reply[0] == 354  # "go ahead"; smtplib then sends the body
        return reply


class _Smtp(_Watched, smtplib.SMTP):
    pass


class _SmtpOverTls(_Watched, smtplib.SMTP_SSL):
    pass


class _Backend(EmailBackend):
    """Django's, with the watched connections. Time-outs and sign-in come from the settings."""

    connection: _Smtp | _SmtpOverTls | None

    @property
    def connection_class(self) -> type[_Smtp] | type[_SmtpOverTls]:
        return _SmtpOverTls if self.use_ssl else _Smtp


class EmailChannel:
    """Hands mails to the SMTP server of the settings."""

    kind = "email"

    def __init__(self) -> None:
        self._backend = _Backend()
        self._sent = 0  # over the present connection

    def connect(self) -> None:
        """Open the connection unless it is open."""
        try:
            if self._backend.open():
                self._sent = 0
        except OSError as error:  # smtplib's errors are OSErrors too
            raise TryLater("server_unreachable", _say(error)) from error

    def hand_over(self, message: Message, rendered: Rendered, *, unsubscribe_url: str) -> None:
        """Give the mail to the server."""
        mail = compose(message, rendered, unsubscribe_url=unsubscribe_url)
        try:
            self._send(mail)
        except TryLater:
            # Servers close a connection after some mails, or after a while: that is no failure of this one.
            if self._backend.connection is not None or not self._sent:
                raise
            self._send(mail)
        self._sent += 1

    def close(self) -> None:
        """Say good-bye."""
        with suppress(OSError):  # the server may have gone first
            self._backend.close()

    def _send(self, mail: EmailMultiAlternatives) -> None:
        self.connect()
        connection = self._backend.connection
        assert connection is not None
        try:
            self._backend.send_messages([mail])
        except OSError as error:
            if connection.sock is None:
                self._backend.connection = None
            raise _judge(error, body_begun=connection.body_begun) from error
        except ValueError as error:
            raise Refused("address_invalid", str(error)) from error


def compose(message: Message, rendered: Rendered, *, unsubscribe_url: str) -> EmailMultiAlternatives:
    """The mail as it leaves. Raises `Refused` for addresses that are none. Reads `message.outbox`."""
    outbox = message.outbox
    mail = EmailMultiAlternatives(
        subject=_one_line(rendered.subject),
        body=rendered.text,
        from_email=_sender(outbox),
        to=[_address(message.address, "address_invalid")],
        reply_to=[_address(outbox.reply_address, "sender_invalid")] if outbox.reply_address else None,
        headers={
            "Message-ID": f"<{message.message_id}>",  # the same in every attempt
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
        },
    )
    if rendered.html:
        mail.attach_alternative(rendered.html, "text/html")
    return mail


def _sender(outbox: Outbox) -> str:
    return formataddr((_one_line(outbox.sender_name), _address(outbox.sender_address, "sender_invalid")))


def _address(text: str, reason: str) -> str:
    """An address fit for a header: one, and in one line."""
    try:
        validate_email(text)
    except ValidationError as error:
        raise Refused(reason, text) from error
    return text


def _one_line(text: str) -> str:
    return CONTROL.sub(" ", text).strip()


def _judge(error: OSError, *, body_begun: bool) -> TryLater | Refused | Unconfirmed:
    """What an error means for the mail: 4xx try later, 5xx never; without an answer it depends on how far it came."""
    code, _words = _answer(error) or (0, "")
    if 400 <= code < 500:
        return TryLater("temporarily_refused", _say(error))
    if 500 <= code < 600:
        return Refused(_refused_by(error), _say(error))
    if body_begun:
        return Unconfirmed("no_answer", _say(error))
    return TryLater("server_unreachable", _say(error))


def _answer(error: OSError) -> tuple[int, bytes | str] | None:
    """The server's answer, if it gave one."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return next(iter(error.recipients.values()))
        case smtplib.SMTPResponseException():
            return int(error.smtp_code), error.smtp_error
        case smtplib.SMTPNotSupportedError():
            return 550, str(error)
    return None


def _refused_by(error: OSError) -> str:
    """The reason code for a refusal."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return "address_refused"
        case smtplib.SMTPSenderRefused():
            return "sender_refused"
    return "message_refused"


def _say(error: OSError) -> str:
    """The answer in words, for whoever looks at the message."""
    answer = _answer(error)
    if answer is None:
        return str(error) or type(error).__name__
    code, words = answer
    return f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"
