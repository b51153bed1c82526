"""The panels of the newer steps in a browser: added by the chart, filled in, saved, found again, without a problem."""

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow
from messaging.models import Content
from records.models import List
from tests.make import make_contact, make_content, make_flow, make_list
from tests.web.editing import document_of
from tests.web.test_browser import account, chromium, page

__all__ = ["account", "chromium", "page"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def flow(account: Account) -> Flow:
    """A flow of one wait."""
    with account_scope(account.pk):
        return make_flow(["wait 2 days"], name="Welcome")


@pytest.fixture
def other(account: Account) -> Flow:
    """A flow to hand over to."""
    with account_scope(account.pk):
        return make_flow(["wait 1 day"], name="Nurturing", status="running")


@pytest.fixture
def letter(account: Account) -> Content:
    """An e-mail with links."""
    with account_scope(account.pk):
        return make_content("Welcome letter")


@pytest.fixture
def lost(account: Account) -> List:
    """A list for those who exit."""
    with account_scope(account.pk):
        return make_list("Lost")


def add_at_the_end(page: Page, flow: Flow, kind: str) -> Locator:
    """Open the editor and add a step of that kind above Finish, by the + there; its card."""
    page.goto(f"/acme/flows/{flow.pk}/edit/")
    cards = page.locator("#chart .step")
    expect(cards).to_have_count(3)  # the start, the wait, Finish
    page.locator("#chart summary.flow-add").last.click()
    page.locator("#chart details[open]").get_by_role("button", name=kind, exact=True).click()
    expect(cards).to_have_count(4)
    expect(page.locator("#panel-form .editor-side-head")).to_contain_text(kind)
    return cards.nth(2)


def close_and_open(page: Page, card: Locator) -> Locator:
    """Close the panel, which waits for whatever is still being saved, and open it again as it was stored."""
    page.get_by_role("link", name="Close, back to the palette").click()
    expect(page.locator("#panel-title")).to_have_text("Add a step")
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    card.locator(".step-main").click()
    form = page.locator("#panel-form")
    expect(form).to_be_visible()
    return form


def expect_no_problem(page: Page) -> None:
    """Neither at the step, nor in the bar of the editor."""
    expect(page.locator("#step-problems")).to_be_hidden()
    expect(page.locator("#chart .step-warning[data-severity=error]")).to_have_count(0)
    expect(page.locator("#problems-of-flow")).not_to_contain_text("problem")


def choose(page: Page, field: str, option: str) -> None:
    """An option of a select, by what it says."""
    page.locator(field).select_option(label=option)


def test_a_wait_for_an_event_with_a_way_out(page: Page, flow: Flow, other: Flow, letter: Content, lost: List) -> None:
    card = add_at_the_end(page, flow, "Wait for event")
    expect(card).to_contain_text("Choose what to wait for.")
    choose(page, "#events-0-event", "Link clicked")
    choose(page, "#events-0-content", letter.name)
    expect(card).to_contain_text("Link clicked in “Welcome letter”")
    page.locator("#wait-amount").fill("3")
    choose(page, "#wait-unit", "weeks")
    expect(card).to_contain_text("3 weeks")
    page.locator("#exit").check()
    choose(page, "#exit-flow", other.name)
    choose(page, "#exit-list", lost.name)
    form = close_and_open(page, card)
    expect(form.locator("#wait-amount")).to_have_value("3")
    expect(form.locator("#exit-flow option:checked")).to_have_text(other.name)
    expect(form.locator("#exit-list option:checked")).to_have_text(lost.name)
    expect_no_problem(page)
    assert document_of(flow)["steps"][1]["settings"] == {
        "events": [{"event": "link_clicked", "detail": {"content_id": letter.pk}}],
        "amount": 3,
        "unit": "weeks",
        "exit": True,
        "exit_flow": other.pk,
        "exit_list": lost.pk,
    }


def test_what_is_chosen_while_the_panel_is_drawn_anew_is_kept_and_saved(
    page: Page, flow: Flow, letter: Content
) -> None:
    card = add_at_the_end(page, flow, "Wait for event")
    choose(page, "#events-0-event", "Link clicked")
    expect(card).to_contain_text("Link clicked")
    held: list[Route] = []
    page.route("**/edit/**", lambda route: held.append(route), times=1)
    with page.expect_request("**/edit/**"):
        choose(page, "#events-0-event", "Unsubscribed")
    choose(page, "#events-0-content", letter.name)
    page.locator("#wait-amount").press_sequentially("3")
    held.pop().continue_()
    expect(page.locator("#events-0-url")).to_have_count(0)  # drawn anew
    expect(page.locator("#events-0-content option:checked")).to_have_text(letter.name)
    expect(page.locator("#wait-amount")).to_have_value("3")
    expect(page.locator("#wait-amount")).to_be_focused()
    expect(card).to_contain_text("Unsubscribed in “Welcome letter”, at most 3 days")
    settings = document_of(flow)["steps"][1]["settings"]
    assert settings["events"] == [{"event": "unsubscribed", "detail": {"content_id": letter.pk}}]
    assert settings["amount"] == 3


def add_condition(page: Page, number: int, value: str) -> None:
    """The next condition of a filter, about the address; an empty one is there from the start."""
    page.wait_for_load_state()
    if number > 1:
        page.get_by_role("button", name="Condition", exact=True).click()
    expect(page.get_by_label("Property")).to_have_count(number)
    with page.expect_response("**/draft/"):
        choose(page, f"#criteria-{number - 1}-what", "E-mail")
    with page.expect_response("**/draft/"):
        page.locator(f"#criteria-{number - 1}-value").fill(value)


def test_what_is_typed_while_conditions_are_drawn_anew_is_kept(page: Page, account: Account) -> None:
    with account_scope(account.pk):
        make_contact("kathe@example.com")
    page.goto("/acme/records/filter/")
    add_condition(page, 1, "kathe")
    held: list[Route] = []
    page.route("**/draft/", lambda route: held.append(route), times=1)
    with page.expect_request("**/draft/"):
        page.get_by_role("button", name="Condition", exact=True).click()
    page.locator("#criteria-0-value").fill("ola")
    held.pop().continue_()
    expect(page.get_by_label("Property")).to_have_count(2)
    expect(page.locator("#criteria-0-value")).to_have_value("ola")


def test_what_is_typed_in_a_row_that_moves_up_does_not_land_in_another(page: Page, account: Account) -> None:
    with account_scope(account.pk):
        make_contact("kathe@example.com")
    page.goto("/acme/records/filter/")
    for number, value in enumerate(("kathe", "ola", "mia"), start=1):
        add_condition(page, number, value)
    with page.expect_response("**/draft/"):
        page.locator("#criteria-2-value").blur()
    held: list[Route] = []
    page.route("**/draft/", lambda route: held.append(route), times=1)
    with page.expect_request(lambda request: "do=remove" in (request.post_data or "")):
        page.get_by_role("button", name="Remove this condition").first.click()
    page.locator("#criteria-1-value").press_sequentially("!")
    held.pop().continue_()
    expect(page.get_by_label("Property")).to_have_count(2)
    expect(page.locator("#criteria-0-value")).to_have_value("ola")
    expect(page.locator("#criteria-1-value")).to_have_value("mia")


def test_what_is_typed_as_the_answer_comes_is_kept_and_asked_once(page: Page, account: Account) -> None:
    with account_scope(account.pk):
        make_contact("kathe@example.com")
    page.goto("/acme/records/filter/")
    add_condition(page, 1, "x")
    page.locator("#criteria-0-value").fill("")
    held: list[Route] = []
    page.route("**/draft/", lambda route: held.append(route), times=1)
    with page.expect_request("**/draft/"):
        choose(page, "#criteria-0-operator", "is not")
    page.locator("#criteria-0-value").click()
    page.keyboard.type("kat")
    with page.expect_response("**/draft/"):
        held.pop().continue_()
    with page.expect_response(lambda answer: "value=kathe" in (answer.request.post_data or "")):
        page.keyboard.type("he")
    expect(page.locator("#criteria-0-value")).to_have_value("kathe")
    expect(page.locator("#criteria-0-value")).to_be_focused()


def test_letters_choose_in_a_list_that_draws_the_rest_anew(page: Page, account: Account) -> None:
    with account_scope(account.pk):
        make_contact("kathe@example.com", score=7)
    page.goto("/acme/records/filter/")
    page.wait_for_load_state()
    page.locator("#criteria-0-what").focus()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/draft/") else None)
    with page.expect_response("**/draft/"):
        page.keyboard.type("Last ch", delay=110)
    expect(page.locator("#criteria-0-what option:checked")).to_have_text("Last changed")
    expect(page.locator("#criteria-0-operator")).to_be_visible()
    assert len(asked) < 3, asked


def test_a_condition_of_a_split_is_removed_and_the_split_stays(page: Page, flow: Flow) -> None:
    card = add_at_the_end(page, flow, "Split")
    page.locator("#panel-form").get_by_role("button", name="Condition", exact=True).click()
    rows = page.locator("#panel-form").get_by_label("Property", exact=True)
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Remove this condition").last.click()
    expect(rows).to_have_count(1)
    expect(card).to_contain_text("Split")
    assert [each["kind"] for each in document_of(flow)["steps"]] == ["wait", "split", "finish"]


def test_a_random_split_with_weights(page: Page, flow: Flow) -> None:
    card = add_at_the_end(page, flow, "Random split")
    expect(card).to_contain_text("50 % · 50 %")
    branches = page.locator("#panel-form .branch-form")
    branches.nth(0).get_by_label("Weight").fill("2")
    page.keyboard.press("Tab")
    expect(branches.nth(0)).to_contain_text("66.7 % of everyone")
    page.get_by_role("button", name="Add branch").click()
    expect(branches).to_have_count(3)
    branches.nth(2).get_by_role("textbox", name="Branch").fill("Control")
    page.keyboard.press("Tab")
    expect(page.locator("#chart .branch-label").nth(2)).to_have_text("Control")
    expect(card).to_contain_text("50 % · 25 % · 25 %")
    form = close_and_open(page, card)
    expect(form.get_by_label("Weight").nth(0)).to_have_value("2")
    expect_no_problem(page)
    saved = document_of(flow)["steps"][1]["branches"]
    assert [(each["weight"], each["name"]) for each in saved] == [(2, "Branch 1"), (1, "Branch 2"), (1, "Control")]


def test_everyone_else_exits_into_another_flow(page: Page, flow: Flow, other: Flow) -> None:
    card = add_at_the_end(page, flow, "Split")
    form = page.locator("#panel-form")
    choose(page, "#panel-form .criteria-row select >> nth=0", "Country")
    form.locator(".criteria-row input.input").first.fill("Sweden")
    expect(form.locator(".sentence").first).to_contain_text("Sweden")
    page.locator("#exit").check()
    choose(page, "#exit-flow", other.name)
    expect(page.locator("#chart .branch-label .branch-exit")).to_have_text("Exit")
    form = close_and_open(page, card)
    expect(form.locator("#exit-flow option:checked")).to_have_text(other.name)
    expect_no_problem(page)
    assert document_of(flow)["steps"][1]["settings"] == {"exit": True, "exit_flow": other.pk, "exit_list": None}


def test_finish_hands_over_to_another_flow(page: Page, flow: Flow, other: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/edit/")
    card = page.locator("#chart .step").last
    card.locator(".step-main").click()
    choose(page, "#success_flow", other.name)
    expect(card).to_contain_text("Success goes on in “Nurturing”")
    form = close_and_open(page, card)
    expect(form.locator("#success_flow option:checked")).to_have_text(other.name)
    expect(form.locator("#otherwise_flow option:checked")).to_have_text("No other flow")
    expect_no_problem(page)
    assert document_of(flow)["steps"][-1]["settings"] == {"success_flow": other.pk}


def test_flows_that_people_leave(page: Page, flow: Flow, other: Flow) -> None:
    page.goto(f"/acme/flows/{flow.pk}/edit/settings/")
    choose(page, "#leave-flow", other.name)
    taken_out = page.get_by_role("button", name="Remove Nurturing")
    expect(taken_out).to_be_visible()
    expect_no_problem(page)
    page.reload()
    expect(taken_out).to_be_visible()
    assert document_of(flow)["leave_flows"] == [other.pk]
    taken_out.click()
    expect(taken_out).to_have_count(0)
    expect(page.locator("#leave-flow")).to_be_visible()
    assert document_of(flow)["leave_flows"] == []


def test_a_condition_about_an_event_offers_what_the_event_may_be_about(page: Page, letter: Content, lost: List) -> None:
    page.goto("/acme/records/filter/")
    page.wait_for_load_state()
    choose(page, "#criteria-0-what", "Event")
    choose(page, "#criteria-0-event", "Link clicked")
    choose(page, "#criteria-0-content", letter.name)
    page.locator("#criteria-0-since").fill("2027-03-01")
    page.locator("#criteria-0-since").blur()
    sentence = page.locator("#criteria-result .sentence")
    expect(sentence).to_have_text("“Link clicked” happened with content “Welcome letter” since 1 March 2027.")
    choose(page, "#criteria-0-event", "Put on a list")
    choose(page, "#criteria-0-list", lost.name)
    expect(sentence).to_have_text("“Put on a list” happened with list “Lost” since 1 March 2027.")
