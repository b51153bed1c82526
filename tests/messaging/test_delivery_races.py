"""Several workers, pauses that must be exact, and workers that are killed. On committed rows, as in production."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections, transaction

from accounts.models import Account
from accounts.tenancy import account_scope
from messaging import claims, delivery, lifecycle
from messaging.channels import CHANNELS
from messaging.delivery import Turn, deliver, sweep
from messaging.models import Message, Outbox
from tests.make import make_contact, make_contacts
from tests.messaging.post import LOCK_KEY, Server, events, expire_leases, fresh, make_outbox, queue_for, queue_one

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def in_threads(n: int, work: Callable[[], object]) -> Iterator[None]:
    """Run `work` in `n` threads beside the block; what one raises fails the test."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(n)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    assert raised == []


def set_held(account: Account, held: bool) -> None:
    """What pause() and resume() do to the first outbox: the lock alone, the switch, commit."""
    with account_scope(account.pk, durable=True), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [LOCK_KEY])
        Outbox.objects.filter(lock_key=LOCK_KEY).update(held=held)


def test_when_pause_has_returned_nothing_leaves_until_resume(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(2_000))
    random, stop = Random(1), threading.Event()
    smtp.takes = lambda: 0.005 if random.random() < 0.9 else 0.08

    def work() -> None:
        while not stop.is_set():
            if not deliver(acme.pk):
                time.sleep(0.005)

    pauses = []
    with in_threads(3, work):
        try:
            for _ in range(12):
                before = len(smtp.mails)
                while len(smtp.mails) < before + 5:
                    time.sleep(0.005)
                asked = time.monotonic()
                set_held(acme, True)
                paused = time.monotonic()
                left = len(smtp.mails)
                time.sleep(0.15)
                assert len(smtp.mails) == left, "a message left a paused flow"
                assert all(mail.begun_at < paused for mail in smtp.mails)
                pauses.append(paused - asked)
                set_held(acme, False)
        finally:
            stop.set()
    with account_scope(acme.pk):
        assert Message.objects.filter(status__in=["failed", "unconfirmed", "cancelled"]).count() == 0
        assert Message.objects.filter(status="sent").count() == len(smtp.mails)
    assert len(set(smtp.attempts)) == len(smtp.attempts)
    assert max(pauses) < 2, pauses  # a pause waits for the messages being handed over, never for a batch


def test_workers_side_by_side_send_each_message_once(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(150))
        queue_for(make_contacts(50), origin="second:")

    def work() -> None:
        while claims.accounts_with_due():
            deliver(acme.pk)

    with in_threads(4, work):
        pass
    with account_scope(acme.pk):
        assert set(Message.objects.values_list("status", flat=True)) == {"sent"}
    assert len(smtp.attempts) == len(set(smtp.attempts)) == 200
    assert sorted(event.detail["message_id"] for event in events(acme)) == sorted(
        {event.detail["message_id"] for event in events(acme)}
    )


def test_a_verb_at_work_is_not_waited_for(acme: Account, smtp: Server) -> None:
    with account_scope(acme.pk):
        queue_for(make_contacts(5))
    held, done = threading.Event(), threading.Event()

    def verb() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [LOCK_KEY])
            held.set()
            done.wait(20)

    with in_threads(1, verb):
        assert held.wait(20)
        began = time.monotonic()
        assert deliver(acme.pk) is False
        took = time.monotonic() - began
        done.set()
    assert took < 5
    assert smtp.attempts == []
    with account_scope(acme.pk):
        assert Message.objects.filter(status="queued", lease_until=None, attempts=0).count() == 5
    deliver(acme.pk)
    assert len(smtp.mails) == 5


def test_a_pause_between_taking_and_handing_over_sends_the_message_back(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    one = take(acme, message)
    set_held(acme, True)
    assert hand_over(acme, one) is Turn.HELD
    after = fresh(message)
    assert (smtp.attempts, after.status, after.lease_until, after.attempts) == ([], "queued", None, 0)
    assert after.due_at == message.due_at
    set_held(acme, False)
    deliver(acme.pk)
    assert fresh(message).status == "sent"


def test_whoever_leaves_between_taking_and_handing_over_gets_nothing(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    one = take(acme, message)
    with account_scope(acme.pk):
        lifecycle.cancel("select %(key)s", {"key": message.origin_key}, reason="left_flow")
    hand_over(acme, one)
    assert (smtp.attempts, fresh(message).status, fresh(message).reason) == ([], "cancelled", "left_flow")


def test_an_end_while_a_message_goes_out_leaves_it_sent(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    smtp.goes_on.clear()

    with in_threads(1, lambda: deliver(acme.pk)):
        assert smtp.body_came.wait(20)
        with account_scope(acme.pk):
            lifecycle.cancel("select %(key)s", {"key": message.origin_key}, reason="flow_ended")
        smtp.goes_on.set()
    assert (fresh(message).status, fresh(message).reason, len(smtp.mails)) == ("sent", "", 1)


def test_a_worker_killed_after_the_body_leaves_one_message_unconfirmed_and_the_rest_for_others(
    acme: Account, smtp: Server
) -> None:
    with account_scope(acme.pk):
        queue_for([make_contact(email=f"{n}@example.com") for n in range(5)])
    smtp.goes_on.clear()
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(acme.pk)], env=worker_environment(), cwd=django_settings.BASE_DIR
    )
    try:
        assert smtp.body_came.wait(60)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    smtp.goes_on.set()
    assert wait_until(lambda: len(smtp.mails) == 1)  # the server took it; nobody was left to hear so
    assert (deliver(acme.pk), len(smtp.attempts)) == (False, 1)
    expire_leases(acme)
    sweep(acme.pk)
    deliver(acme.pk)
    with account_scope(acme.pk):
        assert sorted(Message.objects.values_list("status", flat=True)) == ["sent"] * 4 + ["unconfirmed"]
    assert len(smtp.attempts) == len(set(smtp.attempts)) == 5
    kinds = [(event.kind, event.detail.get("unconfirmed", False)) for event in events(acme)]
    assert sorted(kinds) == [("message_handed_over", False)] * 4 + [("message_handed_over", True)]


def test_nothing_is_locked_or_written_while_the_server_thinks(acme: Account, smtp: Server) -> None:
    message = queue_one(acme)
    smtp.goes_on.clear()
    with in_threads(1, lambda: deliver(acme.pk)):
        assert smtp.body_came.wait(20)
        with account_scope(acme.pk), connection.cursor() as cursor:
            Message.objects.select_for_update(nowait=True).get(pk=message.pk)
            cursor.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%%'"
                " and (backend_xid is not null or backend_xmin is not null) and pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] == 0
        smtp.goes_on.set()
    assert fresh(message).status == "sent"


# --- How ---

WORKER = """
import sys
import django
django.setup()
from messaging.delivery import deliver
deliver(int(sys.argv[1]))
"""


def worker_environment() -> dict[str, str]:
    """The environment of a worker process on this test's database and mail server."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    mail = f"smtp://{django_settings.EMAIL_HOST}:{django_settings.EMAIL_PORT}"
    return {
        **os.environ,
        "DATABASE_URL": urlunsplit(url),
        "EMAIL_URL": mail,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(django_settings.BASE_DIR),
    }


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.01)
    return condition()


def take(account: Account, message: Message) -> claims.Claimed:
    """The first half of a delivery."""
    (one,) = claims.claim(account.pk)
    assert one.id == message.pk
    with account_scope(account.pk, durable=True):
        assert delivery._take(one) is Turn.TAKEN
    assert fresh(message).status == "sending"
    return one


def hand_over(account: Account, one: claims.Claimed) -> Turn:
    """The second half."""
    channel = CHANNELS[one.channel]()
    channel.connect()
    try:
        with account_scope(account.pk, durable=True):
            return delivery._hand_over(one, channel)
    finally:
        channel.close()


def test_the_first_outbox_has_the_lock_that_these_tests_take(acme: Account) -> None:
    with account_scope(acme.pk):
        assert make_outbox().lock_key == LOCK_KEY
