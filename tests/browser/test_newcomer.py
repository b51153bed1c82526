"""The journey of issue and product: a stranger signs up and has a flow at work, by mouse."""

from tests.browser.conftest import Opener
from tests.browser.hands import Mouse
from tests.browser.journey import Walk, arrive, build, import_people
from tests.browser.words import Words
from tests.live import Live


def test_a_newcomer_builds_and_runs_a_flow_by_mouse(browse: Opener, live: Live) -> None:
    page = browse().new_page()
    walk = Walk(page, Mouse(page), Words(), live)
    arrive(walk)
    import_people(walk)
    build(walk, "Welcome")
