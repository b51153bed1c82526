"""Somebody who works with Flyt in a browser, from the front door on."""

import re
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from playwright.sync_api import APIResponse, BrowserContext, Page

from tests.browser.hands import Mouse
from tests.browser.words import Words
from tests.live import Live

PASSWORD: Final = "a long enough word"
INVITATION: Final = re.compile(r"http://\S+/invitations/\S+")
_numbers = count(1)


@dataclass
class Person:
    """A signed-in person, their tab and the account they work in."""

    page: Page
    slug: str
    email: str

    def at(self, path: str = "flows/") -> str:
        """An address in the account."""
        return f"/{self.slug}/{path}"


def sign_up(page: Page, hand: Mouse, words: Words, *, organisation: str = "") -> Person:
    """Make a login and an account by the form."""
    number = next(_numbers)
    organisation = organisation or f"Fjord {number}"
    email = f"owner-{number}@fjord.example"
    page.goto("/signup/")
    hand.write(page.get_by_label(words("Organisation")), organisation)
    hand.write(page.get_by_label(words("Your name")), "Åsa Öberg")
    hand.write(page.get_by_label(words("E-mail")), email)
    hand.write(page.get_by_label(words("Password")), PASSWORD)
    hand.press(page.get_by_role("button", name=words("Make account")))
    page.wait_for_url("**/flows/")
    return Person(page, page.url.split("/")[-3], email)


def newcomer(context: BrowserContext) -> Person:
    """Somebody with a new account of their own, at once."""
    number = next(_numbers)
    email = f"owner-{number}@fjord.example"
    answer = post(
        context,
        "/signup/",
        {
            "organisation": f"Fjord {number}",
            "name": "Åsa Öberg",
            "email": email,
            "password1": PASSWORD,
            "time_zone": "Europe/Oslo",
        },
    )
    assert answer.url.endswith("/flows/"), answer.url
    return Person(context.new_page(), answer.url.split("/")[-3], email)


def invite(live: Live, owner: Person, context: BrowserContext, role: str) -> Person:
    """A colleague: invited by the owner, let in by the link in the mail."""
    email = f"{role}-{next(_numbers)}@fjord.example"
    invited = post(owner.page.context, owner.at("settings/members/invite/"), {"email": email, "role": role})
    assert invited.ok, invited.text()[:500]
    mail = live.until(
        lambda: next((each for each in live.mails() if each["To"].addresses[0].addr_spec == email), None), "invitation"
    )
    body = mail.get_body(("plain",)).get_content()
    link = INVITATION.search(body)
    assert link, body
    token = link.group().rstrip("/").rsplit("/", 1)[-1]
    answer = post(context, "/signup/", {"invitation": token, "name": role.title(), "password1": PASSWORD})
    assert "/signup/" not in answer.url, answer.text()[:2000]
    return Person(context.new_page(), owner.slug, email)


def api_key(owner: Person) -> str:
    """A key of the account that may do everything."""
    answer = post(owner.page.context, owner.at("settings/keys/new/"), {"name": "Test", "role": "admin", "lasts": ""})
    found = re.search(r'id="new-key"[^>]*value="([^"]+)"', answer.text())
    assert found, answer.text()[:2000]
    return found.group(1)


def post(context: BrowserContext, path: str, form: dict[str, Any]) -> APIResponse:
    """Send a form as the browser would, with the token that it was given."""
    if not _token(context):
        context.request.get("/signup/")
    headers = {"X-CSRFToken": _token(context)}
    return context.request.post(path, form=form, headers=headers)


def _token(context: BrowserContext) -> str:
    return next((str(each["value"]) for each in context.cookies() if each["name"] == "csrftoken"), "")


def log_out(page: Page) -> None:
    """As if the session had run out."""
    page.context.clear_cookies(name="sessionid")
