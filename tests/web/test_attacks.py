"""Requests that no page of ours makes, and installations that are not as they were: a clear answer, never a failure."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.models import Account, User
from accounts.sign_in import confirm_address
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from messaging.models import SubscriptionType
from records.models import List
from tests.make import make_flow, steps_of
from tests.messaging.post import Server
from tests.web.conftest import PASSWORD, link_in, make_person
from tests.web.editing import send
from tests.web.test_second_step import code_of, log_in, turn_on


@pytest.mark.parametrize(
    ("stood_on", "leads_to"),
    [
        ("http://[::bad/", "/login/?next=/"),
        ("", "/login/?next=/"),
        ("http://testserver/acme/flows/?show=paused", "/login/?next=/acme/flows/%3Fshow%3Dpaused"),
        ("https://elsewhere.example/acme/flows/", "/login/?next=/acme/flows/"),
    ],
)
def test_a_button_pressed_after_the_session_leads_to_the_login_whatever_its_page_is_called(
    acme: Account, nobody: Client, stood_on: str, leads_to: str
) -> None:
    answer = nobody.get("/acme/flows/", headers={"HX-Request": "true", "HX-Current-URL": stood_on})
    assert answer["HX-Redirect"] == leads_to


# --- Who one is -------------------------------------------------------------------------------------------


@pytest.fixture
def two_steps(nobody: Client, smtp: Server, settings: Settings) -> tuple[Client, str, list[str]]:
    """Somebody with two steps, after the installation's key was changed: browser, app secret, recovery codes."""
    confirm_address(make_person("ada@example.com", name="Ada"))
    log_in(nobody)
    nobody.post("/me/again/?next=/me/two-steps/", {"password": PASSWORD})
    secret, codes = turn_on(nobody)
    settings.FIELD_ENCRYPTION_KEY = "another key than before"
    return nobody, secret, codes


def test_with_another_encryption_key_the_second_step_says_what_is_wrong_and_lets_nobody_in(
    two_steps: tuple[Client, str, list[str]],
) -> None:
    _browser, secret, codes = two_steps
    for code in (code_of(secret), codes[0]):
        client = Client(raise_request_exception=False)
        log_in(client)
        answer = client.post("/login/code/", {"code": code})
        assert answer.status_code == 503
        assert "turn two-step login off for you" in answer.content.decode()
        assert client.get("/me/").status_code == 302, "not in"
        cache.clear()


def test_with_another_encryption_key_no_page_about_two_steps_fails(
    two_steps: tuple[Client, str, list[str]],
) -> None:
    browser, secret, _codes = two_steps
    browser.raise_request_exception = False
    pages = ("", "on/", "off/", "codes/", "codes/new/", "codes/file/")
    assert all(browser.get(f"/me/two-steps/{page}").status_code in (200, 302, 404, 503) for page in pages)
    assert browser.post("/me/again/code/", {"code": code_of(secret)}).status_code in (302, 503)
    assert browser.post("/me/two-steps/off/").status_code == 302, "with the password it can still be turned off"
    assert not Authenticator.objects.exists()


def test_a_key_made_just_before_the_encryption_key_changed_is_not_shown_and_says_so(
    member: Client, settings: Settings
) -> None:
    member.post("/acme/settings/keys/new/", {"name": "Shop", "role": "viewer", "lasts": ""})
    settings.FIELD_ENCRYPTION_KEY = "another key than before"
    answer = member.get("/acme/settings/keys/")
    assert answer.status_code == 200 and "cannot be shown" in answer.content.decode()


def test_somebody_made_without_a_row_for_their_address_logs_in_and_confirms_it(nobody: Client, smtp: Server) -> None:
    ada = make_person("ada@example.com")
    EmailAddress.objects.all().delete()
    nobody.force_login(ada)  # a session from before there were such rows
    assert "Send the mail again" in nobody.get("/me/").content.decode()
    nobody.post("/me/verify/")
    assert nobody.post(link_in(smtp.mails[-1])).status_code == 302
    assert User.objects.filter(emailaddress__verified=True).get() == ada
    other = Client()
    assert other.post("/login/", {"login": "ada@example.com", "password": PASSWORD}).status_code == 302
    assert other.get("/me/").status_code == 200


def test_links_in_mails_lead_to_this_installation_whatever_host_and_port_the_request_names(
    nobody: Client, member: Client, smtp: Server, settings: Settings
) -> None:
    make_person("ada@example.com")
    settings.ALLOWED_HOSTS = ["*"]
    for email in ("ada@example.com", "unknown@example.com"):
        nobody.post("/password/", {"email": email}, HTTP_HOST="testserver:666")
    invitation = {"email": "b@example.com", "role": "viewer"}
    member.post("/acme/settings/members/invite/", invitation, HTTP_HOST="evil.example")
    member.post("/me/verify/", HTTP_HOST="evil.example")
    mails = [mail.part("plain") for mail in smtp.mails]
    assert len(mails) == 4
    assert all(f"{settings.SITE_URL}/" in mail for mail in mails)
    assert not any(":666" in mail or "evil" in mail for mail in mails)


# --- Nothing half-written -----------------------------------------------------------------------------------


def types(account: Account) -> set[str]:
    """The names of the subscription types."""
    with account_scope(account.pk):
        return set(SubscriptionType.objects.values_list("name", flat=True))


def test_a_subscription_type_is_not_made_beside_an_edit_that_is_refused(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        running, paused = (make_flow(["wait 2 days"], status=each) for each in (FlowStatus.RUNNING, FlowStatus.PAUSED))
    before = types(acme)

    def add(flow: Flow, **more: int) -> int:
        given = {"do": "new_subscription_type", "new_subscription_type": "Offers"}
        return send(member, flow, "email/", **given, **more).status_code  # type: ignore[arg-type]

    assert add(running) == 409
    assert add(paused, revision=99) == 412
    assert types(acme) == before
    assert add(paused) == 200
    assert types(acme) == before | {"Offers"}


def test_a_list_of_those_who_match_conditions_that_are_broken_is_not_made(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        gone = {"all": [{"property": "gone", "op": "eq", "value": "x"}]}
        flow = make_flow(["wait 2 days"], schedule={"frequency": "daily"}, criteria=gone)
    answer = member.post(f"/acme/flows/{flow.pk}/review/list/", {"name": "Matched"})
    assert answer.status_code == 409 and "Mend them first" in answer.content.decode()
    with account_scope(acme.pk):
        assert not List.objects.exists()


def test_a_zero_byte_in_a_field_is_left_out(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        flow = make_flow([{"kind": "add_to_list"}], schedule={"frequency": "daily"}, status=FlowStatus.PAUSED)
        step = steps_of(flow)[0]
    assert send(member, flow, f"steps/{step.pk}/", do="new_list", new_list="Fa\x00ir").status_code == 200
    assert member.post(f"/acme/flows/{flow.pk}/review/list/", {"name": "Mat\x00ched"}).status_code == 302
    with account_scope(acme.pk):
        assert set(List.objects.values_list("name", flat=True)) == {"Fair", "Matched"}
    assert member.post(f"/acme/flows/{flow.pk}/runs/now/", {"key": "a\x00b"}).status_code == 302
