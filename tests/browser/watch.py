"""What a browser complains about."""

import re
from typing import Final

from playwright.sync_api import ConsoleMessage, Page

STATUS: Final = re.compile(r"status of (\d{3})")
NO_ANSWER: Final = "net::ERR_"


class Watch:
    """Console errors, stopped scripts and styles, uncaught exceptions, of every tab that it listens to."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._expected: set[str] = set()

    def expect(self, *what: int | str) -> None:
        """Announce refusals by their status, or words that a complaint has in it."""
        self._expected.update(f"status of {each}" if isinstance(each, int) else each for each in what)

    def listen(self, page: Page) -> None:
        """Hear what this tab complains about, from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._heard.append(f"{page.url}: {error}"))

    def complaints(self) -> list[str]:
        """Those that were not announced."""
        return [each for each in self._heard if not any(part in each for part in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._heard.append(f"{message.location.get('url', '')}: {message.text}")
