"""Lists over the API: made, filled by id and by criteria, looked through."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.rights import Role
from accounts.tenancy import account_scope
from records import list_refresh
from records.models import List, ListKind
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/lists/"
FROM_OSLO = {"property": "city", "operator": "eq", "value": "Oslo"}


@pytest.fixture
def people(acme):
    with account_scope(acme.pk):
        return [make.make_contact(city=city).pk for city in ("Oslo", "Oslo", "Bergen")]


@pytest.fixture
def vip(api):
    return api.post(URL, {"name": "VIP"}).json()


def inside(api, chosen):
    return [each["id"] for each in api.get(f"{URL}{chosen['id']}/records/").json()["results"]]


def paths(answer):
    assert answer.status_code == 422, answer.content
    return {error["path"] for error in answer.json()["errors"]}


def test_a_new_list_is_empty(api, vip):
    assert (vip["kind"], vip["object_type"], vip["size"]) == ("static", "contact", 0)
    assert [each["name"] for each in api.get(f"{URL}?search=vi").json()["results"]] == ["VIP"]


def test_a_list_may_begin_with_whoever_meets_the_criteria(api, people):
    made = api.post(URL, {"name": "Oslo", "criteria": FROM_OSLO}).json()
    assert made["size"] == 2
    assert inside(api, made) == people[:2]


def test_records_come_and_go_by_id(api, people, vip):
    url = f"{URL}{vip['id']}/records/"
    assert api.post(url, {"add": people}).json() == {"added": 3, "removed": 0}
    assert api.post(url, {"add": people[:1], "remove": people[1:]}).json() == {"added": 0, "removed": 2}
    assert inside(api, vip) == people[:1]
    assert api.get(f"{URL}{vip['id']}/").json()["size"] == 1


def test_records_come_by_criteria(api, people, vip):
    assert api.post(f"{URL}{vip['id']}/records/", {"criteria": FROM_OSLO}).json() == {"added": 2, "removed": 0}


def test_what_is_no_record_of_the_account_is_passed_over(api, stranger, people):
    theirs = stranger.post(URL, {"name": "Ours"}).json()
    answer = stranger.post(f"{URL}{theirs['id']}/records/", {"add": [*people, 10**15]})
    assert answer.json() == {"added": 0, "removed": 0}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"add": [1], "criteria": FROM_OSLO}, ""),
        ({"add": "1"}, "add"),
        ({"add": [1, "x"]}, "add.1"),
        ({"add": [True]}, "add.0"),
        ({"add": [-1]}, "add.0"),
        ({"add": [2**63]}, "add.0"),
        ({"remove": [1.5]}, "remove.0"),
        ({"criteria": {"property": "nope", "operator": "eq", "value": 1}}, "criteria.property"),
        ({"criteria": {"all": [{"property": "city", "operator": "near", "value": "x"}]}}, "criteria.all.0.operator"),
        ({"criteria": None}, "criteria"),
        ({"put": [1]}, "put"),
    ],
)
def test_a_fault_names_its_place(api, people, vip, body, path):
    assert path in paths(api.post(f"{URL}{vip['id']}/records/", body))
    assert inside(api, vip) == []


def test_a_name_is_there_once(api, vip):
    other = api.post(URL, {"name": "Other"}).json()
    assert paths(api.post(URL, {"name": "VIP"})) == {"name"}
    assert paths(api.patch(f"{URL}{other['id']}/", {"name": "VIP"})) == {"name"}
    assert api.patch(f"{URL}{other['id']}/", {"name": "Better"}).json()["name"] == "Better"


def test_a_list_that_cannot_be_filled_is_not_made(api, acme):
    assert paths(api.post(URL, {"name": "Oslo", "criteria": {"all": [{}]}})) == {"criteria.all.0"}
    with account_scope(acme.pk):
        assert not List.objects.exists()


def test_nobody_is_put_into_a_dynamic_list(api, acme, vip, people):
    with account_scope(acme.pk):
        List.objects.update(kind=ListKind.DYNAMIC)
    assert paths(api.post(f"{URL}{vip['id']}/records/", {"add": people})) == {"list"}


def test_criteria_nested_without_end_are_refused(api, vip):
    tree = FROM_OSLO
    for _ in range(300):
        tree = {"not": tree}
    answer = api.post(f"{URL}{vip['id']}/records/", {"criteria": tree})
    assert answer.status_code == 422


def test_a_dynamic_list_is_made_evaluated_and_changed(api, acme, people, transactional_db):
    made = api.post(URL, {"name": "Oslo", "kind": "dynamic", "criteria": FROM_OSLO})
    assert made.status_code == 201, made.content
    chosen = made.json()
    assert (chosen["kind"], chosen["criteria"], chosen["is_evaluated"]) == ("dynamic", FROM_OSLO, False)
    evaluate(acme, chosen)
    shown = api.get(f"{URL}{chosen['id']}/").json()
    assert (shown["size"], shown["is_evaluated"]) == (2, True) and shown["as_of"]
    url = f"{URL}{chosen['id']}/"
    api.patch(url, {"criteria": {**FROM_OSLO, "value": "Bergen"}})
    evaluate(acme, chosen)
    assert inside(api, chosen) == people[2:]
    assert paths(api.patch(url, {"criteria": {"all": [{}]}})) == {"criteria.all.0"}
    assert paths(api.patch(url, {"criteria": {"list": chosen["id"], "operator": "in"}})) == {"criteria"}
    assert paths(api.post(URL, {"name": "None", "kind": "dynamic"})) == {"criteria"}
    assert paths(api.post(f"{url}records/", {"add": people})) == {"list"}


def evaluate(acme, chosen):
    while list_refresh.work(acme.pk, chosen["id"]):
        pass


def test_a_list_is_copied_as_it_is_now(api, acme, people, transactional_db):
    chosen = api.post(URL, {"name": "Oslo", "kind": "dynamic", "criteria": FROM_OSLO}).json()
    evaluate(acme, chosen)
    copy = api.post(f"{URL}{chosen['id']}/freeze/", {"name": "Then"})
    assert (copy.status_code, copy.json()["kind"], copy.json()["size"]) == (201, "static", 2)
    assert paths(api.post(f"{URL}{chosen['id']}/freeze/", {"name": "Then"})) == {"name"}


def test_a_record_is_taken_out_by_its_address(api, people, vip):
    url = f"{URL}{vip['id']}/records/"
    api.post(url, {"add": people})
    assert api.delete(f"{url}{people[0]}/").status_code == 204
    assert api.delete(f"{url}{people[0]}/").status_code == 404
    assert inside(api, vip) == people[1:]


def test_lists_lie_in_folders(api, stranger, vip):
    folders = f"{API}/list-folders/"
    folder = api.post(folders, {"name": "Customers"}).json()
    assert paths(api.post(folders, {"name": "Customers"})) == {"name"}
    assert (
        api.patch(f"{URL}{vip['id']}/", {"folder": folder["id"], "description": "Them"}).json()["folder"]
        == folder["id"]
    )
    assert [each["name"] for each in api.get(f"{URL}?folder={folder['id']}").json()["results"]] == ["VIP"]
    assert api.get(f"{URL}?folder=0").json()["results"] == []
    assert [each["name"] for each in api.get(f"{URL}?kind=static").json()["results"]] == ["VIP"]
    assert api.get(f"{URL}?kind=dynamic").json()["results"] == []
    assert api.get(folders).json()["results"] == [{**folder, "lists": 1}]
    assert api.patch(f"{folders}{folder['id']}/", {"name": "Friends"}).json()["name"] == "Friends"
    assert stranger.get(f"{folders}{folder['id']}/").status_code == 404
    theirs = stranger.post(URL, {"name": "Theirs"}).json()
    assert paths(stranger.patch(f"{URL}{theirs['id']}/", {"folder": folder["id"]})) == {"folder"}
    assert api.delete(f"{folders}{folder['id']}/").status_code == 204
    assert api.get(f"{URL}{vip['id']}/").json()["folder"] is None


def test_a_list_that_is_used_is_not_deleted_and_names_who_uses_it(api, stranger, acme, vip):
    with account_scope(acme.pk):
        flow = make.make_flow([{"add_to_list": List.objects.get()}], name="Welcome")
    dynamic = {"name": "Others", "kind": "dynamic", "criteria": {"list": vip["id"], "operator": "not_in"}}
    other = api.post(URL, dynamic).json()
    users = [
        {"kind": "list", "id": other["id"], "name": "Others"},
        {"kind": "flow", "id": flow.pk, "name": "Welcome"},
    ]
    url = f"{URL}{vip['id']}/"
    assert sorted(api.get(f"{url}used-by/").json()["results"], key=str) == sorted(users, key=str)
    refused = api.delete(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "list_in_use")
    assert sorted(refused.json()["used_by"], key=str) == sorted(users, key=str)
    assert "“Welcome”" in refused.json()["detail"]
    assert stranger.delete(url).status_code == 404
    assert api.delete(f"{URL}{other['id']}/").status_code == 204
    assert api.get(f"{URL}{other['id']}/").status_code == 404
    assert [each["name"] for each in api.get(URL).json()["results"]] == ["VIP"]


def test_a_flow_that_only_its_owner_sees_is_not_named(api, as_role, acme, vip):
    with account_scope(acme.pk):
        make.make_flow([{"add_to_list": List.objects.get()}], name="Secret", visibility="owner")
    url, marketer = f"{URL}{vip['id']}/", as_role(Role.MARKETER)
    assert marketer.get(f"{url}used-by/").json() == {"results": [], "hidden": 1}
    assert [each["name"] for each in api.get(f"{url}used-by/").json()["results"]] == ["Secret"]
    refused = marketer.delete(url)
    assert (refused.status_code, refused.json()["used_by"]) == (409, []) and "Secret" not in refused.content.decode()


def test_a_list_that_flyt_keeps_for_itself_is_on_no_page(api, acme, vip):
    with account_scope(acme.pk):
        List.objects.update(is_hidden=True)
    assert api.get(URL).json()["results"] == []
    assert api.get(f"{URL}{vip['id']}/").status_code == 404


def test_a_page_of_lists_costs_the_same_however_many(api, acme):
    api.get(URL)  # what is read once and kept
    used = []
    for more in (1, 20):
        with account_scope(acme.pk):
            for _ in range(more):
                make.make_list(records=make.make_contacts(1))
        with CaptureQueriesContext(connection) as queries:
            api.get(URL)
        used.append(len(queries))
    assert used[0] == used[1]
