"""Lists over the API: made, filled by id and by criteria, looked through."""

import pytest

from accounts.tenancy import account_scope
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
