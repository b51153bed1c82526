"""The moves of messages: each is queued once, and moves only along the table."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Account
from accounts.tenancy import account_scope
from messaging import lifecycle
from messaging.models import Message, MessageStatus, Outbox
from scheduling import clock
from tests.make import make_contact, make_contacts, make_content

SOURCE = """
    select r.id as record_id, null::bigint as about_id, r.email as address,
        'participant:' || r.id || ':1' as origin_key,
        %(content)s::bigint as content_id, %(outbox)s::bigint as outbox_id, 7::bigint as flow_id, 2 as depth
    from records_record r where r.id = any(%(records)s)
"""


@pytest.fixture(autouse=True)
def _in_acme(acme: Account) -> Iterator[None]:
    with account_scope(acme.pk):
        yield


def source_params(*records: Any, sender: str = "news@acme.example") -> dict[str, Any]:
    outbox = Outbox.objects.create(lock_key=1, sender_address=sender)
    return {"content": make_content().pk, "outbox": outbox.pk, "records": [record.pk for record in records]}


def make_message(status: str = MessageStatus.QUEUED, reason: str = "") -> Message:
    record = make_contact()
    lifecycle.queue(SOURCE, source_params(record))
    Message.objects.filter(record=record).update(status=status, reason=reason)
    return Message.objects.get(record=record)


def test_a_set_of_messages_is_queued_at_once_with_what_the_source_says() -> None:
    records = make_contacts(3)
    params = source_params(*records)
    assert lifecycle.queue(SOURCE, params) == 3
    first = Message.objects.order_by("origin_key").first()
    assert first is not None
    assert (first.status, first.channel, first.flow_id, first.depth) == ("queued", "email", 7, 2)
    assert first.address == records[0].properties["email"]
    assert first.due_at == first.created_at == clock.now()


def test_the_same_origin_gets_no_second_message() -> None:
    records = make_contacts(3)
    params = source_params(*records)
    assert lifecycle.queue(SOURCE, {**params, "records": [records[1].pk]}) == 1
    assert lifecycle.queue(SOURCE, params) == 2
    assert lifecycle.queue(SOURCE, params) == 0
    assert Message.objects.count() == 3


def test_the_message_id_is_of_the_account_and_origin_and_names_the_senders_domain(globex: Account) -> None:
    record = make_contact()
    params = source_params(record)
    lifecycle.queue(SOURCE, params)
    first = Message.objects.get().message_id
    local, domain = first.split("@")
    assert domain == "acme.example"
    assert len(local) == 32
    assert set(local) <= set("0123456789abcdef")
    Message.objects.all().delete()
    lifecycle.queue(SOURCE, params)
    assert Message.objects.get().message_id == first
    with account_scope(globex.pk):
        same_key = SOURCE.replace("r.id || ':1'", "%(key)s || ':1'")
        lifecycle.queue(same_key, {**source_params(make_contact()), "key": str(record.pk)})
        assert Message.objects.get().message_id != first


@pytest.mark.parametrize("sender", ["", "news@blåbær.example", "news@" + "a" * 190 + ".no", "news@x\r\nBcc: y"])
def test_the_message_id_falls_back_to_the_sites_host(sender: str, settings: Any) -> None:
    settings.SITE_URL = "https://flyt.example:8443"
    lifecycle.queue(SOURCE, source_params(make_contact(), sender=sender))
    assert Message.objects.get().message_id.endswith("@flyt.example")


def test_messages_move_only_along_the_table() -> None:
    for verb, status in product(lifecycle.MOVES, MessageStatus.values):
        message = make_message(status)
        sources, target = lifecycle.MOVES[verb]
        moved = lifecycle.move_many(verb, "m.id = %(id)s", {"id": message.pk})
        message.refresh_from_db()
        allowed = status in sources
        assert (moved, message.status) == (([message.pk], target) if allowed else ([], status)), (verb, status)


def test_an_unknown_status_is_refused_by_the_database() -> None:
    message = make_message()
    with pytest.raises(IntegrityError, match="message_status_is_known"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(status="lost")


def test_cancelling_reaches_queued_messages_of_the_origins_named() -> None:
    mine, other = make_message(), make_message()
    keys = "select origin_key from messaging_message where id = %(id)s"
    assert lifecycle.cancel(keys, {"id": mine.pk}, reason="left") == [mine.pk]
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.status, mine.reason) == ("cancelled", "left")
    assert (other.status, other.reason) == ("queued", "")


@pytest.mark.parametrize("status", ["sent", "failed", "unconfirmed", "cancelled"])
def test_cancelling_leaves_final_messages_alone(status: str) -> None:
    message = make_message(status, reason="before")
    assert lifecycle.cancel("select %(key)s", {"key": message.origin_key}, reason="left") == []
    message.refresh_from_db()
    assert (message.status, message.reason) == (status, "before")


def test_a_message_cancelled_while_it_is_being_sent_does_not_return_to_the_queue() -> None:
    message = make_message(MessageStatus.SENDING)
    lifecycle.cancel("select %(key)s", {"key": message.origin_key}, reason="left")
    message.refresh_from_db()
    assert message.status == "sending"
    lifecycle.release(message)
    message.refresh_from_db()
    assert (message.status, message.reason) == ("cancelled", "left")


def test_a_released_message_waits_as_long_as_it_was_told() -> None:
    message = make_message(MessageStatus.SENDING)
    lifecycle.release(message, after_minutes=15, failed_attempt=True)
    message.refresh_from_db()
    assert (message.status, message.attempts, message.lease_until) == ("queued", 1, None)
    assert (message.due_at - clock.now()).total_seconds() == 15 * 60


def test_verbs_of_one_account_do_not_move_anothers_messages(globex: Account) -> None:
    message = make_message()
    with account_scope(globex.pk):
        assert lifecycle.move_many("cancel", "true", {}) == []
        assert lifecycle.cancel("select %(key)s", {"key": message.origin_key}, reason="left") == []
    message.refresh_from_db()
    assert message.status == "queued"
