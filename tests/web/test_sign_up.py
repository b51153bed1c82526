"""Making an account: the person, their account, and the address that they confirm."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import Account, History, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope, every_account
from messaging.models import SubscriptionType
from records.models import ObjectType, Record
from records.upserts import upsert
from tests.messaging.post import Server
from tests.web.conftest import PASSWORD, link_in, make_member, make_person

FORM = {
    "organisation": "Bjørn & Sønner Æresvik AS",
    "name": "Käthe Ångström",
    "email": "Kathe@Example.com",
    "password1": PASSWORD,
    "time_zone": "Europe/Stockholm",
}
UNCONFIRMED = "Confirm your address"


def sign_up(client: Client, **fields: str) -> Any:
    """Send the form."""
    return client.post("/signup/", {**FORM, **fields})


def accounts() -> list[Account]:
    """All there are."""
    with every_account():
        return list(Account.objects.order_by("pk"))


def test_a_newcomer_has_an_account_of_their_own_and_is_in_it(nobody: Client, smtp: Server) -> None:
    answer = sign_up(nobody)
    assert (answer.status_code, answer["Location"]) == (302, "/bjorn-sonner-aeresvik-as/flows/")
    assert nobody.get(answer["Location"]).status_code == 200
    (account,) = accounts()
    assert (account.name, account.time_zone) == (FORM["organisation"], "Europe/Stockholm")
    with account_scope(account.pk):
        member = Member.objects.select_related("user").get()
        assert (member.role, member.user.email, member.user.name) == (Role.OWNER, "kathe@example.com", "Käthe Ångström")
        assert {"contact", "company"} <= set(ObjectType.objects.values_list("key", flat=True))
        assert SubscriptionType.objects.count() == 1
        opened = History.objects.get()
        assert (opened.subject, opened.verb, opened.by_user) == ("account", "opened", member.user.pk)


def test_the_browsers_language_becomes_the_persons_and_the_accounts(nobody: Client, smtp: Server) -> None:
    nobody.post("/signup/", FORM, headers={"accept-language": "sv"})
    assert (User.objects.get().language, accounts()[0].language) == ("sv", "sv")


@pytest.mark.parametrize(
    ("time_zone", "language", "country"),
    [
        ("Europe/Stockholm", "en", "SE"),
        ("Europe/Helsinki", "sv", "FI"),
        ("Asia/Calcutta", "en", "IN"),  # by its old name
        ("Europe/Oslo", "nb", "NO"),
        ("Europe/Oslo", "en", "NO"),
        ("Europe/Oslo", "sv", "SE"),  # the form begins with it: nobody has chosen
        ("UTC", "sv", "SE"),
        ("UTC", "en", ""),
    ],
)
def test_the_country_follows_from_the_time_zone_else_the_language(
    nobody: Client, smtp: Server, time_zone: str, language: str, country: str
) -> None:
    nobody.post("/signup/", {**FORM, "time_zone": time_zone}, headers={"accept-language": language})
    assert accounts()[0].country == country


def test_phone_numbers_of_a_new_account_are_understood(nobody: Client, smtp: Server) -> None:
    sign_up(nobody)
    with account_scope(accounts()[0].pk):
        contact = ObjectType.objects.get(key="contact")
        row = {"properties": {"email": "a@firma.example", "phone": "070-174 06 05"}}
        upsert(contact, [row], match_on="email", source="api")
        assert Record.objects.get().properties["phone"] == "+46701740605"


def test_two_accounts_of_one_name_have_addresses_of_their_own(nobody: Client, smtp: Server) -> None:
    for n in (1, 2):
        sign_up(Client(), email=f"{n}@example.com")
    assert [each.slug for each in accounts()] == ["bjorn-sonner-aeresvik-as", "bjorn-sonner-aeresvik-as-2"]


def test_a_name_that_is_an_address_of_ours_gets_a_number(nobody: Client, smtp: Server) -> None:
    assert sign_up(nobody, organisation="Login")["Location"] == "/login-2/flows/"


def test_the_mail_confirms_the_address_after_one_more_press(nobody: Client, smtp: Server) -> None:
    sign_up(nobody)
    page = "/bjorn-sonner-aeresvik-as/flows/"
    assert UNCONFIRMED in nobody.get(page).content.decode()
    (mail,) = smtp.to("kathe@example.com")
    assert mail.parsed["Subject"] == "Welcome to Flyt: confirm your address"
    link = link_in(mail)
    assert "kathe@example.com" in nobody.get(link).content.decode()
    assert not EmailAddress.objects.get().verified, "programs that look through mail open links"
    assert nobody.post(link)["Location"] == "/"
    assert EmailAddress.objects.get().verified
    assert UNCONFIRMED not in nobody.get(page).content.decode()
    assert Client().get(link).status_code == 404, "once"


def test_the_address_can_be_confirmed_on_another_device(nobody: Client, smtp: Server) -> None:
    sign_up(nobody)
    phone = Client()
    assert phone.post(link_in(smtp.mails[0]))["Location"] == "/login/"
    assert EmailAddress.objects.get().verified
    assert "_auth_user_id" not in phone.session


def test_a_link_that_is_none_of_ours_confirms_nothing(nobody: Client, smtp: Server) -> None:
    sign_up(nobody)
    link = link_in(smtp.mails[0])
    assert nobody.get(link[:-3] + "x/").status_code == 404
    assert nobody.post(link[:-3] + "x/").status_code == 404
    assert not EmailAddress.objects.get().verified


def test_the_mail_comes_again_but_not_at_once(nobody: Client, smtp: Server) -> None:
    sign_up(nobody)
    answer = nobody.post("/me/verify/", HTTP_REFERER="http://testserver/me/", follow=True)
    assert answer.request["PATH_INFO"] == "/me/"
    assert "A mail went out a moment ago" in answer.content.decode()
    assert len(smtp.mails) == 1


def test_who_signed_up_long_ago_gets_the_mail_again(nobody: Client, smtp: Server) -> None:
    person = make_person("old@example.com")
    EmailAddress.objects.create(user=person, email=person.email, primary=True)
    nobody.force_login(person)
    assert nobody.post("/me/verify/", HTTP_REFERER="https://evil.example/")["Location"] == "/me/"
    assert nobody.post(link_in(smtp.to("old@example.com")[0])).status_code == 302
    assert EmailAddress.objects.get().verified


def test_an_account_is_made_while_no_mail_can_be_sent(nobody: Client, smtp: Server) -> None:
    smtp.to_recipient["kathe@example.com"] = "550 no"
    answer = nobody.post("/signup/", FORM, follow=True)
    assert answer.status_code == 200 and "could not be sent" in answer.content.decode()
    answer = nobody.get("/me/")
    assert "Send the mail again" in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"organisation": "  "}, "This field is required"),
        ({"email": "kathe@larktradgarden"}, "Write a whole address"),
        ({"password1": "short"}, "too short"),
        ({"password1": "kathe@example.com"}, "too similar"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"name": "\x00"}, "Null characters"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_made(
    nobody: Client, smtp: Server, fields: dict[str, str], says: str
) -> None:
    answer = sign_up(nobody, **fields)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert says in page and 'aria-invalid="true"' in page
    assert not User.objects.exists() and accounts() == [] and smtp.mails == []


def test_an_address_that_somebody_has_is_refused(nobody: Client, smtp: Server) -> None:
    make_person("kathe@example.com")
    assert "Someone logs in with that address already" in sign_up(nobody).content.decode()
    assert accounts() == [] and smtp.mails == []


def test_when_the_account_cannot_be_made_there_is_no_person_either(
    nobody: Client, smtp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.opening.ensure_object_types", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sign_up(nobody)
    assert not User.objects.exists() and accounts() == []


def test_the_same_form_twice_makes_one_account(nobody: Client, smtp: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both passed the check of the address before either was saved."""
    sign_up(Client())
    monkeypatch.setattr("allauth.account.forms.BaseSignupForm.validate_unique_email", lambda self, value: value)
    answer = sign_up(nobody, organisation="Other")
    assert "Someone logs in with that address already" in answer.content.decode()
    assert len(accounts()) == 1 and User.objects.count() == 1


def test_whoever_is_logged_in_is_led_on(member: Client) -> None:
    assert member.get("/signup/")["Location"] == "/"


def test_too_many_accounts_from_one_place_make_a_pause(nobody: Client, smtp: Server) -> None:
    statuses = [sign_up(Client(), email="nobody").status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


# --- Another account ----------------------------------------------------------------------------------------


def test_somebody_without_an_account_makes_one(nobody: Client) -> None:
    nobody.force_login(make_person("new@example.com"))
    assert "/accounts/new/" in nobody.get("/").content.decode()
    answer = nobody.post("/accounts/new/", {"organisation": "Mine", "time_zone": "Europe/Oslo"})
    assert answer["Location"] == "/mine/flows/"
    assert nobody.get("/mine/flows/").status_code == 200


def test_a_member_opens_a_second_account_and_nothing_of_the_first_is_in_it(acme: Account, nobody: Client) -> None:
    person = make_member(acme, Role.VIEWER)
    nobody.force_login(person)
    nobody.post("/accounts/new/", {"organisation": "Side", "time_zone": "Europe/Oslo"})
    side = accounts()[-1]
    with account_scope(side.pk):
        assert [each.role for each in Member.objects.all()] == [Role.OWNER]
    assert nobody.get("/side/settings/").status_code == 200
    assert nobody.get("/acme/settings/").status_code == 403


def test_an_account_without_a_name_is_not_made(member: Client) -> None:
    assert member.post("/accounts/new/", {"organisation": " ", "time_zone": "Europe/Oslo"}).status_code == 422
    assert len(accounts()) == 1
