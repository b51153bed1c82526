"""Every page before axe-core: nothing serious, in light and in dark, with much in the account and with nothing."""

from playwright.sync_api import Page

from tests.browser.axe import violations
from tests.browser.conftest import Opener
from tests.browser.pages import FRONT_DOOR, every_page, log_in_to_demo
from tests.browser.people import newcomer
from tests.browser.watch import Watch
from tests.live import Live

FEWEST = 40  # pages that the links of the demo account lead to


def look_at(page: Page, addresses: list[str] | tuple[str, ...]) -> list[str]:
    """What is wrong with each page: everything in light, the colours in dark."""
    found = []
    for address in addresses:
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.goto(address)
        found += violations(page)
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        found += violations(page, ["color-contrast"])
    return found


def test_no_page_of_an_account_in_use_has_a_serious_fault(browse: Opener, live: Live) -> None:
    context = browse(bypass_csp=True)  # axe styles what it measures
    account = log_in_to_demo(context, live.credentials)
    addresses = every_page(context, f"/{account}/flows/")
    assert len(addresses) >= FEWEST, addresses
    assert look_at(context.new_page(), addresses) == []


def test_no_page_of_a_new_account_has_a_serious_fault(browse: Opener, live: Live) -> None:
    person = newcomer(browse(bypass_csp=True))
    places = ("flows/", "records/", "lists/", "contents/", "imports/", "inbox/", "settings/members/", "settings/keys/")
    assert look_at(person.page, [person.at(each) for each in places]) == []


def test_the_front_door_and_a_page_that_is_not_there_have_no_serious_fault(browse: Opener, watch: Watch) -> None:
    watch.expect(404)
    assert look_at(browse(bypass_csp=True).new_page(), FRONT_DOOR) == []
