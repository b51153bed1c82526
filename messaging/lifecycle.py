"""The lifecycle of a message: queued -> sending -> sent | failed | cancelled | unconfirmed.

The only writer of `Message.status`, on sets. Messages write no history: the row and its events are the story.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from accounts.history import Moves
from accounts.tenancy import current_account_id
from records.events import record_events
from scheduling.clock import now

from .models import Message, MessageStatus

MOVES: Final[Moves] = {
    "take": (frozenset({MessageStatus.QUEUED}), MessageStatus.SENDING),  # a worker is about to hand it over
    # Refused by a pause, or to be tried later (a queued one only waits longer).
    "release": (frozenset({MessageStatus.QUEUED, MessageStatus.SENDING}), MessageStatus.QUEUED),
    "send": (frozenset({MessageStatus.SENDING}), MessageStatus.SENT),  # the channel has taken it
    "fail": (frozenset({MessageStatus.QUEUED, MessageStatus.SENDING}), MessageStatus.FAILED),  # it never will
    "cancel": (frozenset({MessageStatus.QUEUED, MessageStatus.SENDING}), MessageStatus.CANCELLED),
    "lose": (frozenset({MessageStatus.SENDING}), MessageStatus.UNCONFIRMED),  # whether it left is not known
}

Parameters = Mapping[str, Any]

# `any(array(...))` looks each row up; a join may be planned as a walk over all messages of the account.
MOVE = """
    with chosen as (
        select m.id from messaging_message m
        where m.account_id = %(move_account)s and m.status = any(%(move_sources)s) and ({where})
        order by m.id for no key update
    )
    update messaging_message m set status = %(move_target)s{also}
    where m.account_id = %(move_account)s and m.id = any(array(select id from chosen))
    returning m.id
"""

# The hash needs no extension: sha256, convert_to and encode are in every PostgreSQL.
QUEUE = """
    insert into messaging_message (
        account_id, outbox_id, origin_key, record_id, about_id, content_id, channel, address, status, reason,
        attempts, due_at, message_id, flow_id, depth, created_at
    )
    select
        %(queue_account)s, s.outbox_id, s.origin_key, s.record_id, s.about_id, s.content_id, %(queue_channel)s,
        s.address, 'queued', '', 0, %(queue_moment)s,
        left(encode(sha256(convert_to(%(queue_account)s || ':' || s.origin_key, 'UTF8')), 'hex'), 32)
            || '@' || coalesce(substring(o.sender_address from '@([A-Za-z0-9.-]{{1,160}})$'), %(queue_host)s),
        s.flow_id, s.depth, %(queue_moment)s
    from ({source}) s
    join messaging_outbox o on o.account_id = %(queue_account)s and o.id = s.outbox_id
    order by s.origin_key
    on conflict (account_id, origin_key) do nothing
"""

# A message that is being sent cannot be stopped any more, but one that then comes back to the queue (refused
# by a pause, or to be tried later) must not leave: the reason stays on it as a wish, which `release` obeys.
CANCEL = """
    with chosen as (
        select m.id from messaging_message m
        where m.account_id = %(cancel_account)s and m.status = any(%(cancel_sources)s)
            and m.origin_key = any(array({origin_keys}))
        order by m.id for no key update
    )
    update messaging_message m set reason = %(cancel_reason)s,
        status = case when m.status = 'queued' then %(cancel_target)s else m.status end,
        lease_until = case when m.status = 'queued' then null else m.lease_until end
    where m.account_id = %(cancel_account)s and m.id = any(array(select id from chosen))
    returning m.id
"""


def queue(source: str, params: Parameters, *, channel: str = "email") -> int:
    """Queue the messages that a SELECT describes; returns how many are new.

    `source` gives record_id (the person), about_id (the record it is about, null for the person's own), address
    (the person's), origin_key (at most 64 characters), content_id, outbox_id, flow_id (null for none) and depth. An
    origin_key that already has a message gets no second one, so the same source may run again. The Message-ID is
    fixed here, the same for every attempt.
    """
    values = {
        **params,
        "queue_account": current_account_id(),
        "queue_channel": channel,
        "queue_moment": now(),
        "queue_host": urlsplit(settings.SITE_URL).hostname or "localhost",
    }
    with connection.cursor() as cursor:
        cursor.execute(QUEUE.format(source=source), values)
        return int(cursor.rowcount)


def cancel(origin_keys: str, params: Parameters, *, reason: str) -> list[int]:
    """Cancel the unsent messages whose origin_key the SELECT `origin_keys` gives; returns their ids.

    Those being handed over at this moment are cancelled only if they come back to the queue.
    """
    sources, target = MOVES["cancel"]
    values = {
        **params,
        "cancel_account": current_account_id(),
        "cancel_sources": sorted(sources),
        "cancel_target": target,
        "cancel_reason": reason,
    }
    return _ids(CANCEL.format(origin_keys=origin_keys), values)


def release(message: Message, *, after_minutes: int = 0, failed_attempt: bool = False) -> None:
    """Put a message that did not leave back into the queue, or cancel it if that was asked for meanwhile.

    It keeps its place in the queue unless it is told to wait. Nothing happens if it has moved since it was read:
    then it is another worker's.
    """
    values = {
        "id": message.pk,
        "status": message.status,
        "moment": now(),
        "minutes": after_minutes,
        "failed": int(failed_attempt),
    }
    back = move_many(
        "release",
        "m.id = %(id)s and m.status = %(status)s and m.reason = ''",
        values,
        also="""lease_until = null, attempts = m.attempts + %(failed)s, due_at = case when %(minutes)s = 0
            then m.due_at else %(moment)s + make_interval(mins => %(minutes)s) end""",
    )
    if not back and message.status == MessageStatus.SENDING:
        move_many("cancel", "m.id = %(id)s and m.status = 'sending'", values, also="lease_until = null")


def move_many(verb: str, where: str, params: Parameters, *, also: str = "") -> list[int]:
    """Move the messages `m` that meet `where` by a verb of `MOVES`; returns the ids of those that moved.

    Messages that stand in another status are left alone. `also` sets further columns in the same statement.
    """
    sources, target = MOVES[verb]
    values = {
        **params,
        "move_account": current_account_id(),
        "move_sources": sorted(sources),
        "move_target": target,
    }
    return _ids(MOVE.format(where=where, also=f", {also}" if also else ""), values)


def record(kind: str, message: Message, **detail: Any) -> None:
    """Write an event about a message on its person, and on the record it is about, in the name of its flow.

    On both: the person's story tells of it, and whoever waits in the flow for it is the record.
    """
    about = {"message_id": message.pk, "origin_key": message.origin_key, "content_id": message.content_id}
    concerned = [each for each in (message.record_id, message.about_id) if each is not None]
    record_events(kind, concerned, {**about, **detail}, flow_id=message.flow_id, depth=message.depth)


def _ids(statement: str, values: Parameters) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]
