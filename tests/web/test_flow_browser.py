"""A flow's pages in a browser: counts that change without getting in the way, dialogs, drawers, search."""

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account, Member
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from tests.make import make_contact, make_contacts, make_flow, make_participant, steps_of
from tests.web.test_browser import account, chromium, page, status_of

__all__ = ["account", "chromium", "page"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def flow(account: Account) -> Flow:
    """A flow that runs, with one person in it."""
    with account_scope(account.pk):
        made = make_flow(["wait 2 days", "wait 3 days"], name="Welcome", status=FlowStatus.RUNNING)
        make_participant(made, make_contact(first_name="Kari", last_name="Nygård"), step=steps_of(made)[0])
        return made


def enrol_more(flow: Flow, people: int = 2) -> None:
    """More people come in while the page is open."""
    with account_scope(flow.account_id):
        for record in make_contacts(people):
            make_participant(flow, record, step=steps_of(flow)[0])


def test_counts_change_in_place_on_every_tab(page: Page, flow: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/")
    figure = page.locator(".stat", has_text="In progress").locator(".stat-figure")
    expect(figure).to_have_text("1")
    enrol_more(flow)
    expect(figure).to_have_text("3", timeout=15_000)
    expect(page.locator("#enrolled")).to_have_text("3")
    expect(page.locator(".page-lead")).to_contain_text("3 people are moving")
    page.get_by_role("link", name="Flow", exact=True).click()
    card = page.locator(f"#card-{steps_of_in(flow)}")
    expect(card.locator(".step-here")).to_contain_text("3")
    enrol_more(flow, 1)
    expect(card.locator(".step-here")).to_contain_text("4", timeout=15_000)


def steps_of_in(flow: Flow) -> int:
    """The id of the first step."""
    with account_scope(flow.account_id):
        return int(steps_of(flow)[0].pk)


def test_a_tab_that_nobody_sees_asks_nothing(page: Page, flow: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/")
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away ?? true, configurable: true})")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(9_000)  # more than twice the time between two questions
    assert asked == []
    # Its answer too: what is still asked when the test is over meets the emptying of the tables.
    with page.expect_response(lambda answer: answer.request.headers.get("hx-target") == "live", timeout=15_000):
        page.evaluate("window.away = false")


def test_an_open_menu_is_not_taken_away(page: Page, flow: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/")
    page.locator("#flow-head details.menu summary").click()
    enrol_more(flow)
    expect(page.locator("#live .stat-figure").first).to_have_text("3", timeout=15_000)
    expect(page.get_by_text("End flow…")).to_be_visible()


def test_somebody_who_was_removed_is_told_once(page: Page, flow: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/")
    with account_scope(flow.account_id):
        Member.objects.all().delete()
    expect(page.get_by_role("alert")).to_have_count(1, timeout=15_000)
    page.wait_for_timeout(9_000)
    expect(page.get_by_role("alert")).to_have_count(1)


def test_a_story_opens_beside_the_list_and_closes_with_escape(page: Page, flow: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/participants/")
    name = page.get_by_role("link", name="Kari Nygård")
    name.click()
    drawer = page.get_by_role("dialog", name="Kari Nygård")
    expect(drawer).to_contain_text("Enrolled by hand")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(name).to_be_focused()


def test_a_step_opens_with_its_own_address_and_gives_it_back(page: Page, flow: Flow) -> None:
    chart = f"/acme/flows/{flow.pk}/chart/"
    page.goto(chart)
    step = steps_of_in(flow)
    page.locator(f"#card-{step} a").click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Kari Nygård")
    expect(page).to_have_url(re.compile(re.escape(f"{chart}?step={step}") + "$"))
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).to_have_count(0)
    expect(page).to_have_url(re.compile(re.escape(chart) + "$"))
    page.goto(f"{chart}?step={step}")
    expect(page.get_by_text("2 days").last).to_be_visible()


def test_the_question_before_an_end_has_the_focus_on_cancel_and_says_the_number(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    page.locator(f"#flow-{flow.pk} details.menu summary").click()
    page.get_by_text("End flow…").click()
    question = page.get_by_role("dialog", name="End “Welcome”?")
    expect(question).to_contain_text("1 person is cancelled for good.")
    expect(question.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    assert status_of(flow) == FlowStatus.RUNNING
    page.locator(f"#flow-{flow.pk} details.menu summary").click()
    page.get_by_text("End flow…").click()
    question.get_by_role("button", name="End flow and cancel 1").click()
    expect(page.locator("#flow-head .pill")).to_have_attribute("data-status", "not_running")
    expect(page.get_by_role("status")).to_contain_text("“Welcome” has ended.")


def test_search_opens_with_a_slash_is_walked_with_arrows_and_not_while_one_types(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    field = page.get_by_placeholder("Find a flow")
    field.click()
    page.keyboard.press("/")
    expect(page.locator("#search")).not_to_be_visible()
    expect(field).to_have_value("/")
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator("#search-words")).to_be_focused()
    page.keyboard.type("nyg")
    expect(page.locator("#found a").first).to_contain_text("Kari Nygård")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kari Nygård")
    page.keyboard.press("Control+k")
    page.keyboard.type("welc")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/acme/search/?q=welc")
    expect(page.locator("main").get_by_role("link", name="Welcome")).to_be_visible()


def test_the_menu_of_a_row_comes_when_it_is_opened(page: Page, flow: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/participants/")
    page.wait_for_load_state()
    page.get_by_label("More about Kari Nygård").click()
    page.get_by_role("link", name="Leave flow…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Let Kari Nygård leave the flow?")


def test_a_folder_is_added_in_a_dialog(page: Page, flow: Flow) -> None:
    page.goto("/acme/flows/")
    page.get_by_role("link", name="Add folder").click()
    dialog = page.get_by_role("dialog", name="New folder")
    expect(dialog.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Membership")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Membership")
