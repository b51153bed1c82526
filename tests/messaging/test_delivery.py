"""A message on its way out: what leaves, what does not and why, what is tried again and when."""

from datetime import timedelta
from typing import Any

from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope
from messaging import claims, delivery, lifecycle, tasks
from messaging.channels.base import TryLater
from messaging.delivery import deliver, sweep
from messaging.models import Content, Message, Outbox, Suppression
from records.models import Consent, Record
from scheduling import clock
from tests.make import make_contact, make_contacts, make_content
from tests.messaging.post import Server, events, expire_leases, fresh, make_outbox, queue_for, queue_one, statuses


def change(message: Message, **columns: Any) -> None:
    with account_scope(message.account_id):
        Message.objects.filter(pk=message.pk).update(**columns)


# --- What leaves ---


def test_a_message_that_left_is_sent_and_an_event_says_so(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    deliver(acme.pk)
    after = fresh(message)
    assert (after.status, after.attempts, after.lease_until, after.reason) == ("sent", 1, None, "")
    assert after.sent_at == clock.now()
    (event,) = events(acme)
    assert (event.kind, event.record_id, event.flow_id, event.depth) == (
        "message_handed_over",
        message.record_id,
        11,
        3,
    )
    assert event.detail == {
        "message_id": message.pk,
        "origin_key": message.origin_key,
        "content_id": message.content_id,
    }


def test_a_message_leaves_once_however_often_delivery_runs(acme: Account, smtp: Server) -> None:
    queue_one(acme)
    for _ in range(3):
        deliver(acme.pk)
    assert len(smtp.mails) == 1


def test_an_edit_reaches_what_has_not_left(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Content.objects.filter(pk=message.content_id).update(subject="Corrected")
        Record.objects.filter(pk=message.record_id).update(properties={"email": "new@example.com", "first_name": "Ola"})
    deliver(acme.pk)
    (mail,) = smtp.mails
    assert mail.parsed["Subject"] == "Corrected"
    assert mail.to == ["new@example.com"]
    assert "Hi Ola" in mail.part("html")
    assert fresh(message).address == "new@example.com"


def test_a_later_message_waits_for_its_time(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    change(message, due_at=clock.now() + timedelta(hours=1))
    deliver(acme.pk)
    assert smtp.mails == []
    clock.forward(timedelta(hours=1))
    deliver(acme.pk)
    assert len(smtp.mails) == 1


def test_nothing_leaves_a_held_outbox(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Outbox.objects.update(held=True)
    assert deliver(acme.pk) is False
    assert claims.accounts_with_due() == []
    assert (smtp.mails, fresh(message).status) == ([], "queued")
    with account_scope(acme.pk):
        Outbox.objects.update(held=False)
    assert claims.accounts_with_due() == [acme.pk]
    deliver(acme.pk)
    assert fresh(message).status == "sent"


def test_a_batch_at_a_time_until_nothing_is_left(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(claims.BATCH + 10))
    runs = 1
    while deliver(acme.pk):
        runs += 1
    assert statuses(acme) == ["sent"] * (claims.BATCH + 10)
    assert runs >= 2


def test_a_large_flow_does_not_keep_a_small_one_waiting(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(200))
        queue_for([make_contact(email="small@example.com")], origin="small:")
    deliver(acme.pk)
    assert len(smtp.to("small@example.com")) == 1


def test_each_account_delivers_its_own(acme: Account, globex: Account, smtp: Server) -> None:
    ours, theirs = queue_one(acme, "ours@example.com"), queue_one(globex, "theirs@example.com")
    deliver(acme.pk)
    assert (fresh(ours).status, fresh(theirs).status) == ("sent", "queued")
    assert claims.accounts_with_due() == [globex.pk]
    assert events(globex) == []


# --- Who may no longer be written to ---


def test_consent_is_looked_at_again_at_hand_over(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Record.objects.update(consent=Consent.WITHDRAWN)
    deliver(acme.pk)
    after = fresh(message)
    assert (smtp.mails, after.status, after.reason, after.lease_until) == ([], "cancelled", "no_consent", None)
    (event,) = events(acme)
    assert (event.kind, event.detail["reason"]) == ("message_cancelled", "no_consent")


def test_who_has_left_their_employer_is_not_written_to(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Record.objects.update(former_employee=True)
    deliver(acme.pk)
    assert (smtp.mails, fresh(message).status, fresh(message).reason) == ([], "cancelled", "former_employee")


def test_suppression_is_looked_at_again_at_hand_over(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Suppression.objects.create(address="kari@example.com", reason="complained")
    deliver(acme.pk)
    assert (smtp.mails, fresh(message).reason) == ([], "address_suppressed")


def test_a_deleted_or_erased_record_is_not_written_to(acme: Account, smtp: Server) -> None:
    archived, erased = queue_one(acme, "a@example.com"), queue_one(acme, "b@example.com")
    with account_scope(acme.pk):
        Record.objects.filter(pk=archived.record_id).update(archived_at=clock.now())
        Record.objects.filter(pk=erased.record_id).delete()
    deliver(acme.pk)
    assert smtp.mails == []
    assert {fresh(archived).reason, fresh(erased).reason} == {"record_deleted"}


def test_a_record_that_lost_its_address_is_not_written_to(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Record.objects.update(properties={})
    deliver(acme.pk)
    assert (smtp.mails, fresh(message).reason) == ([], "no_address")


def test_a_message_cancelled_in_the_queue_stays_there(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        lifecycle.cancel("select %(key)s", {"key": message.origin_key}, reason="left_flow")
    deliver(acme.pk)
    assert (smtp.mails, fresh(message).reason, events(acme)) == ([], "left_flow", [])


# --- Messages that cannot be made ---


def test_a_content_that_cannot_be_rendered_fails_and_says_why(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Content.objects.update(html="{{ first_name | shout }}")
    deliver(acme.pk)
    assert (smtp.attempts, fresh(message).status, fresh(message).reason) == ([], "failed", "rendering_failed")
    (event,) = events(acme)
    assert "shout" in event.detail["answer"]


def test_a_deleted_content_fails(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Content.objects.all().delete()
    deliver(acme.pk)
    assert (fresh(message).status, fresh(message).reason) == ("failed", "content_deleted")


# --- Leases ---


def test_a_message_on_lease_is_left_alone_until_the_lease_runs_out(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    assert [one.id for one in claims.claim(acme.pk)] == [message.pk]
    assert claims.claim(acme.pk) == []
    assert claims.accounts_with_due() == []
    expire_leases(acme)
    assert claims.accounts_with_due() == [acme.pk]
    deliver(acme.pk)
    assert fresh(message).status == "sent"


def test_moving_the_clock_by_months_ends_no_lease(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    (one,) = claims.claim(acme.pk)
    with account_scope(acme.pk):
        assert delivery._take(one) is delivery.Turn.TAKEN
    clock.forward(timedelta(days=90))
    assert (claims.accounts_with_lost(), sweep(acme.pk), claims.claim(acme.pk)) == ([], 0, [])
    assert fresh(message).status == "sending"


def test_what_a_worker_did_not_get_to_is_free_at_once(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(20))
    smtp.takes = lambda: 0.5
    assert deliver(acme.pk) is True
    with account_scope(acme.pk):
        left = Message.objects.filter(status="queued")
        assert 10 <= left.count() < 20
        assert left.exclude(lease_until=None).count() == 0


def test_a_message_lost_with_its_worker_is_unconfirmed_and_goes_on_as_sent(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    (one,) = claims.claim(acme.pk)
    with account_scope(acme.pk):
        delivery._take(one)  # and here the worker dies
    assert sweep(acme.pk) == 0
    expire_leases(acme)
    assert claims.accounts_with_lost() == [acme.pk]
    tasks.sweep_unconfirmed()
    after = fresh(message)
    assert (after.status, after.reason) == ("unconfirmed", "worker_lost")
    assert after.sent_at is not None
    (event,) = events(acme)
    assert (event.kind, event.detail["unconfirmed"], event.detail["message_id"]) == (
        "message_handed_over", True, message.pk,
    )  # fmt: skip
    deliver(acme.pk)
    assert smtp.attempts == []


def test_a_worker_that_was_swept_away_does_not_hand_over(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    (one,) = claims.claim(acme.pk)
    with account_scope(acme.pk):
        delivery._take(one)
    expire_leases(acme)
    sweep(acme.pk)
    channel = delivery.CHANNELS["email"]()
    channel.connect()
    with account_scope(acme.pk):
        delivery._hand_over(one, channel)
    channel.close()
    assert (smtp.attempts, fresh(message).status, len(events(acme))) == ([], "unconfirmed", 1)


def test_a_worker_whose_lease_ran_out_disturbs_nobody(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    (late,) = claims.claim(acme.pk)
    expire_leases(acme)
    (mine,) = claims.claim(acme.pk)
    with account_scope(acme.pk):
        read_before = Message.objects.get(pk=message.pk)
        assert delivery._take(mine) is delivery.Turn.TAKEN
        assert delivery._take(late) is delivery.Turn.DONE
        Outbox.objects.update(held=True)
        assert delivery._take(late) is delivery.Turn.HELD
        delivery._put_off(read_before, TryLater("server_unreachable"))
        read_before.attempts = delivery.MAX_ATTEMPTS
        delivery._put_off(read_before, TryLater("server_unreachable"))
    claims.give_back(acme.pk, [late.id])
    after = fresh(message)
    assert (after.status, after.attempts, events(acme)) == ("sending", 0, [])
    assert after.lease_until is not None


def test_frozen_messages_cost_the_look_for_work_nothing(acme: Account) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(3_000), outbox=make_outbox(held=True))
        queue_for(make_contacts(1), outbox=make_outbox(), content=make_content(), origin="open:")
    with account_scope(acme.pk), connection.cursor() as cursor:
        values = {"account": acme.pk, "batch": claims.BATCH, "moment": clock.now()}
        cursor.execute("set local enable_seqscan = off")
        cursor.execute(f"explain (analyze, buffers off, costs off, timing off, summary off) {claims.CLAIM}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "messages_to_deliver" in plan
    rows = [int(float(line.split("rows=")[1].split()[0])) for line in plan.splitlines() if "rows=" in line]
    assert max(rows) <= 10, plan
