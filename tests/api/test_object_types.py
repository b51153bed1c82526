"""Object types and properties over the API."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Account
from accounts.tenancy import account_scope
from records.models import ObjectType, Property
from tests.make import make_content, make_flow, make_object_type, make_schedule
from tests.records.trees import leaf

API = "/api/v1"
TYPES, PROPERTIES = f"{API}/object-types/", f"{API}/properties/"


def id_of(account: Account, key: str, object_type: str = "contact") -> int:
    with account_scope(account.pk):
        return int(Property.objects.get(object_type=make_object_type(object_type), key=key).pk)


def errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    return {error["path"]: error["message"] for error in answer.json()["errors"]}


def test_a_kind_of_record_is_made_renamed_put_away_and_taken_out(api: APIClient) -> None:
    made = api.post(TYPES, {"name": "Boat", "plural": "Boats", "primary_label": "Hull number"})
    assert made.status_code == 201, made.content
    boat = made.json()
    assert boat == {
        "id": boat["id"], "key": "boat", "name": "Boat", "plural": "Boats", "is_custom": True, "archived_at": None,
    }  # fmt: skip
    own = api.get(f"{PROPERTIES}?object_type=boat").json()["results"]
    assert [(each["key"], each["label"]) for each in own] == [("name", "Hull number"), ("owner", "Owner")]
    at = f"{TYPES}{boat['id']}/"
    assert api.patch(at, {"plural": "Fleet"}).json()["plural"] == "Fleet"
    assert api.get(at).json()["name"] == "Boat"
    assert api.post(f"{at}archive/").json()["archived_at"]
    assert errors(api.post(f"{API}/records/", {"object_type": "boat", "external_id": "1"})) == {
        "object_type": "There is no such object type."
    }
    assert api.post(f"{at}restore/").json()["archived_at"] is None
    record = {"object_type": "boat", "external_id": "1", "properties": {"name": "Fram"}}
    assert api.post(f"{API}/records/", record).status_code == 201


def test_a_kind_that_a_flow_is_about_is_not_put_away(acme: Account, api: APIClient) -> None:
    boat = api.post(TYPES, {"name": "Boat", "plural": "Boats"}).json()["id"]
    with account_scope(acme.pk):
        flow = make_flow(name="Launch", object_type=ObjectType.objects.get(pk=boat))
    use = {"kind": "flow", "id": flow.pk, "name": "Launch"}
    answer = api.post(f"{TYPES}{boat}/archive/")
    assert (answer.status_code, answer.json()["code"], answer.json()["used_by"]) == (409, "in_use", [use])
    assert api.get(f"{TYPES}{boat}/used-by/").json() == {"results": [use], "hidden": 0}
    assert errors(api.patch(f"{TYPES}{boat}/", {"name": " "})).keys() == {"name"}
    assert errors(api.patch(f"{TYPES}{boat}/", {"key": "ship"})).keys() == {"key"}


def test_a_property_is_added_with_its_rules_and_changed(acme: Account, api: APIClient) -> None:
    made = api.post(
        PROPERTIES,
        {"label": "Size", "type": "multiple_choice", "options": ["S", "M"], "is_required": True, "default": ["m", "s"]},
    )
    assert made.status_code == 201, made.content
    size = made.json()
    assert (size["key"], size["object_type"], size["default"], size["is_unique"]) == (
        "size",
        "contact",
        ["S", "M"],
        False,
    )
    at = f"{PROPERTIES}{size['id']}/"
    assert api.get(at).json() == size
    changed = api.patch(at, {"label": "Shirt size", "default": None, "is_required": False, "options": ["M", "S", "L"]})
    assert changed.json() == {
        **size, "label": "Shirt size", "default": None, "is_required": False, "options": ["M", "S", "L"],
    }  # fmt: skip
    record = {"properties": {"email": "a@firma.example", "size": "l"}}
    assert api.post(f"{API}/records/", record).json()["properties"]["size"] == ["L"]
    assert errors(api.patch(at, {"options": ["M"]})) == {
        "options": "1 record has “L”. Change it first, or keep the option."
    }


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"label": ""}, "label"),
        ({"type": "text"}, "type"),
        ({"default": {"a": 1}}, "default"),
        ({"options": "x"}, "options"),
        ({"is_unique": "perhaps"}, "is_unique"),
    ],
)
def test_a_change_that_does_not_fit_names_its_place(
    acme: Account, api: APIClient, body: dict[str, Any], path: str
) -> None:
    assert errors(api.patch(f"{PROPERTIES}{id_of(acme, 'city')}/", body)).keys() == {path}


def test_a_unique_value_is_refused_at_its_place(acme: Account, api: APIClient) -> None:
    assert api.patch(f"{PROPERTIES}{id_of(acme, 'phone')}/", {"is_unique": True}).json()["is_unique"]
    for email, status in (("a@firma.example", 201), ("b@firma.example", 422)):
        answer = api.post(f"{API}/records/", {"properties": {"email": email, "phone": "+47 22 34 56 78"}})
        assert answer.status_code == status
    assert errors(answer) == {"properties.phone": "Another record has “+4722345678” already."}


def test_a_property_says_what_uses_it_before_it_is_put_away(acme: Account, api: APIClient) -> None:
    city = id_of(acme, "city")
    with account_scope(acme.pk):
        flow = make_flow(name="Oslo")
        make_schedule(flow, {"frequency": "daily"}, criteria=leaf("city", "eq", "Oslo"))
        content = make_content("Greeting", subject="Hello {{ city }}")
    uses = [
        {"kind": "flow", "id": flow.pk, "name": "Oslo"},
        {"kind": "content", "id": content.pk, "name": "Greeting"},
    ]
    assert api.get(f"{PROPERTIES}{city}/used-by/").json() == {"results": uses, "hidden": 0}
    assert api.post(f"{PROPERTIES}{city}/archive/").json()["archived_at"]
    assert [each["key"] for each in api.get(f"{PROPERTIES}?archived=true").json()["results"]] == ["city"]
    assert "city" not in [
        each["key"] for each in api.get(f"{PROPERTIES}?archived=false&object_type=contact").json()["results"]
    ]
    assert api.post(f"{PROPERTIES}{city}/restore/").json()["archived_at"] is None
    refused = api.post(f"{PROPERTIES}{id_of(acme, 'email')}/archive/")
    assert (refused.status_code, refused.json()["code"]) == (409, "needed")


@pytest.mark.parametrize("role", ["marketer", "viewer"])
def test_only_flow_admins_change_the_schema(acme: Account, as_role: Callable[[str], APIClient], role: str) -> None:
    city = id_of(acme, "city")
    assert as_role("flow_admin").patch(f"{PROPERTIES}{city}/", {"label": "Town"}).status_code == 200
    caller = as_role(role)
    assert caller.get(f"{PROPERTIES}{city}/").status_code == 200
    for method, url, body in (
        (caller.post, PROPERTIES, {"label": "A", "type": "text"}),
        (caller.patch, f"{PROPERTIES}{city}/", {"label": "A"}),
        (caller.post, f"{PROPERTIES}{city}/archive/", {}),
        (caller.post, TYPES, {"name": "Boat", "plural": "Boats"}),
    ):
        assert method(url, body).status_code == 403


def test_what_another_account_has_is_not_there(acme: Account, api: APIClient, stranger: APIClient) -> None:
    city = id_of(acme, "city")
    with account_scope(acme.pk):
        contact = make_object_type().pk
    for url in (f"{PROPERTIES}{city}/", f"{TYPES}{contact}/"):
        assert [stranger.get(url).status_code, stranger.patch(url, {"label": "x"}).status_code] == [404, 404]
        for verb in ("archive/", "restore/"):
            assert stranger.post(f"{url}{verb}").status_code == 404
        assert stranger.get(f"{url}used-by/").status_code == 404
