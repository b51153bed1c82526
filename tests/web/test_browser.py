"""The pages in a browser: scripts and htmx under the strict policy, and the same without scripts."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from messaging.models import Content
from tests.make import make_flow
from tests.web.conftest import make_member
from tests.web.test_inbox import put_mail

pytestmark = pytest.mark.django_db(transaction=True)

LAST_DAY = {"frequency": "monthly", "days": [31]}


# Other sessions of this database that are in a transaction.
AT_WORK = """
select count(*) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid() and state <> 'idle'
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; `dev.py test` says where it is."""
    with sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        yield playwright.chromium.launch(executable_path=os.environ["FLYT_CHROMIUM"], args=["--no-sandbox"])
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def account(transactional_db: None, acme: Account) -> Iterator[Account]:
    """Acme, committed. What a closed browser had asked is answered before the tables are emptied: both would wait for
    each other."""
    yield acme
    with connection.cursor() as cursor:
        for _look in range(200):
            cursor.execute(AT_WORK)
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.05)


def signed_in(context: BrowserContext, account: Account, live_server: LiveServer) -> None:
    """Give the browser the session of a new owner."""
    client = Client()
    client.force_login(make_member(account))
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])


@pytest.fixture
def page(chromium: Browser, account: Account, live_server: LiveServer) -> Iterator[Page]:
    """A tab of an owner. A script that fails, or that the policy stops, fails the test."""
    context = chromium.new_context(base_url=live_server.url)
    signed_in(context, account, live_server)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status" not in message.text:
            complaints.append(message.text)

    tab = context.new_page()
    tab.on("console", hear)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    context.close()
    assert complaints == []


@pytest.fixture
def flow(account: Account) -> Flow:
    """A flow that can be turned on."""
    with account_scope(account.pk):
        return make_flow(["send_email", "wait 2 days"], name="Welcome", schedule=LAST_DAY)


def status_of(flow: Flow) -> str:
    """As it is in the database."""
    with account_scope(flow.account_id):
        return str(Flow.objects.get(pk=flow.pk).status)


def test_the_switch_in_a_row_turns_the_flow_on_and_off_in_place(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    page.evaluate("document.body.dataset.same = 'yes'")
    switch = page.get_by_role("switch", name="Running: Welcome")
    row = page.locator(f"#flow-{flow.pk}")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(row.locator(".pill")).to_have_text("Running")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(row.locator(".pill")).to_have_text("Paused")
    assert page.evaluate("document.body.dataset.same") == "yes", "the page was loaded anew"
    assert status_of(flow) == FlowStatus.PAUSED


def test_the_large_switch_draws_the_header_anew(page: Page, flow: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/")
    page.get_by_role("switch").click()
    expect(page.locator(".page-lead")).to_contain_text("Nobody is in the flow now. Next run")
    expect(page.locator("#flow-head")).to_have_count(1)


def test_a_refusal_says_why_and_can_be_closed(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    with account_scope(flow.account_id):
        Content.objects.update(subject="")  # after the page was drawn: it then still offers the switch
    page.get_by_role("switch", name="Running: Welcome").click()
    toast = page.get_by_role("alert")
    expect(toast).to_contain_text("Write a subject.")
    expect(page.get_by_role("switch", name="Running: Welcome")).to_have_attribute("aria-checked", "false")
    expect(page.locator(f"#flow-{flow.pk}")).to_have_count(1)
    expect(page.get_by_role("switch", name="Running: Welcome")).to_have_attribute("aria-disabled", "true")
    expect(page.locator(f"#flow-{flow.pk} .problem")).to_have_attribute("data-severity", "error")
    toast.get_by_role("button", name="Close").click()
    expect(toast).to_have_count(0)
    assert status_of(flow) == FlowStatus.NOT_RUNNING


def test_icons_are_drawn(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    page.wait_for_function("document.querySelector('.nav-link svg.icon use').getBBox().width > 5")


def test_the_page_looks_the_same_way_the_person_chose(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    page.locator(".sidebar-foot summary").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_logging_out_from_the_menu(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    page.locator(".sidebar-foot summary").click()
    page.locator(".sidebar-foot").get_by_role("button", name="Log out").click()
    expect(page).to_have_url("/login/")


def test_a_session_that_ended_leads_to_the_login(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("switch", name="Running: Welcome").click()
    expect(page).to_have_url("/login/?next=/acme/flows/")


def test_without_scripts_the_switch_works_too(
    chromium: Browser, account: Account, live_server: LiveServer, flow: Flow
) -> None:
    context = chromium.new_context(base_url=live_server.url, java_script_enabled=False)
    signed_in(context, account, live_server)
    page = context.new_page()
    page.goto("/acme/flows/?status=not_running")
    page.get_by_role("switch", name="Running: Welcome").click()
    expect(page).to_have_url("/acme/flows/?status=not_running")
    assert status_of(flow) == FlowStatus.RUNNING
    context.close()


def test_a_mail_is_shown_with_its_own_looks_and_without_rights(
    chromium: Browser,
    account: Account,
    live_server: LiveServer,
    tmp_path: Path,
    settings,  # type: ignore[no-untyped-def]
) -> None:
    settings.INBOX_DIR = str(tmp_path)
    html = (
        '<html><head></head><body onload="document.title = 1"><p style="color: rgb(1, 2, 3)">Hei</p>'
        "<script>document.querySelector('p').textContent = 'changed'</script>"
        f'<a href="{live_server.url}/healthz">Read</a></body></html>'
    )
    name = put_mail(tmp_path, account, html=html)
    context = chromium.new_context(base_url=live_server.url)
    signed_in(context, account, live_server)
    page = context.new_page()
    page.goto(f"/acme/inbox/{name}/")
    letter = page.frame_locator("iframe")
    expect(letter.locator("p")).to_have_text("Hei")
    expect(letter.locator("p")).to_have_css("color", "rgb(1, 2, 3)")
    with context.expect_page() as opened:
        letter.get_by_role("link", name="Read").click()
    expect(opened.value).to_have_url("/healthz")
    expect(page).to_have_url(f"/acme/inbox/{name}/")
    context.close()
