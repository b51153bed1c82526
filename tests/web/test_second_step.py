"""Two-step login: turning it on and off, the codes, and what the database keeps of them."""

import json
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.utils.html import escape

from accounts import secrets_at_rest
from accounts.models import User
from accounts.sign_in import confirm_address
from tests.messaging.post import Server
from tests.web.conftest import PASSWORD, make_person


@pytest.fixture
def ada(db: None) -> User:
    """Somebody whose address is confirmed."""
    person = make_person("ada@example.com", name="Ada")
    confirm_address(person)
    return person


@pytest.fixture
def browser(nobody: Client, ada: User) -> Client:
    """Logged in, the password given again a moment ago."""
    log_in(nobody)
    assert nobody.post("/me/again/?next=/me/two-steps/", {"password": PASSWORD})["Location"] == "/me/two-steps/"
    return nobody


def log_in(client: Client) -> Any:
    """Send the form."""
    return client.post("/login/", {"login": "ada@example.com", "password": PASSWORD})


def code_of(secret: str, *, at: int = 0) -> str:
    """What the app shows; `at`: that many times 30 seconds later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time() // 30) + at)))


def turn_on(browser: Client) -> tuple[str, list[str]]:
    """The secret of the app and the recovery codes."""
    page = browser.get("/me/two-steps/on/").content.decode()
    secret = re.search(r'class="mono">([A-Z2-7]{32})<', page)
    assert secret
    answer = browser.post("/me/two-steps/on/", {"code": code_of(secret[1])})
    assert answer["Location"] == "/me/two-steps/codes/"
    codes = re.findall(r"<li>(\d{8})</li>", browser.get("/me/two-steps/codes/").content.decode())
    assert len(codes) == 10
    cache.clear()  # the code of this half minute may be used again
    return secret[1], codes


def test_with_two_steps_the_password_is_not_enough(browser: Client, smtp: Server) -> None:
    secret, _codes = turn_on(browser)
    other = Client()
    assert log_in(other)["Location"] == "/login/code/"
    assert other.get("/me/").status_code == 302, "not in yet"
    answer = other.post("/login/code/", {"code": "000000"})
    assert answer.status_code == 200 and "That code is not right" in answer.content.decode()
    assert other.post("/login/code/", {"code": code_of(secret)})["Location"] == "/"
    assert other.get("/me/").status_code == 200


def test_a_code_works_once(browser: Client, smtp: Server) -> None:
    secret, _codes = turn_on(browser)
    code = code_of(secret)
    first, second = Client(), Client()
    for client in (first, second):
        log_in(client)
    assert first.post("/login/code/", {"code": code}).status_code == 302
    assert second.post("/login/code/", {"code": code}).status_code == 200
    assert second.get("/me/").status_code == 302


def test_a_phone_whose_clock_is_half_a_minute_off_is_let_in(browser: Client, smtp: Server) -> None:
    secret, _codes = turn_on(browser)
    for at, status in ((-1, 302), (5, 200)):
        client = Client()
        log_in(client)
        assert client.post("/login/code/", {"code": code_of(secret, at=at)}).status_code == status


def test_guessing_codes_makes_a_pause_in_which_the_right_one_does_not_help(browser: Client, smtp: Server) -> None:
    secret, _codes = turn_on(browser)
    client = Client()
    log_in(client)
    for _ in range(10):
        assert "not right" in client.post("/login/code/", {"code": "000000"}).content.decode()
    other = Client()
    log_in(other)
    answer = other.post("/login/code/", {"code": code_of(secret)})
    assert "Too many tries" in answer.content.decode() and other.get("/me/").status_code == 302


def test_a_recovery_code_opens_once(browser: Client, smtp: Server) -> None:
    _secret, codes = turn_on(browser)
    for status in (302, 200):
        client = Client()
        log_in(client)
        assert client.post("/login/code/", {"code": codes[3]}).status_code == status
    left = browser.get("/me/two-steps/codes/").content.decode()
    assert codes[3] not in left and codes[4] in left and "9 codes are left" in left


def test_the_step_cannot_be_skipped_or_met_without_a_password(nobody: Client, ada: User) -> None:
    assert nobody.get("/login/code/")["Location"] == "/login/"
    assert nobody.post("/login/code/", {"code": "123456"})["Location"] == "/login/"


def test_secrets_are_not_readable_in_the_database(browser: Client, smtp: Server) -> None:
    secret, codes = turn_on(browser)
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept and not any(code in kept for code in codes)
    totp = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    assert secrets_at_rest.decrypt(totp.data["secret"]) == secret
    seed = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).data["seed"]
    assert len(secrets_at_rest.decrypt(seed)) == 80
    assert secret not in json.dumps(dict(browser.session.items())), "nor in the session, once it is on"


def test_turning_it_off_ends_the_codes_and_both_are_told_by_mail(
    browser: Client, smtp: Server, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        turn_on(browser)
    assert browser.post("/me/two-steps/off/")["Location"] == "/me/two-steps/"
    assert not Authenticator.objects.exists()
    assert log_in(Client())["Location"] == "/"
    assert [mail.parsed["Subject"] for mail in smtp.mails] == ["Two-step login is on", "Two-step login is off"]


@pytest.mark.parametrize("path", ["on/", "off/", "codes/", "codes/new/", "codes/file/"])
def test_everything_about_it_asks_for_the_password_again(nobody: Client, ada: User, smtp: Server, path: str) -> None:
    other = Client()
    log_in(other)
    other.post("/me/again/?next=/me/", {"password": PASSWORD})
    if path != "on/":
        turn_on(other)
    nobody.force_login(ada)
    for method in (nobody.get, nobody.post):
        answer = method(f"/me/two-steps/{path}")
        assert answer.status_code == 405 or answer["Location"].startswith("/me/again/?next="), method


def test_guessing_the_password_there_makes_the_same_pause(nobody: Client, ada: User) -> None:
    nobody.force_login(ada)
    for _ in range(9):
        assert "That is not your password" in nobody.post("/me/again/", {"password": "x"}).content.decode()
    assert "Too many tries" in nobody.post("/me/again/", {"password": "x"}).content.decode()
    assert nobody.post("/me/again/", {"password": PASSWORD}).status_code == 429


def test_an_unconfirmed_address_comes_first(nobody: Client, ada: User) -> None:
    """Whoever signs up with somebody else's address must not be able to lock them out of it."""
    EmailAddress.objects.update(verified=False)
    log_in(nobody)
    assert nobody.get("/me/two-steps/on/")["Location"] == "/me/two-steps/"
    page = nobody.get("/me/two-steps/").content.decode()
    assert "Confirm your e-mail address first" in page and "/me/two-steps/on/" not in page


def test_new_recovery_codes_replace_the_old_ones(browser: Client, smtp: Server) -> None:
    _secret, codes = turn_on(browser)
    assert browser.post("/me/two-steps/codes/new/")["Location"] == "/me/two-steps/codes/"
    page = browser.get("/me/two-steps/codes/").content.decode()
    assert not any(code in page for code in codes)
    client = Client()
    log_in(client)
    assert client.post("/login/code/", {"code": codes[0]}).status_code == 200


def test_the_codes_can_be_saved_as_a_file(browser: Client, smtp: Server) -> None:
    _secret, codes = turn_on(browser)
    answer = browser.get("/me/two-steps/codes/file/")
    assert "attachment" in answer["Content-Disposition"] and "no-store" in answer["Cache-Control"]
    assert all(code in answer.content.decode() for code in codes)


def test_pages_with_secrets_are_not_kept(browser: Client, smtp: Server) -> None:
    assert "no-store" in browser.get("/me/two-steps/on/")["Cache-Control"]
    turn_on(browser)
    assert "no-store" in browser.get("/me/two-steps/codes/")["Cache-Control"]


def test_without_the_cache_the_second_step_says_so(browser: Client, smtp: Server, settings) -> None:  # type: ignore[no-untyped-def]
    secret, _codes = turn_on(browser)
    client = Client()
    log_in(client)
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    answer = client.post("/login/code/", {"code": code_of(secret)})
    assert answer.status_code == 503 and escape("Try again in a minute.") in answer.content.decode()
