"""Signed links in messages, and what happens when somebody follows one.

A token names its account, so that nobody needs to sign in, and cannot be made or altered without the site's key. It
holds no time: a message rendered again has the same links, and a way out works for as long as the mail is kept.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.signing import BadSignature, Signer

from accounts.models import Account
from accounts.tenancy import account_scope, current_account_id
from records.events import record_events
from records.models import Consent, Record
from scheduling.clock import now

from . import lifecycle
from .models import Message, Outbox, Subscription, SubscriptionType
from .rendering import Links

CLICK: Final = Signer(salt="messaging.click")
UNSUBSCRIBE: Final = Signer(salt="messaging.unsubscribe")
EVERYTHING: Final = "everything"
THIS_TYPE: Final = "type"


class BadToken(ValueError):
    """A link that was not made here, or was cut short."""


@dataclass(frozen=True)
class Invitation:
    """What an unsubscribe link is about."""

    account_id: int
    account_name: str
    message_id: int
    record_id: int
    type_id: int | None
    type_name: str  # empty: consent alone covers the message


def click_url(message: Message, url: str) -> str:
    """The counted address that leads to `url`."""
    return f"{settings.SITE_URL}/c/{_sign(CLICK, [message.account_id, message.pk, url])}"


def unsubscribe_url(message: Message) -> str:
    """The way out of the messages that `message` belongs to. Reads `message.outbox`.

    Record and type stand in the token: the link outlives the message, its flow and its outbox.
    """
    about = [message.account_id, message.pk, message.record_id, message.outbox.subscription_type_id]
    return f"{settings.SITE_URL}/u/{_sign(UNSUBSCRIBE, about)}"


def links(message: Message) -> Links:
    """The links of a message that is about to leave."""
    return Links(click=lambda url: click_url(message, url), unsubscribe_url=unsubscribe_url(message))


def trial_links(outbox: Outbox | None) -> Links:
    """The links of a test: as written, and a way out that shows its page and, being about nobody, changes nothing."""
    about = [current_account_id(), 0, 0, outbox.subscription_type_id if outbox else None]
    return Links(click=lambda url: url, unsubscribe_url=f"{settings.SITE_URL}/u/{_sign(UNSUBSCRIBE, about)}")


def target(token: str) -> str:
    """The address behind a counted link. Raises `BadToken`."""
    return str(_read(CLICK, token, 3)[2])


def clicked(token: str) -> str:
    """Count a click; returns the address to go on to. Raises `BadToken`."""
    account_id, message_id, url = _read(CLICK, token, 3)
    with account_scope(account_id):
        message = Message.objects.filter(pk=message_id).first()
        if message is not None:  # it goes with its flow, and its links still lead somewhere
            lifecycle.record("link_clicked", message, url=url)
    return str(url)


def invitation(token: str) -> Invitation:
    """What an unsubscribe link is about. Raises `BadToken`."""
    account_id, message_id, record_id, type_id = _read(UNSUBSCRIBE, token, 4)
    with account_scope(account_id):
        account = Account.objects.filter(pk=account_id).first()
        if account is None:
            raise BadToken("The account is gone.")
        type = SubscriptionType.objects.filter(pk=type_id).first() if type_id else None
    return Invitation(
        account_id=account_id,
        account_name=account.name,
        message_id=message_id,
        record_id=record_id,
        type_id=type.pk if type else None,
        type_name=type.name if type else "",
    )


def is_out_of(about: Invitation) -> str:
    """What the person has turned down already: `EVERYTHING`, `THIS_TYPE`, or "" when the e-mails may still come."""
    with account_scope(about.account_id):
        if Record.objects.filter(pk=about.record_id, consent=Consent.WITHDRAWN).exists():
            return EVERYTHING
        words = Subscription.objects.filter(record_id=about.record_id, type_id=about.type_id, subscribed=False)
        return THIS_TYPE if about.type_id and words.exists() else ""


def unsubscribe(token: str, scope: str = THIS_TYPE) -> Invitation:
    """Write no more messages of the link's subscription type, or with `EVERYTHING` none at all. Raises `BadToken`.

    Without a subscription type the consent is withdrawn. Asking twice changes nothing more.
    """
    about = invitation(token)
    everything = scope == EVERYTHING or about.type_id is None
    with account_scope(about.account_id):
        if Record.objects.select_for_update(no_key=True).filter(pk=about.record_id).first() is None:
            return about  # erased meanwhile: nothing is left to write to
        if _withdraw(about.record_id) if everything else _decline(about.record_id, about.type_id):
            detail = {"scope": EVERYTHING if everything else THIS_TYPE, "subscription_type": about.type_id}
            message = Message.objects.filter(pk=about.message_id).first()
            if message is None:
                record_events("unsubscribed", [about.record_id], detail)
            else:
                lifecycle.record("unsubscribed", message, **detail)
    return about


def _withdraw(record_id: int) -> int:
    consenting = Record.objects.filter(pk=record_id).exclude(consent=Consent.WITHDRAWN)
    return consenting.update(consent=Consent.WITHDRAWN, consent_at=now(), updated_at=now())


def _decline(record_id: int, type_id: int | None) -> bool:
    """True when that was news. The caller holds the record's row, so that two requests cannot both be first."""
    word, is_new = Subscription.objects.get_or_create(
        record_id=record_id, type_id=type_id, defaults={"subscribed": False, "source": "unsubscribe_link"}
    )
    if is_new or not word.subscribed:
        return is_new
    Subscription.objects.filter(pk=word.pk).update(subscribed=False, source="unsubscribe_link", at=now())
    return True


def _sign(signer: Signer, values: list[Any]) -> str:
    return signer.sign_object(values, compress=True)


def _read(signer: Signer, token: str, size: int) -> list[Any]:
    try:
        values = signer.unsign_object(token)
    except (BadSignature, ValueError) as error:
        raise BadToken("The link is not complete.") from error
    if len(values) != size:
        raise BadToken("The link is not complete.")
    return list(values)
