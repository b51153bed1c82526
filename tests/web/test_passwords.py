"""A new password: by mail for whoever forgot it, with the old one for whoever knows it."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import translation

from accounts.models import User
from tests.messaging.post import Server
from tests.web.conftest import PASSWORD, link_in, make_person

NEW = "another long enough word"


@pytest.fixture
def ada(db: None) -> User:
    """Somebody whose address is not confirmed yet."""
    person = make_person("ada@example.com", name="Ada")
    EmailAddress.objects.create(user=person, email=person.email, primary=True)
    return person


def log_in(client: Client, password: str = PASSWORD) -> Any:
    """Send the form."""
    return client.post("/login/", {"login": "ada@example.com", "password": password})


def ask(client: Client, email: str = "ada@example.com") -> Any:
    """Ask for the mail."""
    return client.post("/password/", {"email": email})


def test_the_link_in_the_mail_gives_a_new_password(nobody: Client, ada: User, smtp: Server) -> None:
    assert ask(nobody)["Location"] == "/password/sent/"
    form = nobody.get(link_in(smtp.to("ada@example.com")[0]))["Location"]
    assert "set-password" in form, "the key is not in the address of the form"
    assert nobody.post(form, {"password1": NEW})["Location"] == "/login/"
    assert log_in(Client()).status_code == 200, "the old one"
    assert log_in(nobody, NEW).status_code == 302
    assert EmailAddress.objects.get().verified, "the link came by mail"
    assert [mail.parsed["Subject"] for mail in smtp.mails][1:] == ["Your password was changed"]


def test_the_link_works_once(nobody: Client, ada: User, smtp: Server) -> None:
    ask(nobody)
    link = link_in(smtp.mails[0])
    nobody.post(nobody.get(link)["Location"], {"password1": NEW})
    answer = Client().get(link)
    assert answer.status_code == 404 and "This link does not work any more" in answer.content.decode()


def test_a_new_password_ends_every_session(nobody: Client, ada: User, smtp: Server) -> None:
    thief = Client()
    log_in(thief)
    assert thief.get("/me/").status_code == 200
    ask(nobody)
    nobody.post(nobody.get(link_in(smtp.mails[0]))["Location"], {"password1": NEW})
    assert thief.get("/me/").status_code == 302


def test_an_unknown_address_gets_the_same_answer_and_a_mail_that_says_so(
    nobody: Client, ada: User, smtp: Server
) -> None:
    known, unknown = ask(nobody), ask(nobody, "who@example.com")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    (mail,) = smtp.to("who@example.com")
    assert "nobody logs in" in mail.part("plain") and link_in(mail) == "/signup/"


def test_the_mail_speaks_the_language_of_its_reader(nobody: Client, ada: User, smtp: Server) -> None:
    User.objects.update(language="nb")
    nobody.post("/password/", {"email": "ada@example.com"}, headers={"accept-language": "sv"})
    with translation.override("nb"):
        assert smtp.mails[0].parsed["Subject"] == translation.gettext("Choose a new password")


def test_without_a_mail_server_it_is_said_whoever_was_meant(nobody: Client, ada: User, smtp: Server) -> None:
    for address in ("ada@example.com", "who@example.com"):
        smtp.to_recipient[address] = "451 later"
        answer = ask(nobody, address)
        assert answer.status_code == 503 and "No mail could be sent" in answer.content.decode()


def test_a_weak_password_is_refused_beside_its_field(nobody: Client, ada: User, smtp: Server) -> None:
    ask(nobody)
    form = nobody.get(link_in(smtp.mails[0]))["Location"]
    answer = nobody.post(form, {"password1": "short"})
    assert answer.status_code == 200 and "too short" in answer.content.decode()
    assert log_in(nobody).status_code == 302


@pytest.mark.parametrize("link", ["/password/1/x/", "/password/zzzzzzzzzzzzzzzz/x-y/", "/password/-/-/"])
def test_a_link_that_is_none_of_ours_opens_nothing(nobody: Client, ada: User, link: str) -> None:
    assert nobody.get(link).status_code == 404
    assert nobody.post(link, {"password1": NEW}).status_code == 404


def test_somebody_who_was_switched_off_gets_no_link(nobody: Client, ada: User, smtp: Server) -> None:
    User.objects.update(is_active=False)
    ask(nobody)
    assert "nobody logs in" in smtp.mails[0].part("plain")


def test_asking_too_often_makes_a_pause(nobody: Client, ada: User, smtp: Server) -> None:
    statuses = [ask(nobody).status_code for _ in range(6)]
    assert statuses == [302] * 5 + [429] and len(smtp.mails) == 5


# --- With the old one -----------------------------------------------------------------------------------------


def test_a_changed_password_keeps_this_session_and_ends_the_others(nobody: Client, ada: User, smtp: Server) -> None:
    other = Client()
    log_in(nobody)
    log_in(other)
    answer = nobody.post("/me/password/", {"oldpassword": PASSWORD, "password1": NEW})
    assert answer["Location"] == "/me/"
    assert nobody.get("/me/").status_code == 200 and other.get("/me/").status_code == 302
    assert UserSession.objects.get().session_key == nobody.session.session_key
    assert log_in(Client(), NEW).status_code == 302
    assert smtp.to("ada@example.com")[0].parsed["Subject"] == "Your password was changed"


def test_the_old_password_is_asked_for(nobody: Client, ada: User) -> None:
    log_in(nobody)
    answer = nobody.post("/me/password/", {"oldpassword": "wrong", "password1": NEW})
    assert answer.status_code == 200 and "That is not your password" in answer.content.decode()
    assert log_in(Client()).status_code == 302


def test_the_page_names_no_second_password_field(nobody: Client, ada: User) -> None:
    log_in(nobody)
    assert len(re.findall('type="password"', nobody.get("/me/password/").content.decode())) == 2


def test_who_has_no_password_gets_one_by_mail(nobody: Client, ada: User) -> None:
    ada.set_unusable_password()
    ada.save()
    nobody.force_login(ada)
    assert nobody.get("/me/password/")["Location"] == "/password/"
