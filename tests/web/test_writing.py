"""Writing a content and importing a file in a browser: what scripts do between the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from accounts.tenancy import account_scope
from messaging.models import Content
from records.import_chunks import import_chunk
from records.models import Import
from tests.make import make_contact, make_content
from tests.web.test_browser import account, chromium, signed_in

__all__ = ["account", "chromium"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def context(chromium: Browser, account: Account, live_server: LiveServer) -> Iterator[BrowserContext]:
    """A browser of an owner."""
    made = chromium.new_context(base_url=live_server.url)
    signed_in(made, account, live_server)
    yield made
    made.close()


@pytest.fixture
def tab(context: BrowserContext) -> Iterator[Page]:
    """A tab; a script that fails, or that the policy stops, fails the test."""
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
    yield page
    assert faults == []


@pytest.fixture
def content(account: Account) -> Content:
    """A content, and somebody to see it as."""
    with account_scope(account.pk):
        make_contact("kathe@example.com", first_name="Käthe", city="Borås")
        return make_content(subject="Hi", html="<p>Hi</p>")


def saved(content: Content) -> Content:
    """As it is in the database."""
    with account_scope(content.account_id):
        return Content.objects.get(pk=content.pk)


def test_what_is_typed_is_saved_and_seen(tab: Page, content: Content) -> None:
    tab.goto(f"/acme/contents/{content.pk}/")
    tab.get_by_label("Subject").fill("Hi {{ first_name }}")
    expect(tab.locator("#save-state")).to_have_attribute("data-state", "unsaved")
    expect(tab.locator("#save-state")).to_contain_text("Saved")
    expect(tab.locator(".inbox-line")).to_contain_text("Hi Käthe")
    assert saved(content).subject == "Hi {{ first_name }}"
    tab.get_by_label("HTML of the e-mail").fill("<p>Hei {{ first_name }}")
    expect(tab.frame_locator(".letter-page").locator("p").first).to_have_text("Hei Käthe")


def test_a_merge_field_goes_to_the_cursor_ready_for_its_default(tab: Page, content: Content) -> None:
    tab.goto(f"/acme/contents/{content.pk}/")
    tab.get_by_label("Subject").click()
    tab.keyboard.press("Home")
    tab.get_by_text("Merge field").click()
    tab.get_by_role("button", name="City").click()
    tab.keyboard.type("nowhere")
    expect(tab.get_by_label("Subject")).to_have_value('{{ city | default: "nowhere" }}Hi')
    for _letter in "nowhere+":
        tab.keyboard.press("Control+z")
    expect(tab.get_by_label("Subject")).to_have_value("Hi")


def test_a_heading_takes_in_what_is_chosen(tab: Page, content: Content) -> None:
    tab.goto(f"/acme/contents/{content.pk}/")
    page = tab.get_by_label("HTML of the e-mail")
    page.fill("Winter")
    page.select_text()
    tab.get_by_role("button", name="Heading").click()
    expect(page).to_have_value("<h2>Winter</h2>\n")


def test_a_fault_is_marked_and_the_text_part_is_behind_its_tab(tab: Page, content: Content) -> None:
    tab.goto(f"/acme/contents/{content.pk}/")
    text = tab.get_by_role("textbox", name="Plain text")
    expect(text).to_be_hidden()
    tab.get_by_role("tab", name="Plain text").click()
    expect(tab.get_by_role("button", name="Heading")).to_be_hidden()
    text.fill("{{ first_name | shout }}")
    expect(tab.locator("#error-text")).to_contain_text("There is no filter “shout”")
    expect(text).to_have_attribute("aria-invalid", "true")
    expect(tab.get_by_role("tab", name="Plain text")).to_have_attribute("data-faulty", "")
    text.fill("Hi {{ first_name }}")
    expect(text).to_have_attribute("aria-invalid", "false")
    expect(tab.locator("#save-state")).to_contain_text("Saved")


def test_nothing_typed_is_lost_without_a_connection(tab: Page, context: BrowserContext, content: Content) -> None:
    tab.goto(f"/acme/contents/{content.pk}/")
    context.set_offline(True)
    tab.get_by_label("Subject").fill("Written in a tunnel")
    expect(tab.locator("#save-state")).to_have_text("Not saved. Trying again…")
    context.set_offline(False)
    expect(tab.locator("#save-state")).to_contain_text("Saved", timeout=15_000)
    assert saved(content).subject == "Written in a tunnel"


def test_nothing_typed_is_lost_with_the_session(
    tab: Page, context: BrowserContext, account: Account, live_server: LiveServer, content: Content
) -> None:
    tab.goto(f"/acme/contents/{content.pk}/")
    context.clear_cookies(name="sessionid")
    tab.get_by_label("Subject").fill("Written too late")
    tab.wait_for_url("**/login/**")
    signed_in(context, account, live_server)
    tab.goto(f"/acme/contents/{content.pk}/")
    expect(tab.get_by_label("Subject")).to_have_value("Written too late")
    expect(tab.locator("#save-state")).to_contain_text("Saved")
    assert saved(content).subject == "Written too late"


def test_of_two_tabs_the_second_is_told_and_may_keep_its_own(
    tab: Page, context: BrowserContext, content: Content
) -> None:
    other = context.new_page()
    for page in (tab, other):
        page.goto(f"/acme/contents/{content.pk}/")
    tab.get_by_label("Subject").fill("First")
    expect(tab.locator("#save-state")).to_contain_text("Saved")
    other.get_by_label("Subject").fill("Second")
    expect(other.locator("#save-state")).to_contain_text("somebody else changed it")
    assert saved(content).subject == "First"
    other.get_by_role("button", name="Keep mine").click()
    expect(other.locator("#save-state")).to_contain_text("Saved")
    assert saved(content).subject == "Second"


def test_what_is_typed_before_the_answer_to_a_change_is_there_stays(
    tab: Page, account: Account, tmp_path: Path
) -> None:
    with account_scope(account.pk):
        make_contact()
    file = tmp_path / "kunder.csv"
    file.write_text("E-post;Ort\nkathe@example.com;Moss\n")
    tab.goto("/acme/imports/")
    tab.get_by_label("File").set_input_files(file)
    tab.get_by_role("button", name="Look at the file").click()
    tab.get_by_label("Ort becomes").wait_for()
    tab.wait_for_load_state()  # a change before the scripts are there asks nothing
    held: list[Route] = []
    tab.route("**/settle/", lambda route: held.append(route))
    with tab.expect_request("**/settle/"):
        tab.get_by_label("Ort becomes").select_option(label="Do not import")
    tab.get_by_label("Name of the list").fill("Kunder 2026")
    with tab.expect_response("**/settle/"):
        held.pop().continue_()
    tab.unroute("**/settle/")
    expect(tab.get_by_label("Name of the list")).to_have_value("Kunder 2026")
    with tab.expect_response("**/settle/"):
        tab.get_by_label("Name of the list").blur()
    expect(tab.get_by_text("Left out")).to_be_visible()
    expect(tab.get_by_label("Name of the list")).to_have_value("Kunder 2026")


def test_a_file_is_looked_at_corrected_and_imported(tab: Page, account: Account, tmp_path: Path) -> None:
    with account_scope(account.pk):
        make_contact()
    file = tmp_path / "kunder.csv"
    file.write_bytes("E-post;Född\nkathe@example.com;29.02.1984\nola@example.com;snart\n".encode("cp1252"))
    tab.goto("/acme/imports/")
    tab.get_by_label("File").set_input_files(file)
    tab.get_by_role("button", name="Look at the file").click()
    tab.get_by_label("Född becomes").focus()
    tab.get_by_label("Född becomes").select_option(label="Date of birth")
    expect(tab.get_by_text("1 row does not fit")).to_be_visible()
    expect(tab.get_by_label("Född becomes")).to_be_focused()
    tab.get_by_label("Name of the list").fill("Kunder 2026")
    tab.get_by_role("button", name="Import 2 rows").click()
    expect(tab.get_by_text("Waiting for a worker to begin.")).to_be_visible()
    with account_scope(account.pk):
        (import_id,) = Import.objects.values_list("pk", flat=True)
    while import_chunk(account.pk, import_id):
        pass
    expect(tab.get_by_role("heading", name="1 row imported")).to_be_visible()
    tab.get_by_role("link", name="Open the list").click()
    expect(tab.get_by_role("heading", name="Kunder 2026")).to_be_visible()
    expect(tab.get_by_role("link", name="kathe@example.com")).to_be_visible()
