"""The switch pressed in two browsers at once: what both want is no clash."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows.locks import try_shared
from flows.models import Flow, FlowStatus
from tests.make import EVERY_RECORD, make_flow
from tests.web.conftest import Browsers

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


def test_two_who_turn_a_flow_on_at_once_both_find_it_started_once(acme: Account, browser_of: Browsers) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], schedule={"frequency": "daily"}, criteria=EVERY_RECORD)
    browsers = [browser_of(acme), browser_of(acme)]

    def press(browser: Client) -> int:
        try:
            return browser.post(f"/acme/flows/{flow.pk}/toggle/", {"turn": "on"}, HTTP_HX_REQUEST="true").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as threads:
        with account_scope(acme.pk):
            assert try_shared(flow.pk)  # whoever wants to start it waits here, and has seen that it is off
            answers = [threads.submit(press, browser) for browser in browsers]
            until_both_wait()
        assert [answer.result() for answer in answers] == [200, 200]
    with account_scope(acme.pk):
        assert Flow.objects.get().status == FlowStatus.RUNNING
        assert History.objects.filter(subject="flow", verb="start").count() == 1


def until_both_wait() -> None:
    """Until two connections wait for the flow's lock (or 100,000 looks have not seen them)."""
    with connection.cursor() as cursor:
        for _ in range(100_000):
            cursor.execute(WAITING)
            if cursor.fetchone()[0] == 2:
                return
    raise AssertionError("They did not both wait for the flow.")
