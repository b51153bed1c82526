"""Lists in the browser: made by name, filled by hand, looked through."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from records.models import Event, List, ListEntry, ListKind
from tests.make import make_contact, make_contacts, make_list, make_object_type
from tests.web.conftest import Browsers


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def people(acme: Account) -> List:
    """A list with Käthe on it; Linnéa is not."""
    with account_scope(acme.pk):
        make_contact("linnea@example.com", first_name="Linnéa", last_name="Öberg")
        return make_list("Winter", [make_contact("kathe@example.com", first_name="Käthe")])


def members_of(acme: Account, chosen: List) -> set[str]:
    with account_scope(acme.pk):
        return set(ListEntry.objects.filter(list=chosen).values_list("record__email", flat=True))


def test_lists_are_shown_with_their_size(member: Client, acme: Account, people: List) -> None:
    with account_scope(acme.pk):
        make_list("Nobody")
    shown = page(member, "/acme/lists/")
    assert shown.index("Nobody") < shown.index("Winter"), "the newest first"
    assert 'data-label="Size">1<' in shown and 'data-label="Size">0<' in shown
    assert "Nobody" not in page(member, "/acme/lists/?search=WIN")
    assert "No such list" in page(member, "/acme/lists/?search=summer")


def test_an_account_without_lists_says_what_they_are_for(member: Client) -> None:
    assert "No lists yet" in page(member, "/acme/lists/")


def test_a_list_is_made_by_name(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_object_type()
    answer = member.post("/acme/lists/new/", {"name": " Spring ", "object_type": "contact"})
    with account_scope(acme.pk):
        made = List.objects.get()
    assert (made.name, made.kind, answer["Location"]) == ("Spring", ListKind.STATIC, f"/acme/lists/{made.pk}/")
    assert "Nobody is on this list" in page(member, answer["Location"])
    twice = member.post("/acme/lists/new/", {"name": "Spring", "object_type": "contact"})
    assert twice.status_code == 422 and "There is a list “Spring” already." in twice.content.decode()
    assert member.post("/acme/lists/new/", {"name": "", "object_type": "contact"}).status_code == 422


def test_somebody_is_found_and_put_on_it(member: Client, acme: Account, people: List) -> None:
    found = page(member, f"/acme/lists/{people.pk}/?search=öberg")
    assert "Add Linnéa Öberg" in found
    assert "Nobody else is found." in page(member, f"/acme/lists/{people.pk}/?search=käthe"), "who is on it already"
    with account_scope(acme.pk):
        linnea = make_contact("another@example.com")
    for said in ("1 record was put on the list Winter.", "They are on it already."):
        answer = member.post(f"/acme/lists/{people.pk}/add/", {"record": linnea.pk}, follow=True)
        assert said in answer.content.decode()
    assert members_of(acme, people) == {"kathe@example.com", "another@example.com"}
    with account_scope(acme.pk):
        assert Event.objects.get().kind == "list_joined"


def test_several_are_put_on_a_chosen_list(member: Client, acme: Account, people: List) -> None:
    with account_scope(acme.pk):
        ids = [record.pk for record in make_contacts(3)]
    answer = member.post("/acme/lists/add/", {"list": people.pk, "record": [*ids, "nonsense"]})
    assert answer["Location"] == f"/acme/lists/{people.pk}/"
    assert len(members_of(acme, people)) == 4
    assert member.post("/acme/lists/add/", {"list": "nonsense", "record": ids}).status_code == 404


def test_somebody_is_taken_off_and_stays_a_record(member: Client, acme: Account, people: List) -> None:
    with account_scope(acme.pk):
        kathe = ListEntry.objects.get(list=people).record_id
    answer = member.post(f"/acme/lists/{people.pk}/remove/", {"record": kathe}, follow=True)
    assert "1 record was taken off the list." in answer.content.decode()
    assert members_of(acme, people) == set()
    assert "Käthe" in page(member, "/acme/records/")


def test_the_members_of_a_dynamic_list_are_not_chosen_by_hand(member: Client, acme: Account, people: List) -> None:
    with account_scope(acme.pk):
        List.objects.filter(pk=people.pk).update(kind=ListKind.DYNAMIC, criteria={"all": []})
        ids = list(ListEntry.objects.values_list("record_id", flat=True))
    for verb in ("add", "remove"):
        answer = member.post(f"/acme/lists/{people.pk}/{verb}/", {"record": ids}, follow=True)
        assert "Its criteria say who is in this list." in answer.content.decode()
    assert members_of(acme, people) == {"kathe@example.com"}
    assert "Put somebody on the list" not in page(member, f"/acme/lists/{people.pk}/")


def test_a_list_is_renamed_unless_the_name_is_taken(member: Client, acme: Account, people: List) -> None:
    with account_scope(acme.pk):
        make_list("Spring")
    address = f"/acme/lists/{people.pk}/rename/"
    assert "There is a list “Spring” already." in member.post(address, {"name": "Spring"}, follow=True).content.decode()
    member.post(address, {"name": "Autumn"})
    assert "Autumn" in page(member, f"/acme/lists/{people.pk}/")


def test_another_accounts_records_and_lists_are_not_there(
    member: Client, acme: Account, globex: Account, people: List
) -> None:
    with account_scope(globex.pk):
        theirs = make_contact()
        other = make_list("Theirs", [theirs])
    member.post(f"/acme/lists/{people.pk}/add/", {"record": theirs.pk})
    assert members_of(acme, people) == {"kathe@example.com"}
    assert member.post("/acme/lists/add/", {"list": other.pk, "record": []}).status_code == 404
    assert "Theirs" not in page(member, "/acme/lists/")


def test_a_viewer_looks_and_changes_nothing(acme: Account, browser_of: Browsers, people: List) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    shown = page(viewer, f"/acme/lists/{people.pk}/")
    assert "Käthe" in shown and "checkbox" not in shown and "Put somebody" not in shown
    assert "You need the role marketer" in page(viewer, "/acme/lists/")
    for address in ("new/", "add/", f"{people.pk}/add/", f"{people.pk}/remove/", f"{people.pk}/rename/"):
        assert viewer.post(f"/acme/lists/{address}").status_code == 403


def test_pages_cost_the_same_however_many_there_are(member: Client, acme: Account, people: List) -> None:
    used = []
    for more in (1, 40):
        with account_scope(acme.pk):
            for _ in range(more):
                make_list(records=make_contacts(2))
            ListEntry.objects.bulk_create(ListEntry(list=people, record=record) for record in make_contacts(more))
        for address in ("/acme/lists/", f"/acme/lists/{people.pk}/?search=person"):
            with CaptureQueriesContext(connection) as queries:
                page(member, address)
            used.append(len(queries))
    assert used[:2] == used[2:]
