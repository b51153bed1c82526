"""Handing messages over, one at a time, so that a pause waits for one message and nothing is ever sent twice.

Each message has two transactions. The first takes it: queued -> sending, so that whatever happens next it is never
handed over by anybody else. The second hands it over and writes what came of it. Both begin with the outbox's lock
(shared, tried) and read the switch `held` in a second statement: read in the same one, it would be older than the
lock. The second transaction writes nothing before the hand-over, so it holds no row and keeps no vacuum waiting.
"""

import logging
import time
from enum import Enum, auto
from typing import Final

from django.db import DatabaseError, connection

from accounts.tenancy import account_scope, current_account_id
from records.models import Record
from scheduling.clock import now

from . import audience, lifecycle, tracking
from .channels import CHANNELS
from .channels.base import Channel, NotHandedOver, Refused, TryLater
from .claims import BATCH, LEASE, Claimed, claim, give_back
from .models import Content, Message, MessageStatus, Outbox
from .rendering import Rendered, RenderingFailed, render

logger = logging.getLogger(__name__)

SLICE: Final = 2.0  # seconds after which the worker lets others have a turn
GAPS: Final = (1, 5, 15, 60, 120, 240, 480)  # minutes before the next attempt
MAX_ATTEMPTS: Final = len(GAPS) + 1

CHECK = """
    select r.email, {asked_first} as is_asked_first, case
        when m.about_id is not null and (a.id is null or a.archived_at is not null) then 'record_deleted'
        when r.former_employee and r.archived_at is null then 'former_employee'
        when r.id is not null and r.archived_at is null then {why_not}
        when m.about_id is null then 'record_deleted'
        else 'no_contact' end
    from messaging_message m
    left join records_record r on r.account_id = m.account_id and r.id = m.record_id
    left join records_record a on a.account_id = m.account_id and a.id = m.about_id
    where m.account_id = %(account)s and m.id = %(id)s
"""


# Whether whoever wrote message `m` is about to look at its person again, so that it had better not leave before.
_asked_first = "false"


def register_asked_first(sql: str) -> None:
    """Let a higher package keep a message `m` back while that SQL is true."""
    global _asked_first  # once, as the apps are made ready
    _asked_first = sql


class Turn(Enum):
    """How a message's turn went."""

    TAKEN = auto()  # ours to hand over
    DONE = auto()  # nothing more to do with it
    EARLY = auto()  # its person is to be looked at first
    HELD = auto()  # its outbox says no: none of its messages may leave now
    CUT_OFF = auto()  # the channel cannot be reached: none of its messages can leave now


def deliver(account_id: int) -> bool:
    """Hand over a batch of the account's due messages; True when there is more to do at once."""
    claimed = claim(account_id)
    untouched = {one.id for one in claimed}
    channels: dict[str, Channel] = {}
    closed: set[int | str] = set()  # outboxes that are held, channels that cannot be reached
    done = 0
    stop_at = time.monotonic() + SLICE
    try:
        for one in claimed:
            if time.monotonic() > stop_at or not closed.isdisjoint((one.outbox_id, one.channel)):
                continue
            untouched.discard(one.id)
            channel = channels.setdefault(one.channel, CHANNELS[one.channel]())
            match _deliver_one(account_id, one, channel):
                case Turn.EARLY:
                    untouched.add(one.id)
                case Turn.HELD:
                    closed.add(one.outbox_id)
                    untouched.add(one.id)
                case Turn.CUT_OFF:
                    closed.add(one.channel)
                case _:
                    done += 1
    finally:
        for channel in channels.values():
            channel.close()
        give_back(account_id, sorted(untouched))
    return done > 0 and closed.isdisjoint(channels) and (len(claimed) == BATCH or bool(untouched))


def sweep(account_id: int) -> int:
    """Give up on messages whose worker died while it was sending them; returns how many.

    They may have left, so they are never sent again; whoever waits for the hand-over goes on.
    """
    with account_scope(account_id, durable=True):
        ids = lifecycle.move_many(
            "lose",
            "m.lease_until < clock_timestamp()",
            {"moment": now()},
            also="reason = 'worker_lost', sent_at = %(moment)s, lease_until = null",
        )
        for message in Message.objects.filter(pk__in=ids).order_by("pk"):
            lifecycle.record("message_handed_over", message, unconfirmed=True)
    return len(ids)


def _deliver_one(account_id: int, one: Claimed, channel: Channel) -> Turn:
    try:
        channel.connect()  # before any lock is held
    except TryLater as error:
        with account_scope(account_id, durable=True):
            message = Message.objects.filter(pk=one.id, status=MessageStatus.QUEUED).first()
            if message is not None:
                _put_off(message, error)
        return Turn.CUT_OFF
    with account_scope(account_id, durable=True):
        turn = _take(one)
    if turn is not Turn.TAKEN:
        return turn
    with account_scope(account_id, durable=True):
        return _hand_over(one, channel)


def _open_outbox(one: Claimed) -> Outbox | None:
    """The message's outbox if it may speak, locked so that it stays so until this transaction ends; else None."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock_shared(%s)", [one.lock_key])
        if not cursor.fetchone()[0]:
            return None
    return Outbox.objects.filter(pk=one.outbox_id, held=False).first()


def _take(one: Claimed) -> Turn:
    """queued -> sending, if the outbox may speak and the person may still be written to."""
    outbox = _open_outbox(one)
    if outbox is None:
        return Turn.HELD
    address, is_asked_first, reason = _look_up(one, outbox)
    if reason:
        _cancel(one, reason)
        return Turn.DONE
    if is_asked_first:
        return Turn.EARLY
    taken = lifecycle.move_many(
        "take",
        "m.id = %(id)s",
        {"id": one.id, "address": address},
        also=f"address = %(address)s, lease_until = clock_timestamp() + {LEASE}",
    )
    return Turn.TAKEN if taken else Turn.DONE  # cancelled, or taken by another worker, since it was claimed


def _look_up(one: Claimed, outbox: Outbox) -> tuple[str, bool, str | None]:
    """The person's address as it is now, whether they are to be looked at first, and why they may not be written to."""
    why_not, params = audience.why_not(outbox)
    with connection.cursor() as cursor:
        values = {**params, "account": current_account_id(), "id": one.id}
        cursor.execute(CHECK.format(why_not=why_not, asked_first=_asked_first), values)
        address, is_asked_first, reason = cursor.fetchone() or (None, False, "record_deleted")
    return address or "", is_asked_first, reason


def _cancel(one: Claimed, reason: str) -> None:
    cancelled = lifecycle.move_many(
        "cancel",
        "m.id = %(id)s and m.status = 'queued'",
        {"id": one.id, "reason": reason},
        also="reason = %(reason)s, lease_until = null",
    )
    for message in Message.objects.filter(pk__in=cancelled):
        lifecycle.record("message_cancelled", message, reason=reason)


def _hand_over(one: Claimed, channel: Channel) -> Turn:
    """sending -> sent, or what else comes of it."""
    outbox = _open_outbox(one)
    message = Message.objects.filter(pk=one.id, status=MessageStatus.SENDING).first()
    if message is None:
        return Turn.DONE  # this worker was held up for so long that the sweep gave the message up
    if outbox is None or message.reason:
        lifecycle.release(message)
        return Turn.HELD if outbox is None else Turn.DONE
    message.outbox = outbox
    try:
        rendered = _render(message)
        channel.hand_over(message, rendered, unsubscribe_url=tracking.unsubscribe_url(message))
    except NotHandedOver as error:
        _write_failure(message, error)
        return Turn.DONE
    if _finish("send", message, sent=True):
        lifecycle.record("message_handed_over", message)
    return Turn.DONE


def _render(message: Message) -> Rendered:
    """As the content and the record are now, so that edits reach what has not left."""
    content = Content.objects.filter(pk=message.content_id).first()
    if content is None:
        raise Refused("content_deleted")
    try:
        people = Record.objects.in_bulk([message.record_id, message.about_id or message.record_id])
        contact, record = people[message.record_id], people[message.about_id or message.record_id]
        return render(content, record, contact=contact, links=tracking.links(message))
    except RenderingFailed as error:
        raise Refused("rendering_failed", str(error)) from error
    except DatabaseError:
        raise
    except Exception as error:
        # Left alone, the message would stay `sending` and look as if it might have left.
        logger.exception("message %s cannot be rendered", message.pk)
        raise Refused("rendering_failed", type(error).__name__) from error


def _write_failure(message: Message, error: NotHandedOver) -> None:
    match error:
        case TryLater():
            _put_off(message, error)
        case Refused():
            _fail(message, error)
        case _:
            logger.warning("message %s unconfirmed: %s", message.pk, error)
            if _finish("lose", message, reason=error.reason, sent=True):
                lifecycle.record("message_handed_over", message, unconfirmed=True)


def _put_off(message: Message, error: TryLater) -> None:
    """Back into the queue for a later attempt; failed after the last."""
    if message.attempts + 1 >= MAX_ATTEMPTS:
        _fail(message, error)
    else:
        lifecycle.release(message, after_minutes=GAPS[message.attempts], failed_attempt=True)


def _fail(message: Message, error: NotHandedOver) -> None:
    if _finish("fail", message, reason=error.reason):
        lifecycle.record("message_failed", message, reason=error.reason, answer=error.answer)


def _finish(verb: str, message: Message, *, reason: str = "", sent: bool = False) -> bool:
    """End the message's story; False when it has moved since it was read: the sweep, or another worker, has it."""
    return bool(
        lifecycle.move_many(
            verb,
            "m.id = %(id)s and m.status = %(status)s",
            {"id": message.pk, "status": message.status, "reason": reason, "sent_at": now() if sent else None},
            also="reason = %(reason)s, sent_at = %(sent_at)s, lease_until = null, attempts = m.attempts + 1",
        )
    )
