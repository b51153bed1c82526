"""The journey of a newcomer without a mouse: Tab, Enter, Space, arrows, and a ring around where one is."""

from tests.browser.conftest import Opener
from tests.browser.hands import Keyboard
from tests.browser.journey import Walk, whole
from tests.browser.words import Words
from tests.live import Live


def test_a_newcomer_builds_runs_and_ends_a_flow_by_keyboard_alone(browse: Opener, live: Live) -> None:
    page = browse().new_page()
    whole(Walk(page, Keyboard(page), Words(), live), "Welcome")
