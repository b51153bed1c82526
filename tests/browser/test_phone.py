"""The journey of a newcomer on a phone in Swedish: nothing is out of reach, nothing sticks out."""

from tests.browser.conftest import Opener
from tests.browser.hands import Finger
from tests.browser.journey import Walk, whole
from tests.browser.words import Words
from tests.live import Live


def test_a_newcomer_builds_runs_and_ends_a_flow_on_a_phone_in_swedish(browse: Opener, live: Live) -> None:
    context = browse(locale="sv-SE", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    whole(Walk(page, Finger(page), Words("sv"), live), "Välkommen")
    assert page.locator("html").get_attribute("lang") == "sv"
