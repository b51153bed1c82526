"""E-mail: what the mail looks like, and what each answer of an SMTP server does to its message."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope
from devstack.ports import free_port
from messaging.delivery import GAPS, MAX_ATTEMPTS, deliver, sweep
from messaging.models import Content, Message, Outbox
from scheduling import clock
from tests.make import make_contact, make_contacts
from tests.messaging.post import Server, events, expire_leases, fresh, queue_for, queue_one, statuses


def test_a_message_leaves_with_everything_a_mail_program_wants_to_know(acme: Account, smtp: Server) -> None:
    message = queue_one(acme, first_name="Kari")
    assert deliver(acme.pk) is False
    (mail,) = smtp.mails
    assert (mail.sender, mail.to) == ("news@acme.example", ["kari@example.com"])
    headers = mail.parsed
    assert headers["From"] == "Acme <news@acme.example>"
    assert headers["Reply-To"] == "reply@acme.example"
    assert headers["To"] == "kari@example.com"
    assert headers["Subject"] == "Welcome"
    assert mail.message_id == f"<{message.message_id}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    way_out = headers["List-Unsubscribe"].strip()
    assert way_out.startswith("<http")
    assert f'href="{way_out.strip("<>")}"' in mail.part("html")
    assert "Hi Kari" in mail.part("html")
    assert mail.part("plain").splitlines()[0] == "Hi Kari"


@pytest.mark.parametrize(
    "address",
    ["kari", "kari@", "kari@example.com\r\nBcc: x@y.z", "a@b.example, c@d.example", "kåre@example.com", "a b@c.no"],
)
def test_what_is_no_address_fails(acme: Account, smtp: Server, address: str) -> None:
    message = queue_one(acme, address)
    deliver(acme.pk)
    assert (smtp.attempts, fresh(message).status, fresh(message).reason) == ([], "failed", "address_invalid")


@pytest.mark.parametrize("columns", [{"sender_address": "x"}, {"reply_address": "r@x.no\nBcc: y@x.no"}])
def test_a_sender_that_is_no_address_fails(acme: Account, smtp: Server, columns: dict[str, str]) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Outbox.objects.update(**columns)
    deliver(acme.pk)
    assert (smtp.attempts, fresh(message).reason) == ([], "sender_invalid")


def test_nothing_can_be_added_to_the_headers(acme: Account, smtp: Server) -> None:
    queue_one(acme, first_name="Kari\r\nBcc: everyone@example.com\r\n\r\n<b>Body</b>")
    with account_scope(acme.pk):
        Outbox.objects.update(sender_name="Acme\r\nBcc: everyone@example.com")
        Content.objects.update(subject="Hi {{ first_name }}\n\nX-Evil: 1")
    deliver(acme.pk)
    (mail,) = smtp.mails
    assert mail.to == ["kari@example.com"]
    assert (mail.parsed["Bcc"], mail.parsed["X-Evil"]) == (None, None)
    assert mail.parsed["Subject"] == "Hi Kari Bcc: everyone@example.com <b>Body</b> X-Evil: 1"
    assert mail.parsed["From"].addresses[0].addr_spec == "news@acme.example"


def test_names_and_subjects_of_any_script_arrive(acme: Account, smtp: Server) -> None:
    queue_one(acme, "kari@blåbær.example", first_name="Åse 🎉")
    with account_scope(acme.pk):
        Outbox.objects.update(sender_name='Blåbær, "AS"')
        Content.objects.update(subject="Hei {{ first_name }} " + "på deg " * 20)
    deliver(acme.pk)
    (mail,) = smtp.mails
    assert mail.to == ["kari@xn--blbr-roah.example"]
    assert mail.parsed["From"].addresses[0].display_name == 'Blåbær, "AS"'
    assert mail.parsed["Subject"].strip() == ("Hei Åse 🎉 " + "på deg " * 20).strip()
    assert "Hi Åse 🎉" in mail.part("plain")


# --- Servers that say no ---


def test_a_temporary_refusal_is_tried_again_with_growing_gaps_and_the_same_message_id(
    acme: Account, smtp: Server
) -> None:
    message = queue_one(acme)
    smtp.to_body["kari@example.com"] = "451 Come back later"
    for gap in GAPS:
        deliver(acme.pk)
        after = fresh(message)
        assert after.status == "queued"
        assert after.due_at - clock.now() == timedelta(minutes=gap)
        deliver(acme.pk)
        assert fresh(message).attempts == after.attempts
        clock.forward(timedelta(minutes=gap))
    assert events(acme) == []
    deliver(acme.pk)
    after = fresh(message)
    assert (after.status, after.reason, after.attempts) == ("failed", "temporarily_refused", MAX_ATTEMPTS)
    assert smtp.attempts == [f"<{message.message_id}>"] * MAX_ATTEMPTS
    (event,) = events(acme)
    assert event.kind == "message_failed"
    assert event.detail["reason"] == "temporarily_refused"
    assert event.detail["answer"] == "451 Come back later"


def test_a_message_that_got_through_at_last_is_sent(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    smtp.to_recipient["kari@example.com"] = "450 Greylisted"
    deliver(acme.pk)
    smtp.to_recipient.clear()
    clock.forward(timedelta(minutes=1))
    deliver(acme.pk)
    assert (fresh(message).status, fresh(message).attempts, len(smtp.mails)) == ("sent", 2, 1)


@pytest.mark.parametrize(
    ("where", "answer", "reason"),
    [
        ("to_recipient", "550 No such person", "address_refused"),
        ("to_body", "554 Spam", "message_refused"),
        ("to_sender", "553 Not yours", "sender_refused"),
    ],
)
def test_a_permanent_refusal_fails_at_once(acme: Account, smtp: Server, where: str, answer: str, reason: str) -> None:
    message = queue_one(acme)
    setattr(smtp, where, answer if where == "to_sender" else {"kari@example.com": answer})
    deliver(acme.pk)
    after = fresh(message)
    assert (after.status, after.reason, after.attempts) == ("failed", reason, 1)
    (event,) = events(acme)
    assert (event.kind, event.detail["answer"]) == ("message_failed", answer)


def test_one_refusal_does_not_stop_the_others(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        records = [make_contact(email=f"{n}@example.com") for n in range(6)]
        queue_for(records)
    smtp.to_recipient["1@example.com"] = "550 No"
    smtp.to_body["2@example.com"] = "451 Later"
    smtp.hangs_up_on.add("3@example.com")
    smtp.hangs_up_at_recipient.add("4@example.com")
    deliver(acme.pk)
    assert statuses(acme) == ["sent", "failed", "queued", "unconfirmed", "queued", "sent"]
    assert [mail.to for mail in smtp.mails] == [["0@example.com"], ["5@example.com"]]


def test_an_unreachable_server_is_tried_again(acme: Account, smtp: Server, settings: Any) -> None:
    message = queue_one(acme)
    settings.EMAIL_PORT = free_port()
    assert deliver(acme.pk) is False
    after = fresh(message)
    assert (after.status, after.attempts, after.lease_until) == ("queued", 1, None)
    assert after.due_at == clock.now() + timedelta(minutes=1)


def test_an_unreachable_server_costs_one_message_an_attempt_not_all(acme: Account, smtp: Server, settings: Any) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(10))
    working = settings.EMAIL_PORT
    settings.EMAIL_PORT = free_port()
    assert deliver(acme.pk) is False
    with account_scope(acme.pk):
        assert Message.objects.filter(attempts=0, lease_until=None).count() == 9
    settings.EMAIL_PORT = working
    deliver(acme.pk)
    assert len(smtp.mails) == 9


def test_a_server_that_takes_one_mail_per_connection_gets_them_all(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(5))
    smtp.one_mail_per_connection = True
    deliver(acme.pk)
    assert statuses(acme) == ["sent"] * 5
    assert len(set(smtp.attempts)) == len(smtp.attempts) == 5


def test_a_server_that_hangs_up_before_the_body_has_taken_nothing(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    smtp.hangs_up_at_recipient.add("kari@example.com")
    deliver(acme.pk)
    assert (fresh(message).status, fresh(message).attempts) == ("queued", 1)


def test_silence_after_the_body_is_unconfirmed_and_never_sent_again(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    smtp.hangs_up_on.add("kari@example.com")
    deliver(acme.pk)
    after = fresh(message)
    assert (after.status, after.reason, after.lease_until) == ("unconfirmed", "no_answer", None)
    (event,) = events(acme)
    assert (event.kind, event.detail["unconfirmed"]) == ("message_handed_over", True)
    smtp.hangs_up_on.clear()
    clock.forward(timedelta(days=30))
    expire_leases(acme)
    assert (deliver(acme.pk), sweep(acme.pk)) == (False, 0)
    assert len(smtp.attempts) == 1


def test_a_time_out_after_the_body_is_unconfirmed(acme: Account, smtp: Server, settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    message = queue_one(acme)
    smtp.takes = lambda: 0.8
    deliver(acme.pk)
    assert fresh(message).status == "unconfirmed"
