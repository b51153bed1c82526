"""The flows and lists of a record, the import it came by, and the beginning of its timeline, over the API."""

import io

import pytest
from rest_framework.test import APIClient

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from records.import_chunks import import_chunk
from records.importing import Terms, start_import
from records.models import Import, ListKind, ObjectType, Record
from tests import make
from tests.api.conftest import client_of

from .conftest import API

pytestmark = pytest.mark.django_db


@pytest.fixture
def kari(acme: Account, api: APIClient) -> Record:
    with account_scope(acme.pk):
        return make.make_contact("kari@example.com")


@pytest.fixture
def imported(acme: Account, api: APIClient) -> Record:
    """Of an import, changed once since."""
    with account_scope(acme.pk):
        contact = ObjectType.objects.get(key="contact")
        file = io.BytesIO(b"E-mail,City\nola@example.com,Oslo\n")
        source = start_import(name="Fair", object_type=contact, file=file, terms=Terms())
        while import_chunk(acme.pk, source.pk):
            pass
        record = Record.objects.get(email="ola@example.com")
    assert api.patch(f"{API}/records/{record.pk}/", {"properties": {"city": "Bergen"}}).status_code == 200
    return record


def test_the_walks_of_a_record_are_listed_with_how_they_stand(acme: Account, api: APIClient, kari: Record) -> None:
    with account_scope(acme.pk):
        first, second = make.make_flow(name="Welcome"), make.make_flow(name="Renewal")
        over = make.make_participant(first, kari, status="finished")
        inside = make.make_participant(second, kari, step=make.steps_of(second)[0])
        make.make_participant(first, make.make_contact())
    url = f"{API}/records/{kari.pk}/flows/"
    assert [
        (each["id"], each["flow"], each["flow_name"], each["status"]) for each in api.get(url).json()["results"]
    ] == [
        (inside.pk, second.pk, "Renewal", "active"),
        (over.pk, first.pk, "Welcome", "finished"),
    ]
    assert [each["id"] for each in api.get(f"{url}?status=finished").json()["results"]] == [over.pk]
    assert api.get(f"{url}?status=lost").status_code == 422
    pages = api.get(f"{url}?limit=1").json()
    assert [each["id"] for each in api.get(pages["next"]).json()["results"]] == [over.pk]


def test_a_flow_of_somebody_elses_is_not_among_them(acme: Account, api: APIClient, kari: Record) -> None:
    with account_scope(acme.pk):
        make.make_participant(make.make_flow(name="Secret", visibility="owner"), kari)
    url = f"{API}/records/{kari.pk}/flows/"
    for role in (Role.VIEWER, Role.MARKETER, Role.FLOW_ADMIN):
        assert client_of(acme, role).get(url).json()["results"] == []
    assert [each["flow_name"] for each in api.get(url).json()["results"]] == ["Secret"]


def test_the_lists_of_a_record_are_listed_and_those_that_flyt_keeps_for_itself_are_not(
    acme: Account, api: APIClient, kari: Record
) -> None:
    with account_scope(acme.pk):
        fair, _other = make.make_list("Fair", [kari]), make.make_list("Other")
        hidden = make.make_list("Newly met", [kari])
        hidden.is_hidden = True
        hidden.save()
    (found,) = api.get(f"{API}/records/{kari.pk}/lists/").json()["results"]
    assert found == api.get(f"{API}/lists/{fair.pk}/").json()
    assert (found["name"], found["kind"], found["size"]) == ("Fair", ListKind.STATIC, 1)


def test_a_record_says_which_import_made_it(acme: Account, api: APIClient, kari: Record, imported: Record) -> None:
    with account_scope(acme.pk):
        source = Import.objects.get()
    answer = api.get(f"{API}/records/{imported.pk}/").json()
    assert answer["import"] == source.pk and api.get(f"{API}/imports/{source.pk}/").json()["name"] == "Fair"
    assert api.get(f"{API}/records/{kari.pk}/").json()["import"] is None
    refused = api.patch(f"{API}/records/{kari.pk}/", {"import": source.pk})
    assert (refused.status_code, [each["path"] for each in refused.json()["errors"]]) == (422, ["import"])


def test_the_timeline_of_an_imported_record_begins_with_the_import(
    acme: Account, api: APIClient, kari: Record, imported: Record
) -> None:
    url = f"{API}/records/{imported.pk}/timeline/"
    changed, *_more, began = api.get(url).json()["results"]
    assert (changed["kind"], began["kind"], began["id"]) == ("record_updated", "record_created", None)
    answer = api.get(f"{API}/records/{imported.pk}/").json()
    assert began["detail"] == {"source": "import", "import": answer["import"]} and began["at"] == answer["created_at"]
    assert [each["id"] for each in api.get(f"{url}?kind=record_created").json()["results"]] == [None]
    assert began not in api.get(f"{url}?kind=record_updated").json()["results"]
    assert None not in [each["id"] for each in api.get(f"{API}/records/{kari.pk}/timeline/").json()["results"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_the_beginning_takes_the_place_of_an_event_on_its_page(api: APIClient, imported: Record, limit: int) -> None:
    url = f"{API}/records/{imported.pk}/timeline/"
    whole = [each["id"] for each in api.get(url).json()["results"]]
    assert len(whole) >= 2 and whole[-1] is None
    found, following = [], f"{url}?limit={limit}"
    while following:
        page = api.get(following).json()
        assert 0 < len(page["results"]) <= limit
        found += [each["id"] for each in page["results"]]
        following = page["next"]
    assert found == whole
