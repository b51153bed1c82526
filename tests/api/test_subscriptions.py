"""Subscription types and suppressed addresses over the API."""

import pytest

from accounts.rights import Role

from .conftest import API

pytestmark = pytest.mark.django_db
TYPES, SUPPRESSED = f"{API}/subscription-types/", f"{API}/suppressions/"


def test_a_subscription_type_is_there_once(api):
    made = api.post(TYPES, {"name": "Newsletter"})
    assert made.json() == {"id": made.json()["id"], "name": "Newsletter", "is_default": True}
    again = api.post(TYPES, {"name": "Newsletter"})
    assert (again.status_code, again.json()["errors"][0]["path"]) == (422, "name")
    assert len(api.get(TYPES).json()["results"]) == 1


def test_an_address_is_suppressed_as_it_is_stored_and_found(api):
    made = api.post(SUPPRESSED, {"address": " Ada@Example.com "})
    assert (made.status_code, made.json()["address"], made.json()["reason"]) == (201, "ada@example.com", "api")
    assert [each["id"] for each in api.get(f"{SUPPRESSED}?address=ADA@example.com").json()["results"]] == [
        made.json()["id"]
    ]
    assert api.get(f"{SUPPRESSED}?address=other@example.com").json()["results"] == []
    assert api.post(SUPPRESSED, {"address": "ada@example.com"}).json()["errors"][0]["path"] == "address"


def test_what_is_no_address_is_refused(api):
    assert api.post(SUPPRESSED, {"address": "ada"}).json()["errors"][0]["path"] == "address"


def test_only_an_admin_lets_an_address_be_written_to_again(api, as_role):
    made = api.post(SUPPRESSED, {"address": "ada@example.com"}).json()
    url = f"{SUPPRESSED}{made['id']}/"
    assert as_role(Role.MARKETER).delete(url).status_code == 403
    assert api.delete(url).status_code == 204
    assert api.delete(url).status_code == 404
