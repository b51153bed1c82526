"""A stranger signs up and puts a flow to work: by mouse, by keyboard alone, and on a phone in Swedish."""

from tests.browser.conftest import Opener
from tests.browser.hands import Mouse
from tests.browser.journey import Walk, whole
from tests.browser.words import Words
from tests.live import Live


def test_a_newcomer_builds_runs_and_ends_a_flow_by_mouse(browse: Opener, live: Live) -> None:
    page = browse().new_page()
    whole(Walk(page, Mouse(page), Words(), live), "Welcome")
