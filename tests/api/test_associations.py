"""Associations and the timeline of a record over the API."""

import pytest

from accounts.tenancy import account_scope
from records import list_matching
from records.models import Association, Event
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(acme):
    with account_scope(acme.pk):
        contact, other = make.make_contact(first_name="Ada"), make.make_contact(first_name="Grace")
        return {
            "ada": contact.pk,
            "grace": other.pk,
            "shop": make.make_record("company", name="Shop").pk,
            "yard": make.make_record("company", name="Yard").pk,
        }


def url(record, other=None):
    return f"{API}/records/{record}/associations/{f'{other}/' if other else ''}"


def primary(api, record):
    return {each["record"]: each["is_primary"] for each in api.get(url(record)).json()["results"]}


def test_two_records_belong_together_seen_from_both(api, people):
    made = api.post(url(people["ada"]), {"record": people["shop"]})
    assert made.status_code == 201
    assert (made.json()["record"], made.json()["object_type"]) == (people["shop"], "company")
    assert api.post(url(people["ada"]), {"record": people["shop"]}).status_code == 200
    assert primary(api, people["shop"]) == {people["ada"]: False}
    assert api.delete(url(people["shop"], people["ada"])).status_code == 204
    assert api.delete(url(people["shop"], people["ada"])).status_code == 404
    assert primary(api, people["ada"]) == {}


def test_of_each_type_one_is_primary(api, people):
    for name in ("shop", "yard"):
        assert api.post(url(people["ada"]), {"record": people[name], "is_primary": True}).json()["is_primary"]
    api.post(url(people["ada"]), {"record": people["grace"], "is_primary": True})
    assert primary(api, people["ada"]) == {people["grace"]: True, people["shop"]: False, people["yard"]: True}
    assert api.patch(url(people["ada"], people["shop"]), {"is_primary": True}).status_code == 200
    api.patch(url(people["ada"], people["grace"]), {"is_primary": False})
    assert primary(api, people["ada"]) == {people["grace"]: False, people["shop"]: True, people["yard"]: False}
    narrowed = api.get(f"{url(people['ada'])}?object_type=company&limit=1").json()
    assert [each["record"] for each in narrowed["results"]] == [people["shop"]]
    assert [each["record"] for each in api.get(narrowed["next"]).json()["results"]] == [people["yard"]]


def test_each_side_tells_it_and_says_who(api, acme, people):
    api.post(url(people["ada"]), {"record": people["shop"], "is_primary": True})
    api.delete(url(people["ada"], people["shop"]))
    with account_scope(acme.pk):
        told = Event.objects.order_by("pk").values_list("record_id", "kind", "detail__record")
        assert list(told) == [
            (people["ada"], "associated", people["shop"]),
            (people["shop"], "associated", people["ada"]),
            (people["ada"], "association_removed", people["shop"]),
            (people["shop"], "association_removed", people["ada"]),
        ]
        assert Event.objects.first().detail["by"]["name"] == "Key of acme"
        assert {each.kind for each in Event.objects.all()} == list_matching.ASSOCIATIONS


@pytest.mark.parametrize("body", [{"record": 0}, {"record": 2**62}, {}, {"record": "x"}, {"record": None}])
def test_what_is_no_record_is_refused(api, acme, people, body):
    answer = api.post(url(people["ada"]), body)
    assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == "record"


def test_a_record_with_itself_an_archived_one_and_a_stranger_are_refused(api, stranger, globex, acme, people):
    with account_scope(globex.pk):
        theirs = make.make_contact().pk
    api.post(f"{API}/records/{people['grace']}/archive/")
    for other in (people["ada"], people["grace"], theirs):
        assert api.post(url(people["ada"]), {"record": other}).status_code == 422
    assert stranger.post(url(theirs), {"record": people["ada"]}).status_code == 422
    with account_scope(acme.pk):
        assert not Association.objects.exists()


def test_the_timeline_goes_back_page_by_page_and_by_kind(api, people):
    record = f"{API}/records/{people['ada']}/"
    for city in ("Oslo", "Bergen"):
        api.patch(record, {"properties": {"city": city}})
    api.post(f"{record}archive/")
    newest = api.get(f"{record}timeline/?limit=2").json()
    assert [each["kind"] for each in newest["results"]] == ["record_archived", "record_updated"]
    assert newest["results"][1]["detail"]["changes"] == {"city": ["Oslo", "Bergen"]}
    assert len(api.get(newest["next"]).json()["results"]) == 1
    assert len(api.get(f"{record}timeline/?kind=record_updated").json()["results"]) == 2
