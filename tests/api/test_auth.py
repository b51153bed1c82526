"""Who may call, and what a caller without a right is told."""

from datetime import timedelta

import pytest

from accounts.models import ApiKey
from accounts.rights import NEEDS, Right, Role
from accounts.sign_in import make_key
from accounts.tenancy import account_scope
from scheduling.clock import now

from .conftest import API, client_with

pytestmark = pytest.mark.django_db
URL = f"{API}/properties/"


def test_a_key_opens_its_own_account(api, stranger):
    api.post(URL, {"key": "shoe_size", "label": "Shoe size", "type": "number"})
    assert "shoe_size" in {each["key"] for each in api.get(f"{URL}?object_type=contact").json()["results"]}
    assert "shoe_size" not in {each["key"] for each in stranger.get(URL).json()["results"]}


def test_nobody_is_told_how_to_sign_in(nobody):
    answer = nobody.get(URL)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"
    assert "Authorization: Bearer" in answer.json()["detail"]


@pytest.mark.parametrize(
    "header", ["Basic abc", "Bearer", "Bearer ", "Bearer flyt_", "Bearer other_key", "flyt_abc", "Bearer flyt_æøå\x7f"]
)
def test_anything_but_a_known_key_is_refused(nobody, header, acme):
    answer = nobody.get(URL, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_is_refused(acme):
    with account_scope(acme.pk):
        key, secret = make_key("Old", Role.OWNER)
    assert client_with(secret).get(URL).status_code == 200
    with account_scope(acme.pk):
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=now())
    assert client_with(secret).get(URL).status_code == 401


def test_a_key_works_until_it_expires(acme):
    with account_scope(acme.pk):
        key, secret = make_key("Short", Role.OWNER)
        ApiKey.objects.filter(pk=key.pk).update(expires_at=now() + timedelta(hours=1))
    assert client_with(secret).get(URL).status_code == 200
    with account_scope(acme.pk):
        ApiKey.objects.filter(pk=key.pk).update(expires_at=now() - timedelta(seconds=1))
    assert client_with(secret).get(URL).status_code == 401


def test_a_key_without_the_right_is_told_which_role_has_it(as_role):
    answer = as_role(Role.VIEWER).post(URL, {"key": "a", "label": "A", "type": "text"})
    assert answer.status_code == 403
    assert answer.json()["detail"] == str(NEEDS[Right.EDIT_SCHEMA])


def test_a_method_that_is_not_there_is_405_and_not_403(as_role):
    answer = as_role(Role.VIEWER).delete(URL)
    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"


def test_the_last_use_of_a_key_is_noted(acme):
    with account_scope(acme.pk):
        key, secret = make_key("Used", Role.OWNER)
    client_with(secret).get(URL)
    with account_scope(acme.pk):
        assert ApiKey.objects.get(pk=key.pk).last_used_at is not None
