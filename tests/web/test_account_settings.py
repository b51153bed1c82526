"""The account's name, address, zone and language."""

from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from accounts.models import Account, History
from accounts.sign_in import make_key
from accounts.tenancy import account_scope

PAGE = "/acme/settings/"
FORM = {"name": "Acme", "slug": "acme", "time_zone": "Europe/Oslo", "language": "en"}


def account(pk: int) -> Account:
    """As it is in the database."""
    with account_scope(pk):
        return Account.objects.get(pk=pk)


def test_what_is_changed_is_saved_and_told(acme: Account, member: Client) -> None:
    form = {**FORM, "name": "Acme & Sønn", "time_zone": "Asia/Tokyo", "language": "nb"}
    assert member.post(PAGE, form)["Location"] == PAGE
    now = account(acme.pk)
    assert (now.name, now.slug, now.time_zone, now.language) == ("Acme & Sønn", "acme", "Asia/Tokyo", "nb")
    with account_scope(acme.pk):
        told = History.objects.get()
    assert (told.subject, told.subject_id, told.verb) == ("account", acme.pk, "changed")
    assert told.detail == {
        "name": {"from": "Acme", "to": "Acme & Sønn"},
        "time_zone": {"from": "Europe/Oslo", "to": "Asia/Tokyo"},
        "language": {"from": "en", "to": "nb"},
    }


def test_saving_without_a_change_tells_nothing(acme: Account, member: Client) -> None:
    assert member.post(PAGE, FORM).status_code == 302
    with account_scope(acme.pk):
        assert not History.objects.exists()


def test_a_new_address_is_warned_of_and_ends_the_old_one(acme: Account, member: Client) -> None:
    assert "A new address ends the old one" in member.get(PAGE).content.decode()
    assert member.post(PAGE, {**FORM, "slug": "acme-nordic"})["Location"] == "/acme-nordic/settings/"
    assert member.get("/acme-nordic/flows/").status_code == 200
    assert member.get("/acme/flows/").status_code == 404


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"slug": "globex"}, "another account&#x27;s address"),
        ({"slug": "login"}, "cannot be part of an address"),
        ({"slug": "me"}, "cannot be part of an address"),
        ({"slug": "Acme"}, "cannot be part of an address"),
        ({"slug": "a/b"}, "valid “slug”"),
        ({"slug": ""}, "required"),
        ({"name": " "}, "required"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"language": "xx"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_saved(
    acme: Account, globex: Account, member: Client, fields: dict[str, str], says: str
) -> None:
    answer = member.post(PAGE, {**FORM, "name": "Other", **fields})
    assert answer.status_code == 422 and says in answer.content.decode()
    assert (account(acme.pk).name, account(acme.pk).slug) == ("Acme", "acme")
    assert account(globex.pk).slug == "globex"


def test_moments_on_pages_are_in_the_accounts_zone_at_once(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        made_at = make_key("Shop", "viewer")[0].created_at
    for zone in ("Europe/Oslo", "Asia/Tokyo"):
        member.post(PAGE, {**FORM, "time_zone": zone})
        assert f"{made_at.astimezone(ZoneInfo(zone)):%H:%M}" in member.get(f"{PAGE}keys/").content.decode()
