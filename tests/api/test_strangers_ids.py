"""Ids of another account in every place of paths and bodies about records, lists, imports and types: never taken."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Account, Member, User
from accounts.tenancy import account_scope
from records.models import Association, Event, Import, List, ListEntry, ListFolder, ObjectType, Property, Record
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
NOW = "2027-01-01T00:00:00Z"


def things_of(account: Account) -> dict[str, Any]:
    """One of everything, with ids and keys that the other account has not."""
    with account_scope(account.pk):
        record = make.make_contact(email=f"ann@{account.slug}.example")
        other = make.make_record("company", name=account.name)
        boat = ObjectType.objects.create(key=f"boat_{account.slug}", name="Boat", plural="Boats", is_custom=True)
        make.make_property(f"of_{account.slug}")
        chosen = make.make_list(f"List of {account.slug}", [record])
        Import.objects.create(name="File", object_type=record.object_type, mapping={}, list=chosen)
        return {
            "record": record.pk,
            "other": other.pk,
            "list": chosen.pk,
            "folder": ListFolder.objects.create(name="Drawer").pk,
            "import": Import.objects.get().pk,
            "type": boat.pk,
            "type_key": boat.key,
            "property": Property.objects.get(key=f"of_{account.slug}").pk,
            "property_key": f"of_{account.slug}",
            "member": Member.objects.create(user=User.objects.create_user(f"m@{account.slug}.example")).pk,
            "email": record.email,
        }


def everything(account: Account) -> list[Any]:
    """What is stored of it, to see that nothing changed."""
    with account_scope(account.pk):
        kinds = (Record, List, ListEntry, ListFolder, Import, ObjectType, Property, Association, Event)
        return [sorted(map(str, kind.objects.values_list())) for kind in kinds]


@pytest.fixture
def ours(acme: Account, api: APIClient) -> dict[str, Any]:
    return things_of(acme)


@pytest.fixture
def theirs(globex: Account, stranger: APIClient) -> dict[str, Any]:
    return things_of(globex)


PATHS = {
    "record": [
        "records/{}/",
        "records/{}/timeline/",
        "records/{}/associations/",
        "records/{}/flows/",
        "records/{}/lists/",
    ],
    "list": ["lists/{}/", "lists/{}/records/", "lists/{}/used-by/"],
    "folder": ["list-folders/{}/"],
    "import": ["imports/{}/", "imports/{}/refused/"],
    "type": ["object-types/{}/", "object-types/{}/used-by/"],
    "property": ["properties/{}/", "properties/{}/used-by/"],
}
VERBS = [
    ("record", "records/{}/archive/"),
    ("record", "records/{}/restore/"),
    ("list", "lists/{}/freeze/"),
    ("import", "imports/{}/stop/"),
    ("type", "object-types/{}/archive/"),
    ("type", "object-types/{}/restore/"),
    ("property", "properties/{}/archive/"),
    ("property", "properties/{}/restore/"),
]


def test_every_path_with_an_id_of_another_account_is_not_found(
    api: APIClient, globex: Account, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    before = everything(globex)
    for what, paths in PATHS.items():
        for path in paths:
            address = f"{API}/{path.format(theirs[what])}"
            assert api.get(address).status_code in (404, 405), address
            for send in (api.patch, api.put, api.delete, api.post):
                assert send(address, {"name": "x"}, format="json").status_code in (404, 405, 422), address
    pairs = ((ours["list"], theirs["record"]), (theirs["list"], ours["record"]), (theirs["list"], theirs["record"]))
    for chosen, record in pairs:
        assert api.delete(f"{API}/lists/{chosen}/records/{record}/").status_code == 404
    for record, other in ((ours["record"], theirs["other"]), (theirs["record"], ours["other"])):
        for send in (api.put, api.patch, api.post, api.delete):
            answer = send(f"{API}/records/{record}/associations/{other}/", {}, format="json")
            assert answer.status_code in (404, 405, 422)
    assert everything(globex) == before


def test_every_verb_on_an_id_of_another_account_is_not_found(
    api: APIClient, globex: Account, theirs: dict[str, Any]
) -> None:
    before = everything(globex)
    for what, path in VERBS:
        body = {"name": "Copy"} if "freeze" in path else {}
        assert api.post(f"{API}/{path.format(theirs[what])}", body).status_code == 404, path
    assert everything(globex) == before


def test_no_body_takes_what_is_another_accounts(
    api: APIClient, globex: Account, acme: Account, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    with account_scope(acme.pk):
        make.make_property("seller", type="owner")
    before, mine = everything(globex), everything(acme)
    in_list = {"list": theirs["list"], "operator": "in"}
    leaves = [
        in_list,
        {"property": theirs["property_key"], "operator": "known"},
        {"property": "seller", "operator": "eq", "value": theirs["member"]},
        {"associated": theirs["type_key"], "where": {"all": []}},
        {"associated": "company", "where": in_list},
        {"property": "name", "operator": "known"},  # of another type
    ]
    refused: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "lists/", {"name": "A", "folder": theirs["folder"]}),
        ("POST", "lists/", {"name": "B", "object_type": theirs["type_key"]}),
        ("PATCH", f"lists/{ours['list']}/", {"folder": theirs["folder"]}),
        ("POST", "records/", {"object_type": theirs["type_key"], "match_on": "new"}),
        ("POST", "records/", {"properties": {"email": "a@b.no", theirs["property_key"]: "x"}}),
        ("POST", "records/", {"properties": {"email": "a@b.no", "seller": theirs["member"]}}),
        ("POST", "records/", {"properties": {"email": "a@b.no", "seller": "m@globex.example"}}),
        ("PATCH", f"records/{ours['record']}/", {"properties": {"seller": theirs["member"]}}),
        ("POST", "properties/", {"key": "n", "label": "N", "type": "text", "object_type": theirs["type_key"]}),
        ("POST", "properties/", {"key": "n", "label": "N", "type": "owner", "default": theirs["member"]}),
    ]
    for leaf in leaves:
        for tree in (leaf, {"all": [leaf]}, {"not": leaf}):
            refused.append(("POST", "lists/", {"name": "C", "kind": "dynamic", "criteria": tree}))
            refused.append(("POST", "lists/", {"name": "D", "criteria": tree}))
            refused.append(("POST", f"lists/{ours['list']}/records/", {"criteria": tree}))
    for method, path, body in refused:
        answer = api.generic(method, f"{API}/{path}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 422, (path, body, answer.content)
    told = api.post(
        f"{API}/events/",
        {"events": [{"kind": "custom.a", "record": theirs["record"]}, {"kind": "custom.a", "email": theirs["email"]}]},
    ).json()
    assert [each["status"] for each in told["results"]] == ["refused", "refused"]
    changed = api.post(
        f"{API}/lists/{ours['list']}/records/", {"add": [theirs["record"]], "remove": [theirs["record"]]}
    )
    assert changed.json() == {"added": 0, "removed": 0}
    batch = {"match_on": "id", "records": [{"id": theirs["record"], "consent": False}]}
    assert api.post(f"{API}/records/batch/", batch).json()["refused"] == 1
    assert api.get(f"{API}/lists/?folder={theirs['folder']}").json()["results"] == []
    assert everything(globex) == before
    assert everything(acme) == mine
