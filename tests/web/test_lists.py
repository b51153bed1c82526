"""Lists in the browser: made by name, filled by hand, looked through."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from records import list_refresh, lists
from records.models import Event, List, ListEntry, ListFailure, ListFolder, ListKind
from scheduling.clock import now
from tests.make import make_contact, make_contacts, make_flow, make_list, make_object_type
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


def test_a_list_that_takes_too_long_says_so_wherever_it_is_shown(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        chosen = make_list("Dear")
        List.objects.filter(pk=chosen.pk).update(kind=ListKind.DYNAMIC, criteria={"all": []})
        later = now() + timedelta(hours=1)
        List.objects.filter(pk=chosen.pk).update(refresh_failure=ListFailure.TOO_SLOW, refresh_at=later)
    assert "Its criteria take too long" in page(member, "/acme/lists/")
    shown = page(member, f"/acme/lists/{chosen.pk}/")
    assert "Its criteria take too long" in shown and "Tried again" in shown
    assert "follows changes at once" not in shown
    with account_scope(acme.pk):
        List.objects.filter(pk=chosen.pk).update(refresh_at=now())
    assert "Its criteria take too long" not in page(member, f"/acme/lists/{chosen.pk}/"), "it is being tried"


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
    asks = "/acme/records/list/?type=contact&record=nonsense&" + "&".join(f"record={id}" for id in ids)
    assert 'hx-get="/acme/records/list/"' in page(member, "/acme/records/")
    assert f'<option value="{people.pk}">' in page(member, asks)
    for said in ("3 records were put on the list Winter.", "They are on it already."):
        answer = member.post(asks, {"list": people.pk}, follow=True)
        assert answer.redirect_chain == [(f"/acme/lists/{people.pk}/", 302)] and said in answer.content.decode()
    assert len(members_of(acme, people)) == 4
    assert member.post(asks, {"list": "nonsense"}).status_code == 404


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


def test_a_list_is_renamed_described_and_filed(member: Client, acme: Account, people: List) -> None:
    with account_scope(acme.pk):
        make_list("Spring")
        folder = ListFolder.objects.create(name="Seasons")
    address = f"/acme/lists/{people.pk}/edit/"
    taken = member.post(address, {"name": "Spring"})
    assert taken.status_code == 422 and "There is a list “Spring” already." in taken.content.decode()
    member.post(address, {"name": "Autumn", "description": "All who ski", "folder": folder.pk})
    shown = page(member, f"/acme/lists/{people.pk}/")
    assert "Autumn" in shown and "All who ski" in shown and "Seasons" in shown
    assert "Autumn" in page(member, f"/acme/lists/?folder={folder.pk}")
    assert "Spring" not in page(member, f"/acme/lists/?folder={folder.pk}")


def test_another_accounts_records_and_lists_are_not_there(
    member: Client, acme: Account, globex: Account, people: List
) -> None:
    with account_scope(globex.pk):
        theirs = make_contact()
        other = make_list("Theirs", [theirs])
    member.post(f"/acme/lists/{people.pk}/add/", {"record": theirs.pk})
    assert members_of(acme, people) == {"kathe@example.com"}
    assert member.post("/acme/records/list/", {"list": other.pk}).status_code == 404
    assert "Theirs" not in page(member, "/acme/lists/")


def test_a_viewer_looks_and_changes_nothing(acme: Account, browser_of: Browsers, people: List) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    shown = page(viewer, f"/acme/lists/{people.pk}/")
    assert "Käthe" in shown and "checkbox" not in shown and "Put somebody" not in shown
    assert "You need the role marketer" in page(viewer, "/acme/lists/")
    of_one = (f"{people.pk}/{verb}/" for verb in ("add", "remove", "edit", "freeze", "delete"))
    for address in ("new/", "draft/", "count/", "folders/new/", *of_one):
        assert viewer.post(f"/acme/lists/{address}").status_code == 403


def test_pages_cost_the_same_however_many_there_are(member: Client, acme: Account, people: List) -> None:
    used = []
    for more in (1, 40):
        with account_scope(acme.pk):
            for _ in range(more):
                make_list(records=make_contacts(2))
            lists.add(people, [record.pk for record in make_contacts(more)])
        for address in ("/acme/lists/", f"/acme/lists/{people.pk}/?search=person"):
            with CaptureQueriesContext(connection) as queries:
                page(member, address)
            used.append(len(queries))
    assert used[:2] == used[2:]


def dynamic(**fields: str) -> dict[str, str]:
    """What the browser posts about a dynamic list of whoever lives in Oslo."""
    row = {"what": "property:city", "operator": "eq", "value": "Oslo"}
    return {
        "name": "Oslo",
        "kind": "dynamic",
        "object_type": "contact",
        "criteria.scope": "some",
        "criteria.match": "all",
        **{f"criteria.0.{name}": value for name, value in row.items()},
        **fields,
    }


@pytest.fixture
def oslo(member: Client, acme: Account, transactional_db: None) -> List:
    """A dynamic list made in the browser, with one of two people."""
    with account_scope(acme.pk):
        make_contact("ola@example.com", first_name="Ola", city="Oslo")
        make_contact("bo@example.com", first_name="Bo", city="Bergen")
    answer = member.post("/acme/lists/new/", dynamic())
    assert answer.status_code == 302, answer.content
    with account_scope(acme.pk):
        return List.objects.get(name="Oslo")


def test_a_dynamic_list_is_made_evaluated_and_shown(member: Client, acme: Account, oslo: List) -> None:
    address = f"/acme/lists/{oslo.pk}/"
    waiting = page(member, address)
    assert "is being evaluated" in waiting and "data-polls" in waiting
    assert "is being evaluated" in page(member, f"{address}state/")
    while list_refresh.work(acme.pk, oslo.pk):
        pass
    shown = page(member, address)
    assert "City is Oslo" in shown and "Ola" in shown and "follows changes at once" in shown
    assert "· 1 contact ·" in shown
    assert "data-polls" not in shown and "Take off the list" not in shown and 'name="record"' not in shown
    assert members_of(acme, oslo) == {"ola@example.com"}
    assert member.get(f"{address}state/")["HX-Refresh"] == "true"
    assert "Oslo" in page(member, "/acme/lists/?kind=dynamic")
    assert "No such list" in page(member, "/acme/lists/?kind=static")


def test_the_criteria_of_a_list_are_changed(member: Client, acme: Account, oslo: List) -> None:
    address = f"/acme/lists/{oslo.pk}/edit/"
    assert 'value="Oslo"' in page(member, address)
    unfinished = member.post(address, dynamic(**{"criteria.0.value": ""}))
    assert unfinished.status_code == 422 and "Finish the conditions first" in unfinished.content.decode()
    written = member.post("/acme/lists/draft/", dynamic(list=str(oslo.pk), **{"criteria.0.value": ""}))
    assert "Not finished yet: one of the conditions lacks something." in written.content.decode()
    member.post(address, dynamic(**{"criteria.0.value": "Bergen"}))
    while list_refresh.work(acme.pk, oslo.pk):
        pass
    assert members_of(acme, oslo) == {"bo@example.com"}


def test_a_draft_is_drawn_anew_and_counted_without_being_saved(member: Client, acme: Account, oslo: List) -> None:
    htmx = {"HTTP_HX_REQUEST": "true"}
    for name in ("draft", "count"):
        answer = member.post(f"/acme/lists/{name}/", dynamic(name="Other", builder="criteria"), **htmx)
        assert answer.status_code == 200
    assert "match right now" in answer.content.decode() or "matches right now" in answer.content.decode()
    more = member.post("/acme/lists/draft/", dynamic(do="add_row criteria"), **htmx).content.decode()
    assert 'name="criteria.1.what"' in more and "hx-swap-oob" in more
    assert (
        'name="criteria.1.what"' in member.post("/acme/lists/draft/", dynamic(do="add_row criteria")).content.decode()
    )
    saved = member.post("/acme/lists/new/", dynamic(name="By htmx"), **htmx)
    assert saved["HX-Redirect"].startswith("/acme/lists/")
    with account_scope(acme.pk):
        assert not List.objects.filter(name="Other").exists()


def test_a_list_that_is_used_says_by_whom_and_stays(member: Client, acme: Account, people: List) -> None:
    with account_scope(acme.pk):
        flow = make_flow([{"add_to_list": people}], name="Welcome")
    assert "Welcome" in page(member, f"/acme/lists/{people.pk}/used-by/")
    address = f"/acme/lists/{people.pk}/delete/"
    asked = page(member, address)
    assert "“Winter” is in use" in asked and "Welcome" in asked and f"/acme/flows/{flow.pk}/" in asked
    assert member.post(address).status_code == 409
    with account_scope(acme.pk):
        assert List.objects.filter(pk=people.pk).exists()


def test_how_many_use_a_list_is_told_in_the_table_and_a_hidden_flow_is_not_named(
    member: Client, acme: Account, browser_of: Browsers, people: List
) -> None:
    assert "is used in" not in page(member, "/acme/lists/")
    with account_scope(acme.pk):
        make_flow([{"add_to_list": people}], name="Secret", visibility="owner")
        make_flow([{"add_to_list": people}], name="Open")
    marketer = browser_of(acme, Role.MARKETER)
    assert "Winter is used in 2 places" in page(marketer, "/acme/lists/")
    for address in (f"/acme/lists/{people.pk}/used-by/", f"/acme/lists/{people.pk}/delete/"):
        assert "Secret" in page(member, address)
        shown = page(marketer, address)
        assert "Secret" not in shown and "Open" in shown and "1 flow that only others see" in shown
    refused = marketer.post(f"/acme/lists/{people.pk}/delete/", follow=True)
    assert "Secret" not in refused.content.decode()


def test_a_list_that_nothing_uses_is_deleted(member: Client, acme: Account, people: List) -> None:
    assert "Nothing uses this list" in page(member, f"/acme/lists/{people.pk}/used-by/")
    assert "Its 1 record stays" in page(member, f"/acme/lists/{people.pk}/delete/")
    answer = member.post(f"/acme/lists/{people.pk}/delete/", follow=True)
    assert "“Winter” is deleted." in answer.content.decode()
    assert member.get(f"/acme/lists/{people.pk}/").status_code == 404


def test_a_list_is_copied_by_name(member: Client, acme: Account, people: List) -> None:
    address = f"/acme/lists/{people.pk}/freeze/"
    assert 'value="Winter 2"' in page(member, address)
    assert member.post(address, {"name": "Winter"}).status_code == 422
    member.post(address, {"name": "Then"})
    with account_scope(acme.pk):
        assert lists.size(List.objects.get(name="Then")) == 1


def test_folders_of_lists_are_made_renamed_and_deleted(member: Client, acme: Account, people: List) -> None:
    made = member.post("/acme/lists/folders/new/", {"name": "Seasons"})
    assert member.post("/acme/lists/folders/new/", {"name": "Seasons"}).status_code == 422
    with account_scope(acme.pk):
        folder = ListFolder.objects.get()
        List.objects.update(folder=folder)
    assert made["Location"] == f"/acme/lists/?folder={folder.pk}"
    member.post(f"/acme/lists/folders/{folder.pk}/rename/", {"name": "Parts of the year"})
    assert "Parts of the year" in page(member, "/acme/lists/")
    assert "The lists in it stay" in page(member, f"/acme/lists/folders/{folder.pk}/delete/")
    member.post(f"/acme/lists/folders/{folder.pk}/delete/")
    with account_scope(acme.pk):
        assert not ListFolder.objects.exists() and List.objects.get().folder is None
