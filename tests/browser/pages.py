"""Every page that somebody can come to: found by following the links from the first one."""

import html
import re
from collections import Counter, deque
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

from django.urls import Resolver404, resolve
from playwright.sync_api import BrowserContext

from tests.browser.people import post

LINK: Final = re.compile(r'<a\b[^>]*\bhref="([^"]+)"')
OF_A_KIND: Final = {"web:flow": 3, "web:edit?step": 8, "web:content": 2}  # others once
NO_PAGES: Final = {"api:docs", "web:import_refused", "mfa_download_recovery_codes"}
FRONT_DOOR: Final = ("/login/", "/signup/", "/password/", "/password/sent/", "/nothing/here/")


def log_in_to_demo(context: BrowserContext, demo: dict[str, str]) -> str:
    """Sign in to the account that comes with a new installation; gives its part of every address."""
    answer = post(context, "/login/", {"login": demo["email"], "password": demo["password"]})
    assert answer.url.endswith("/flows/"), answer.url
    return str(demo["account"])


def every_page(context: BrowserContext, start: str) -> list[str]:
    """One address of each kind of page that can be reached from `start`, in the order they were met."""
    found: list[str] = []
    met: Counter[str] = Counter()
    waiting = deque([start, "/accounts/new/"])
    seen = set(waiting)
    while waiting:
        address = waiting.popleft()
        kind = kind_of(address)
        if kind is None or met[kind] >= OF_A_KIND.get(kind, 1):
            continue
        answer = context.request.get(address)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        assert answer.ok, f"{address}: {answer.status}"
        met[kind] += 1
        found.append(address)
        for link in LINK.findall(answer.text()):
            path = local(answer.url, html.unescape(link))
            if path and path not in seen:
                seen.add(path)
                waiting.append(path)
    return found


def kind_of(address: str) -> str | None:
    """The page's name with what its query narrows; None when it is none of ours."""
    parts = urlsplit(address)
    try:
        name = resolve(parts.path).view_name
    except Resolver404:
        return None
    if name in NO_PAGES:
        return None
    keys = [key for key in parse_qs(parts.query, keep_blank_values=True) if key not in ("page", "next", "sort")]
    return f"{name}?{'&'.join(sorted(keys))}" if keys else str(name)


def local(base: str, link: str) -> str | None:
    """Path and query of a link that stays within Flyt."""
    target = urlsplit(urljoin(base, link))
    if target.netloc != urlsplit(base).netloc or target.scheme not in ("http", "https"):
        return None
    return f"{target.path}?{target.query}" if target.query else target.path
