"""Pictures of every page for the eye: light and dark, wide and narrow. `python3 dev.py screenshots` runs it."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Final

import django
from playwright.sync_api import Browser, BrowserContext, sync_playwright

ADDRESS, CREDENTIALS, FOLDER = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
WIDTHS: Final = {"wide": 1280, "narrow": 360}
THEMES: Final = ("light", "dark")


def shoot(context: BrowserContext, addresses: list[str], look: str) -> None:
    """One picture of each page, as long as the page is."""
    page = context.new_page()
    for address in addresses:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        width, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        if width > seen:
            sys.stderr.write(f"{address} is {width} px wide where {seen} px are seen ({look})\n")
        name = re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")[:80] or "home"
        page.screenshot(path=FOLDER / f"{name}.{look}.png", full_page=True)


def main(browser: Browser) -> None:
    """The front door, the demo account, and an account in which nothing is yet."""
    from tests.browser.pages import FRONT_DOOR, every_page, log_in_to_demo
    from tests.browser.people import newcomer

    def visitor(**looks: object) -> BrowserContext:
        return browser.new_context(base_url=ADDRESS, locale="en-GB", reduced_motion="reduce", **looks)  # type: ignore[arg-type]

    known, new = visitor(), visitor()
    account = log_in_to_demo(known, json.loads(CREDENTIALS.read_text()))
    person = newcomer(new)
    places = ("flows/", "records/", "lists/", "contents/", "imports/", "inbox/", "settings/keys/")
    who = {
        None: list(FRONT_DOOR),
        known: every_page(known, f"/{account}/flows/"),
        new: [person.at(each) for each in places],
    }
    for theme in THEMES:
        for word, width in WIDTHS.items():
            for somebody, addresses in who.items():
                state = somebody.storage_state() if somebody else None
                looks = {"color_scheme": theme, "viewport": {"width": width, "height": 800}, "storage_state": state}
                context = visitor(**looks)
                shoot(context, addresses, f"{theme}.{word}")
                context.close()


if __name__ == "__main__":
    django.setup()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=os.environ["FLYT_CHROMIUM"], args=["--no-sandbox"])
        main(chromium)
    sys.stderr.write(f"{len(list(FOLDER.glob('*.png')))} pictures are in {FOLDER}.\n")
