"""Records over the API: one at a time, looked up, and ten thousand in one request."""

import pytest

from accounts.models import History
from accounts.tenancy import account_scope
from messaging.models import Suppression
from records.models import Event, Record
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL, BATCH = f"{API}/records/", f"{API}/records/batch/"


@pytest.fixture
def ada(api):
    return api.post(URL, {"properties": {"email": "Ada@Example.com", "first_name": "Ada"}, "consent": True}).json()


def paths(answer):
    assert answer.status_code == 422, answer.content
    return {error["path"] for error in answer.json()["errors"]}


def test_a_record_comes_back_as_it_is_stored(api, ada):
    assert ada["object_type"] == "contact"
    assert ada["properties"] == {"email": "ada@example.com", "first_name": "Ada"}
    assert ada["consent"] == "given"
    assert ada["consent_at"].endswith("Z")
    assert api.get(f"{URL}{ada['id']}/").json() == ada


def test_the_same_address_is_the_same_record(api, ada):
    answer = api.post(URL, {"properties": {"email": "ada@example.com", "last_name": "Byron"}})
    assert answer.status_code == 200
    assert answer.json()["id"] == ada["id"]
    assert answer.json()["properties"]["first_name"] == "Ada"


def test_the_same_external_id_is_the_same_record(api):
    first = api.post(URL, {"external_id": "C-1"})
    again = api.post(URL, {"external_id": "C-1", "former_employee": True})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["former_employee"] is True


def test_a_record_that_nothing_tells_from_others_is_refused(api):
    assert paths(api.post(URL, {"properties": {"first_name": "Ada"}})) == {"properties.email"}


@pytest.mark.parametrize("given", [{}, {"properties": {"name": "Boat"}}, {"match_on": "email", "external_id": "D-1"}])
def test_a_record_of_a_type_without_addresses_is_not_asked_for_one(acme, api, given):
    with account_scope(acme.pk):
        make.make_object_type("deal")
    answer = api.post(URL, {"object_type": "deal", **given})
    assert paths(answer) == {"match_on"} and "external_id" in answer.json()["errors"][0]["message"]
    assert api.post(URL, {"object_type": "deal", **given, "match_on": "new"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"properties": {"email": "no address"}}, "properties.email"),
        ({"properties": {"email": "a@example.com", "shoe_size": 1}}, "properties.shoe_size"),
        ({"properties": {"email": "a@example.com", "first_name": {}}}, "properties.first_name"),
        ({"properties": []}, "properties"),
        ({"properties": {"email": "a@example.com"}, "name": "Ada"}, "name"),
        ({"properties": {"email": "a@example.com"}, "id": 7}, "id"),
        ({"properties": {"email": "a@example.com"}, "object_type": "boat"}, "object_type"),
        ({"properties": {"email": "a@example.com"}, "object_type": {}}, "object_type"),
        ({"properties": {"email": "a@example.com"}, "match_on": "phone"}, "match_on"),
        ({"properties": {"email": "a@example.com"}, "match_on": []}, "match_on"),
        ({"external_id": 10**30, "consent": "maybe"}, "consent"),
        ([], ""),
    ],
)
def test_a_fault_names_its_place(api, acme, body, path):
    assert path in paths(api.post(URL, body))
    with account_scope(acme.pk):
        assert not Record.objects.exists()


def test_a_change_leaves_the_rest_as_it_is_and_null_clears(api, ada):
    answer = api.patch(f"{URL}{ada['id']}/", {"properties": {"first_name": None, "city": "Oslo"}})
    assert answer.json()["properties"] == {"email": "ada@example.com", "city": "Oslo"}
    assert answer.json()["consent"] == "given"


def test_a_record_keeps_its_id(api, ada):
    assert paths(api.patch(f"{URL}{ada['id']}/", {"id": ada["id"]})) == {"id"}


def test_an_archived_record_is_out_of_lists_and_cannot_be_changed(api, acme, ada):
    url = f"{URL}{ada['id']}/"
    assert api.post(f"{url}archive/").status_code == 200
    assert api.post(f"{url}archive/").status_code == 200
    assert api.get(URL).json()["results"] == []
    assert [each["id"] for each in api.get(f"{URL}?archived=true").json()["results"]] == [ada["id"]]
    assert api.get(url).json()["archived_at"] is not None
    refused = api.patch(url, {"properties": {"city": "Oslo"}})
    assert (refused.status_code, refused.json()["code"]) == (409, "archived")
    with account_scope(acme.pk):
        assert Event.objects.filter(record_id=ada["id"], kind="record_archived").count() == 1
        assert History.objects.filter(subject="record", verb="archive").count() == 1


def test_a_record_is_archived_and_restored(api, acme, ada):
    url = f"{URL}{ada['id']}/"
    assert api.post(f"{url}archive/").json()["archived_at"] is not None
    assert api.post(f"{url}restore/").json()["archived_at"] is None
    assert api.post(f"{url}restore/").status_code == 200
    assert api.patch(url, {"properties": {"city": "Oslo"}}).status_code == 200
    with account_scope(acme.pk):
        by = Event.objects.get(record_id=ada["id"], kind="record_restored").detail["by"]
        assert (by["kind"], by["name"]) == ("key", "Key of acme")


def test_a_record_is_erased_for_good_by_whoever_may(api, as_role, acme, ada):
    url = f"{URL}{ada['id']}/"
    assert as_role("marketer").delete(url).status_code == 403
    assert paths(api.delete(f"{url}?suppress=perhaps")) == {"?suppress"}
    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == api.delete(url).status_code == 404
    with account_scope(acme.pk):
        assert not Record.objects.exists() and not Event.objects.exists()
        assert [each.address for each in Suppression.objects.all()] == ["ada@example.com"]


def test_the_address_of_an_erased_record_may_stay_free(api, acme, ada):
    assert api.delete(f"{URL}{ada['id']}/?suppress=false").status_code == 204
    with account_scope(acme.pk):
        assert not Suppression.objects.exists()


def test_a_record_that_is_new_is_never_another(api, ada):
    same = {"properties": {"email": "ada@example.com"}, "match_on": "new"}
    assert api.post(URL, same).status_code == 201
    named = api.post(URL, {"object_type": "company", "properties": {"name": "Sjømat AS"}, "match_on": "new"})
    assert named.status_code == 201


def test_records_are_found_by_what_is_known_of_them(api, acme, ada):
    with account_scope(acme.pk):
        company = make.make_record("company", name="Ada & Co", external_id="CO-1")
        make.make_contact(first_name="Grace")

    def found(query):
        return [each["id"] for each in api.get(f"{URL}?{query}").json()["results"]]

    assert found("email=ADA@example.com") == [ada["id"]]
    assert found("external_id=CO-1") == [company.pk]
    assert found("object_type=company") == [company.pk]
    assert found("search=ada") == [ada["id"], company.pk]
    assert found("search=ada&object_type=contact") == [ada["id"]]
    assert found("search=%25") == []
    assert found("search=nobody") == []


def test_records_are_found_by_criteria_and_in_either_order(api, acme, ada):
    with account_scope(acme.pk):
        made = [make.make_contact(city=city).pk for city in ("Oslo", "Bergen", "Oslo")]
    tree = '{"all": [{"property": "city", "operator": "eq", "value": "Oslo"}]}'
    query = {"object_type": "contact", "criteria": tree, "ordering": "-id", "limit": 1}
    first = api.get(URL, query).json()
    assert [each["id"] for each in first["results"]] == [made[2]]
    second = api.get(first["next"]).json()
    assert ([each["id"] for each in second["results"]], second["next"]) == ([made[0]], None)
    assert paths(api.get(URL, {"criteria": tree})) == {"?object_type"}
    assert paths(api.get(URL, {**query, "criteria": "{"})) == {"?criteria"}
    wrong = '{"all": [{"property": "town", "operator": "eq", "value": "Oslo"}]}'
    assert paths(api.get(URL, {**query, "criteria": wrong})) == {"?criteria.all.0.property"}


def test_short_words_begin_a_name_and_longer_ones_stand_anywhere(api, acme):
    with account_scope(acme.pk):
        kathe = make.make_contact("k@example.com", first_name="Käthe", last_name="Ångström", phone="+4790012345").pk

    def found(search):
        return [each["id"] for each in api.get(URL, {"search": search}).json()["results"]]

    for search in ("kä", "ÅN", "gströ", "900123", "k@ex", "kät ång"):
        assert found(search) == [kathe], search
    for search in ("th", "nobody kä", "_ät", "%"):
        assert found(search) == [], search


def test_an_unknown_object_type_is_told_and_not_taken_for_none(api):
    assert paths(api.get(f"{URL}?object_type=boat")) == {"?object_type"}


def test_a_batch_answers_each_record_in_its_place(api, ada):
    rows = [
        {"properties": {"email": "grace@example.com"}},
        {"properties": {"email": "bad"}},
        {"properties": {"email": "ada@example.com", "first_name": "Ada"}},
        {"properties": {"email": "ada@example.com", "first_name": "Augusta"}, "shoe": 1},
        {"properties": {"email": "ada@example.com", "city": "London"}},
    ]
    answer = api.post(BATCH, {"records": rows}).json()
    assert [each["status"] for each in answer["results"]] == ["created", "refused", "unchanged", "refused", "updated"]
    assert answer["results"][1]["errors"][0]["path"] == "properties.email"
    assert answer["results"][2]["superseded_by"] == 4
    assert answer["results"][3]["errors"][0]["path"] == "shoe"
    assert {word: answer[word] for word in ("created", "updated", "unchanged", "refused")} == {
        "created": 1,
        "updated": 1,
        "unchanged": 1,
        "refused": 2,
    }


def test_a_batch_by_id_changes_what_is_there_and_creates_nothing(api, acme, ada):
    rows = [{"id": ada["id"], "properties": {"city": "Oslo"}}, {"id": ada["id"] + 1, "properties": {"city": "Oslo"}}]
    answer = api.post(BATCH, {"match_on": "id", "records": rows}).json()
    assert [each["status"] for each in answer["results"]] == ["updated", "refused"]
    with account_scope(acme.pk):
        assert Record.objects.count() == 1


def test_a_batch_by_id_does_not_reach_another_account(stranger, acme, ada):
    rows = [{"id": ada["id"], "properties": {"city": "Oslo"}}]
    assert stranger.post(BATCH, {"match_on": "id", "records": rows}).json()["refused"] == 1
    with account_scope(acme.pk):
        assert "city" not in Record.objects.get(pk=ada["id"]).properties


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"records": []}, "records"),
        ({"records": {}}, "records"),
        ({"records": [{}, 1, "x", None]}, "records.1"),
        ({}, "records"),
        ({"records": [{}], "match_on": "phone"}, "match_on"),
        ({"records": [{}], "object_type": "boat"}, "object_type"),
        ({"records": [{}], "dry_run": True}, "dry_run"),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(api, body, path):
    assert path in paths(api.post(BATCH, body))


def test_ten_thousand_records_fit_in_a_batch_and_one_more_does_not(api, acme):
    rows = [{"properties": {"email": f"p{n}@example.com"}} for n in range(11_000)]
    assert paths(api.post(BATCH, {"records": rows})) == {"records"}
    with account_scope(acme.pk):
        assert not Record.objects.exists()
    answer = api.post(BATCH, {"records": rows[:10_000]})
    assert answer.status_code == 200
    assert answer.json()["created"] == len(answer.json()["results"]) == 10_000
