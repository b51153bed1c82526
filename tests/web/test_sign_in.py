"""Logging in and out, and how often one may guess."""

import pytest
from django.test import Client

from accounts.models import Account, User
from tests.web.conftest import PASSWORD, make_member, make_person
from web import limits

WRONG = "do not go together"
PAUSE = "Too many tries"


def log_in(client: Client, email: str, password: str = PASSWORD, *, ip: str = "198.51.100.7", **data: str):  # type: ignore[no-untyped-def]
    """Send the form."""
    return client.post("/login/", {"login": email, "password": password, **data}, REMOTE_ADDR=ip)


@pytest.fixture
def ada(acme: Account) -> User:
    """An owner in Acme."""
    return make_member(acme, user=make_person("ada@example.com", name="Ada"))


def test_the_right_password_leads_to_the_first_account(nobody: Client, ada: User) -> None:
    answer = log_in(nobody, "ada@example.com")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert nobody.get("/")["Location"] == "/acme/flows/"


def test_the_case_of_the_address_does_not_matter(nobody: Client, ada: User) -> None:
    assert log_in(nobody, " Ada@Example.com ").status_code == 302


def test_after_logging_in_one_is_where_one_wanted_to_go(nobody: Client, ada: User) -> None:
    going_to = nobody.get("/acme/inbox/?before=x")["Location"]
    assert 'value="/acme/inbox/?before=x"' in nobody.get(going_to).content.decode()
    assert log_in(nobody, "ada@example.com", next="/acme/inbox/?before=x")["Location"] == "/acme/inbox/?before=x"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"],
)
def test_nobody_is_led_to_another_site(nobody: Client, ada: User, elsewhere: str) -> None:
    assert log_in(nobody, "ada@example.com", next=elsewhere)["Location"] == "/"
    assert nobody.get("/login/", {"next": elsewhere})["Location"] == "/"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(nobody: Client, ada: User) -> None:
    said = [
        log_in(nobody, email, "wrong").content.decode().replace(email, "")
        for email in ("ada@example.com", "who@example.com")
    ]
    tokens_aside = [text[text.index('role="alert"') : text.index("<form")] for text in said]
    assert WRONG in tokens_aside[0]
    assert tokens_aside[0] == tokens_aside[1]


def test_an_unknown_address_takes_as_much_hashing_as_a_known_one(
    nobody: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.hashers import Argon2PasswordHasher

    hashed: list[str] = []
    for name in ("encode", "verify"):
        original = getattr(Argon2PasswordHasher, name)

        def counted(self, *args, _original=original, _name=name, **kwargs):  # type: ignore[no-untyped-def]
            hashed.append(_name)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    log_in(nobody, "ada@example.com", "wrong")
    known = len(hashed)
    log_in(nobody, "who@example.com", "wrong")
    assert known == len(hashed) - known == 1


def test_a_person_who_was_switched_off_gets_the_same_answer(nobody: Client, ada: User) -> None:
    User.objects.update(is_active=False)
    assert WRONG in log_in(nobody, "ada@example.com").content.decode()


def test_ten_failures_make_a_pause_in_which_the_right_password_does_not_help(nobody: Client, ada: User) -> None:
    for _ in range(limits.OF_ADDRESS_AND_IP - 1):
        assert log_in(nobody, "ada@example.com", "wrong").status_code == 200
    assert log_in(nobody, "ada@example.com", "wrong").status_code == 429
    answer = log_in(nobody, "ada@example.com")
    assert answer.status_code == 429
    assert PAUSE in answer.content.decode()
    assert answer["Retry-After"] == "900"
    assert "_auth_user_id" not in nobody.session


def test_the_last_tries_are_told(nobody: Client, ada: User) -> None:
    for _ in range(limits.OF_ADDRESS_AND_IP - 4):
        assert "left before" not in log_in(nobody, "ada@example.com", "wrong").content.decode()
    assert "3 tries left before a pause of 15 minutes" in log_in(nobody, "ada@example.com", "wrong").content.decode()


def test_a_pause_is_for_one_address_from_one_place(nobody: Client, ada: User) -> None:
    make_person("bob@example.com")
    for _ in range(limits.OF_ADDRESS_AND_IP):
        log_in(nobody, "ada@example.com", "wrong")
    assert log_in(nobody, "bob@example.com").status_code == 302
    assert log_in(Client(), "ada@example.com", ip="203.0.113.9").status_code == 302


def test_one_place_that_tries_many_addresses_is_paused(nobody: Client, ada: User, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(limits, "OF_IP", 5)
    for number in range(5):
        log_in(nobody, f"guess-{number}@example.com", "wrong")
    assert log_in(nobody, "ada@example.com").status_code == 429


def test_many_places_that_try_one_address_are_paused(nobody: Client, ada: User, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(limits, "OF_ADDRESS", 5)
    for number in range(5):
        log_in(nobody, "ada@example.com", "wrong", ip=f"203.0.113.{number}")
    assert log_in(nobody, "ada@example.com").status_code == 429


def test_logging_in_forgets_what_was_mistyped_before(nobody: Client, ada: User) -> None:
    for _ in range(limits.OF_ADDRESS_AND_IP - 1):
        log_in(nobody, "ada@example.com", "wrong")
    assert log_in(nobody, "ada@example.com").status_code == 302
    assert log_in(Client(), "ada@example.com", "wrong").status_code == 200


def test_behind_a_proxy_the_place_is_what_the_proxy_says(nobody: Client, ada: User, settings) -> None:  # type: ignore[no-untyped-def]
    settings.BEHIND_PROXY = True
    for number in range(limits.OF_ADDRESS_AND_IP):
        forged = f"192.0.2.{number}, 203.0.113.5"
        nobody.post("/login/", {"login": "ada@example.com", "password": "x"}, HTTP_X_FORWARDED_FOR=forged)
    right = {"login": "ada@example.com", "password": PASSWORD}
    assert nobody.post("/login/", right, HTTP_X_FORWARDED_FOR="203.0.113.5").status_code == 429
    assert nobody.post("/login/", right, HTTP_X_FORWARDED_FOR="203.0.113.6").status_code == 302


def test_without_a_proxy_the_header_counts_for_nothing(nobody: Client, ada: User) -> None:
    for number in range(limits.OF_ADDRESS_AND_IP):
        forged = f"192.0.2.{number}"
        nobody.post("/login/", {"login": "ada@example.com", "password": "x"}, HTTP_X_FORWARDED_FOR=forged)
    assert log_in(nobody, "ada@example.com", ip="127.0.0.1").status_code == 429


def test_people_get_in_while_the_cache_is_away(nobody: Client, ada: User, settings) -> None:  # type: ignore[no-untyped-def]
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert WRONG in log_in(nobody, "ada@example.com", "wrong").content.decode()
    assert log_in(nobody, "ada@example.com").status_code == 302


@pytest.mark.parametrize("text", ["", "\x00", "a\x00@example.com", "x" * 5000, "ünïcode@exämple.com"])
def test_odd_addresses_are_only_wrong(nobody: Client, ada: User, text: str) -> None:
    answer = log_in(nobody, text, "wrong")
    assert answer.status_code == 200 and 'aria-invalid="true"' in answer.content.decode()
    assert "_auth_user_id" not in nobody.session


def test_logging_out_takes_a_post(member: Client) -> None:
    assert member.get("/logout/").status_code == 405
    assert member.get("/acme/flows/").status_code == 200
    assert member.post("/logout/")["Location"] == "/login/"
    assert member.get("/acme/flows/").status_code == 302


def test_a_form_of_another_site_is_refused(acme: Account, ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/login/", {"login": "ada@example.com", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This page is too old" in answer.content.decode()


def test_somebody_without_an_account_is_told_so(nobody: Client) -> None:
    nobody.force_login(make_person("new@example.com"))
    page = nobody.get("/").content.decode()
    assert "You are not a member of any account" in page and "new@example.com" in page


def test_the_switch_of_accounts_lists_only_ones_own(nobody: Client, ada: User, globex: Account) -> None:
    nobody.force_login(ada)
    assert "Globex" not in nobody.get("/acme/flows/").content.decode()
    make_member(globex, user=ada)
    assert "Globex" in nobody.get("/acme/flows/").content.decode()
