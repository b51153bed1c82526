"""The page of API keys."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, ApiKey, Member, User
from accounts.rights import Role
from accounts.sign_in import key_actor, make_key
from accounts.tenancy import account_scope
from scheduling import clock
from tests.web.conftest import Browsers

PAGE = "/acme/settings/keys/"
FORM = {"name": "Webshop in Ålesund", "role": "marketer", "lasts": "90"}


def secret_on(page: str) -> str:
    """The secret that a page shows; "" for none."""
    found = re.search(r'value="(flyt_[^"]+)"', page)
    return found[1] if found else ""


def test_a_new_key_is_shown_once_and_works(acme: Account, member: Client) -> None:
    assert member.post(f"{PAGE}new/", FORM)["Location"] == PAGE
    kept = json.dumps(dict(member.session.items()))
    secret = secret_on(member.get(PAGE).content.decode())
    actor = key_actor(secret)
    assert actor and (actor.account_id, actor.role, actor.name) == (acme.pk, Role.MARKETER, FORM["name"])
    assert secret not in kept, "on its way to the page it is encrypted"
    again = member.get(PAGE).content.decode()
    assert secret_on(again) == "" and FORM["name"] in again and secret[:13] in again


def test_a_secret_is_not_shown_in_another_account(acme: Account, globex: Account, browser_of: Browsers) -> None:
    client = browser_of(acme)
    with account_scope(globex.pk):
        Member.objects.create(user=User.objects.get(pk=client.session["_auth_user_id"]), role=Role.OWNER)
    client.post(f"{PAGE}new/", FORM)
    assert secret_on(client.get("/globex/settings/keys/").content.decode()) == ""


@pytest.mark.parametrize(("lasts", "days"), [("30", 30), ("365", 365), ("", None)])
def test_a_key_works_for_as_long_as_was_chosen(acme: Account, member: Client, lasts: str, days: int | None) -> None:
    member.post(f"{PAGE}new/", {**FORM, "lasts": lasts})
    with account_scope(acme.pk):
        key = ApiKey.objects.get()
    assert (key.expires_at and (key.expires_at - clock.now()).days) == days


@pytest.mark.parametrize("fields", [{"name": " "}, {"role": "boss"}, {"lasts": "99999"}])
def test_nonsense_makes_no_key(acme: Account, member: Client, fields: dict[str, str]) -> None:
    answer = member.post(f"{PAGE}new/", {**FORM, **fields})
    assert answer.status_code == 422 and "data-show" in answer.content.decode()
    with account_scope(acme.pk):
        assert not ApiKey.objects.exists()


def test_an_admin_is_offered_no_owners_key_and_cannot_make_one(acme: Account, browser_of: Browsers) -> None:
    admin = browser_of(acme, Role.ADMIN)
    assert 'value="owner"' not in admin.get(PAGE).content.decode()
    assert admin.post(f"{PAGE}new/", {**FORM, "role": "owner"}).status_code == 422
    with account_scope(acme.pk):
        assert not ApiKey.objects.exists()


def test_the_last_use_and_the_end_are_shown(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        key, secret = make_key("Shop", Role.VIEWER, expires_at=clock.now())
        make_key("Never used", Role.VIEWER)
    page = member.get(PAGE).content.decode()
    assert "Out of date" in page and "Never" in page and "Until it is revoked" in page
    with account_scope(acme.pk):
        ApiKey.objects.filter(pk=key.pk).update(expires_at=None)
    key_actor(secret)
    assert member.get(PAGE).content.decode().count("Never<") == 1


def test_a_revoked_key_is_gone_and_refused(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        key, secret = make_key("Shop", Role.VIEWER)
    assert member.post(f"{PAGE}{key.pk}/revoke/")["Location"] == PAGE
    assert key_actor(secret) is None
    page = member.get(PAGE).content.decode()
    assert "is revoked" in page and "No keys yet" in page


def test_another_accounts_key_is_not_there(acme: Account, globex: Account, member: Client) -> None:
    with account_scope(globex.pk):
        key, secret = make_key("Theirs", Role.VIEWER)
    assert member.post(f"{PAGE}{key.pk}/revoke/").status_code == 404
    assert "Theirs" not in member.get(PAGE).content.decode() and key_actor(secret)


def test_the_page_costs_the_same_for_many(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        make_key("Key", Role.VIEWER)
    with CaptureQueriesContext(connection) as few:
        member.get(PAGE)
    with account_scope(acme.pk):
        for number in range(20):
            make_key(f"Key {number}", Role.VIEWER)
    with CaptureQueriesContext(connection) as many:
        member.get(PAGE)
    assert len(few) == len(many)
