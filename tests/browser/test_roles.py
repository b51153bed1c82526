"""What colleagues with fewer rights see, and what stays as it is when they try."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opener
from tests.browser.people import Person, invite, newcomer, post
from tests.browser.stage import Stage
from tests.browser.watch import Watch
from tests.live import Live


def stage_with(browse: Opener, live: Live, role: str) -> tuple[Stage, Person, int]:
    """An account with a flow, and a colleague in that role."""
    owner = newcomer(browse())
    stage = Stage(live, owner)
    return stage, invite(live, owner, browse(), role), stage.flow()


def is_closed(control: Locator) -> None:
    """It is there, cannot be pressed, and says why."""
    expect(control).to_have_attribute("aria-disabled", "true")
    reason = control.page.locator(f"#{control.get_attribute('aria-describedby')}")
    expect(reason).not_to_be_empty()


def edits_nothing(page: Page) -> None:
    """The editor opens to look at, with every field and button shut."""
    expect(page.locator(".editor-closed")).to_be_visible()
    expect(page.locator("#panel .palette-item")).to_have_count(0)
    expect(page.locator("#chart .flow-add")).to_have_count(0)
    page.locator('#chart a.step-main[href*="?step="]').first.click()
    expect(page.locator("#panel fieldset[disabled]").first).to_be_visible()
    expect(page.locator("#panel").get_by_role("textbox", disabled=False)).to_have_count(0)


def test_a_marketer_may_toggle_and_not_edit(browse: Opener, live: Live, watch: Watch) -> None:
    watch.expect(403)
    stage, marketer, flow = stage_with(browse, live, "marketer")
    page = marketer.page
    page.goto(marketer.at(f"flows/{flow}/"))
    switch = page.get_by_role("switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert stage.get(f"flows/{flow}/")["status"] == "running"
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    is_closed(page.locator("#edit-flow"))
    page.goto(marketer.at("flows/"))
    is_closed(page.get_by_role("button", name="New flow"))
    page.goto(marketer.at(f"flows/{flow}/edit/"))
    edits_nothing(page)
    before = stage.get(f"flows/{flow}/")
    for path, form in ((f"flows/{flow}/edit/steps/", {"insert": "wait before-1"}), (f"flows/{flow}/delete/", {})):
        assert post(page.context, marketer.at(path), form).status == 403
    assert stage.get(f"flows/{flow}/") == before


def test_a_viewer_may_look_and_change_nothing(browse: Opener, live: Live, watch: Watch) -> None:
    watch.expect(403)
    stage, viewer, flow = stage_with(browse, live, "viewer")
    page = viewer.page
    page.goto(viewer.at("flows/"))
    expect(page.get_by_role("link", name="Welcome", exact=True)).to_be_visible()
    is_closed(page.get_by_role("switch").first)
    is_closed(page.get_by_role("button", name="New flow"))
    page.goto(viewer.at(f"flows/{flow}/"))
    is_closed(page.get_by_role("switch"))
    page.get_by_role("switch").click(force=True)
    is_closed(page.locator("#edit-flow"))
    page.goto(viewer.at(f"flows/{flow}/edit/"))
    edits_nothing(page)
    before = stage.get(f"flows/{flow}/")
    for path, form in (("toggle/", {"turn": "on"}), ("edit/steps/", {"insert": "wait before-1"}), ("end/", {})):
        assert post(page.context, viewer.at(f"flows/{flow}/{path}"), form).status == 403
    assert stage.get(f"flows/{flow}/") == before
