"""The members of the account over the API: who the owner of a record is."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Account, Member, User
from accounts.tenancy import account_scope

from .conftest import API

pytestmark = pytest.mark.django_db


def test_the_id_of_an_owner_is_a_members(acme: Account, globex: Account, api: APIClient) -> None:
    with account_scope(acme.pk):
        ada = Member.objects.create(user=User.objects.create_user("ada@acme.example", name="Ada"), role="marketer")
    with account_scope(globex.pk):
        Member.objects.create(user=User.objects.create_user("bo@globex.example", name="Bo"))
    body = {"properties": {"email": "kari@example.com", "owner": "ada@acme.example"}}
    owner = api.post(f"{API}/records/", body).json()["properties"]["owner"]
    found = {each["id"]: each for each in api.get(f"{API}/members/").json()["results"]}
    assert found[owner] == {"id": ada.pk, "name": "Ada", "email": "ada@acme.example", "role": "marketer"}
    assert "bo@globex.example" not in [each["email"] for each in found.values()]
