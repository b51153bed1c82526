"""A real browser before a whole Flyt. Whatever a script or the policy complains about fails the test."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.watch import Watch
from tests.live import Live

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

Opener = Callable[..., BrowserContext]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser; `dev.py test` says where it is."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["FLYT_CHROMIUM"], args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Hears every complaint of every tab, and fails the test for those it did not announce."""
    heard = Watch()
    yield heard
    assert heard.complaints() == []


@pytest.fixture
def browse(chromium: Browser, live: Live, watch: Watch) -> Iterator[Opener]:
    """A function that gives a browser with nobody signed in; what it is given goes to Playwright's new_context."""
    opened: list[BrowserContext] = []

    def make(**looks: object) -> BrowserContext:
        settings = {"base_url": live.stack.url, "locale": "en-GB", "timezone_id": "Europe/Oslo", **looks}
        context = chromium.new_context(**settings)  # type: ignore[arg-type]
        context.on("page", watch.listen)
        opened.append(context)
        return context

    yield make
    for each in opened:
        each.close()
