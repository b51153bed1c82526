"""Two at once, too late, twice, or logged out in the middle: one clear outcome each, and nothing typed is lost."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Opener
from tests.browser.people import PASSWORD, Person, invite, log_out, newcomer, post
from tests.browser.stage import Stage
from tests.browser.watch import Watch
from tests.live import Live


def tabs(context: BrowserContext, path: str) -> tuple[Page, Page]:
    """The same page twice, side by side."""
    first, second = context.new_page(), context.new_page()
    for each in (first, second):
        each.goto(path)
    return first, second


def log_in(context: BrowserContext, person: Person) -> None:
    """In a tab of its own."""
    page = context.new_page()
    page.goto("/login/")
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/flows/")
    page.close()


def open_wait(page: Page, owner: Person, flow: int) -> None:
    """The settings of the flow's first wait."""
    page.goto(owner.at(f"flows/{flow}/edit/"))
    page.locator("#chart a.step-main", has_text="Wait").first.click()
    expect(page.locator("#wait-amount")).to_have_value("2")


def amounts(stage: Stage, flow: int) -> list[int]:
    """How many days each wait lasts, as it is stored."""
    return [each["settings"]["amount"] for each in stage.get(f"flows/{flow}/")["steps"] if each["kind"] == "wait"]


def test_two_tabs_that_press_the_toggle_at_once_start_the_flow_once(browse: Opener, live: Live) -> None:
    owner = newcomer(browse())
    flow = Stage(live, owner).flow()
    first, second = tabs(owner.page.context, owner.at(f"flows/{flow}/"))
    # Both requests are on their way before either is answered.
    for page in (first, second):
        page.get_by_role("switch").evaluate("button => { setTimeout(() => button.click(), 100) }")
    for page in (first, second):
        expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "true")
        expect(page.get_by_role("alert")).to_have_count(0)
    started = "select count(*) from accounts_history where subject = 'flow' and subject_id = %s and verb = 'start'"
    assert live.sql(started, flow) == 1


def test_a_stale_editor_is_told_and_changes_nothing(browse: Opener, live: Live, watch: Watch) -> None:
    watch.expect(412)
    owner = newcomer(browse())
    stage = Stage(live, owner)
    flow = stage.flow()
    first, second = owner.page.context.new_page(), owner.page.context.new_page()
    for page in (first, second):
        open_wait(page, owner, flow)
    first.locator("#wait-amount").fill("3")
    expect(first.locator("#saved")).to_have_attribute("data-state", "saved")
    expect(first.locator("#chart")).to_contain_text("3 days")
    second.locator("#wait-amount").fill("7")
    expect(second.locator("#notice")).to_be_visible()
    expect(second.locator("#saved")).to_have_attribute("data-state", "unsaved")
    assert amounts(stage, flow) == [3, 2]
    second.get_by_role("link", name="Show the new version").click()
    expect(second.locator("#wait-amount")).to_have_value("3")


def test_a_removed_member_with_an_open_page_changes_nothing(browse: Opener, live: Live, watch: Watch) -> None:
    watch.expect(404)
    owner = newcomer(browse())
    stage = Stage(live, owner)
    flow = stage.flow()
    colleague = invite(live, owner, browse(), "flow_admin")
    colleague.page.goto(colleague.at(f"flows/{flow}/"))
    query = "select m.id from accounts_member m join accounts_user u on u.id = m.user_id where u.email = %s"
    member = live.sql(query, colleague.email)
    assert post(owner.page.context, owner.at(f"settings/members/{member}/remove/"), {}).ok
    colleague.page.get_by_role("switch").click()
    expect(colleague.page.get_by_role("alert")).to_contain_text("There is nothing here")
    assert stage.get(f"flows/{flow}/")["status"] == "not_running"
    colleague.page.goto("/")
    expect(colleague.page.get_by_role("heading", level=1)).to_have_text("You are not a member of any account")


def test_a_form_that_is_sent_twice_is_done_once(browse: Opener, live: Live) -> None:
    owner = newcomer(browse())
    stage = Stage(live, owner)
    page = owner.page
    page.goto(owner.at("flows/new/"))
    page.get_by_label("Name").fill("Only one")
    page.get_by_role("button", name="Make flow").dblclick()
    expect(page.locator("#editor-name")).to_have_text("Only one")
    assert [each["name"] for each in stage.get("flows/")["results"]] == ["Only one"]


def test_people_who_are_enrolled_by_a_double_click_come_in_once(browse: Opener, live: Live) -> None:
    owner = newcomer(browse())
    stage = Stage(live, owner)
    flow = stage.flow()
    stage.post(f"flows/{flow}/start/")
    page = owner.page
    page.goto(owner.at(f"flows/{flow}/participants/enrol/"))
    page.locator("#enrol-list").select_option(label="Everyone")
    page.get_by_role("button", name="Enrol the list…").click()
    page.get_by_role("dialog").get_by_role("button", name="Enrol", exact=True).dblclick()
    expect(page.locator("#enrolled")).to_have_text("3", timeout=30_000)
    assert stage.get(f"flows/{flow}/statistics/")["counts"]["enrolled"] == 3


def test_a_session_that_ends_in_mid_edit_loses_nothing_typed(browse: Opener, live: Live, watch: Watch) -> None:
    watch.expect(403)  # leaving the field saves too, with the token of the old session
    owner = newcomer(browse())
    stage = Stage(live, owner)
    flow = stage.flow()
    page = owner.page
    open_wait(page, owner, flow)
    log_out(page)
    page.locator("#wait-amount").fill("9")
    notice = page.locator("#notice")
    expect(notice).to_be_visible()
    expect(page.locator("#wait-amount")).to_have_value("9")
    assert amounts(stage, flow) == [2, 2]
    log_in(page.context, owner)
    notice.locator("[data-again]").click()
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    expect(notice).to_be_hidden()
    assert amounts(stage, flow) == [9, 2]


def test_a_lost_connection_in_mid_edit_loses_nothing_typed(browse: Opener, live: Live, watch: Watch) -> None:
    watch.expect("net::ERR_INTERNET_DISCONNECTED", "htmx:")
    owner = newcomer(browse())
    stage = Stage(live, owner)
    flow = stage.flow()
    page = owner.page
    open_wait(page, owner, flow)
    page.context.set_offline(True)
    page.locator("#wait-amount").fill("9")
    notice = page.locator("#notice")
    expect(notice).to_be_visible()
    expect(page.locator("#wait-amount")).to_have_value("9")
    page.context.set_offline(False)
    notice.locator("[data-again]").click()
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    assert amounts(stage, flow) == [9, 2]


def test_a_letter_that_is_being_written_survives_the_end_of_the_session(browse: Opener, live: Live) -> None:
    owner = newcomer(browse())
    content = Stage(live, owner).content()
    page = owner.page
    page.goto(owner.at(f"contents/{content}/"))
    log_out(page)
    page.locator("#subject").fill("What I have just thought of")
    page.wait_for_url("**/login/**")
    page.get_by_label("E-mail").fill(owner.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**/contents/{content}/")
    expect(page.locator("#subject")).to_have_value("What I have just thought of")
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    assert live.sql("select subject from messaging_content where id = %s", content) == "What I have just thought of"
