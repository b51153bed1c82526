"""The table of records: searched, filtered, sorted, with chosen columns; and what is done to all that it finds."""

import json
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from records import list_refresh, lists, searching
from records.models import List, Record
from scheduling.clock import now
from tests.make import make_contact, make_contacts, make_list, make_object_type, make_record
from tests.web.conftest import Browsers
from web import paging, record_asks, record_table

OSLO = {"all": [{"property": "city", "operator": "eq", "value": "Oslo"}]}


def page(client: Client, query: str = "") -> str:
    answer = client.get(f"/acme/records/{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def names(client: Client, query: str = "") -> list[str]:
    shown = client.get(f"/acme/records/{query}").context["rows"]
    return [row["record"].properties["first_name"] for row in shown]


@pytest.fixture
def people(acme: Account) -> list[Record]:
    with account_scope(acme.pk):
        return [
            make_contact("a@example.com", first_name="Ada", city="Oslo", score=9),
            make_contact("b@example.com", first_name="Bo", city="Bergen", score=80),
            make_contact("c@example.com", first_name="Cy", city="Oslo"),
        ]


def test_records_are_filtered_by_criteria_told_as_a_sentence(
    member: Client, acme: Account, people: list[Record]
) -> None:
    query = f"?type=contact&criteria={quote(json.dumps(OSLO))}"
    assert names(member, query) == ["Cy", "Ada"]
    assert "City is Oslo" in page(member, query)
    assert names(member, f"{query}&search=ad") == ["Ada"]


@pytest.mark.parametrize("criteria", ["{", "[]", '{"property": "gone", "operator": "known"}', "[" * 5000, "%00"])
def test_a_filter_that_cannot_be_used_is_told_and_left_out(member: Client, people: list[Record], criteria: str) -> None:
    shown = page(member, f"?criteria={criteria}")
    assert "The filter cannot be used" in shown and "Bo" in shown


def test_the_builder_leads_to_the_table(member: Client, people: list[Record]) -> None:
    assert "Filter contacts" in str(member.get("/acme/records/filter/").content.decode())
    form = {
        "criteria.scope": "some",
        "criteria.match": "all",
        "criteria.0.what": "property:city",
        "criteria.0.operator": "eq",
        "criteria.0.value": "Oslo",
    }
    answer = member.post("/acme/records/filter/?type=contact&search=ada", form)
    assert answer.status_code == 302, answer.content.decode()
    assert names(member, answer.url.removeprefix("/acme/records/")) == ["Ada"]
    unfinished = member.post("/acme/records/filter/", {"criteria.scope": "some"})
    assert unfinished.status_code == 422 and "Finish the conditions first" in unfinished.content.decode()
    form["criteria.0.value"] = ""
    for written in (
        member.post("/acme/records/filter/draft/?type=contact", form),
        member.post("/acme/records/filter/draft/?type=contact", form, headers={"HX-Request": "true"}),
    ):
        told = written.content.decode()
        assert "Not finished yet: one of the conditions lacks something." in told and "not saved" not in told


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["Cy", "Bo", "Ada"]),
        ("id", ["Ada", "Bo", "Cy"]),
        ("name", ["Ada", "Bo", "Cy"]),
        ("-name", ["Cy", "Bo", "Ada"]),
        ("city", ["Bo", "Cy", "Ada"]),
        ("score", ["Ada", "Bo", "Cy"]),  # as numbers, unknown last
        ("-score", ["Bo", "Ada", "Cy"]),
        ("-updated_at", ["Cy", "Bo", "Ada"]),
        ("nonsense; drop table", ["Cy", "Bo", "Ada"]),
    ],
)
def test_the_table_is_sorted(
    member: Client, people: list[Record], monkeypatch: pytest.MonkeyPatch, sort: str, expected: list[str]
) -> None:
    assert names(member, f"?sort={sort}") == expected
    monkeypatch.setattr(paging, "ON_A_PAGE", 1)
    seen, address = [], f"?sort={sort}"
    while address:
        answer = member.get(f"/acme/records/{address}")
        seen += [row["record"].properties["first_name"] for row in answer.context["rows"]]
        address = answer.context["page"].older
    assert seen == expected
    back = member.get(f"/acme/records/{answer.context['page'].newer}")
    assert [row["record"].properties["first_name"] for row in back.context["rows"]] == expected[1:2]


def test_too_many_to_sort_are_shown_as_they_were_made(
    member: Client, people: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_SORTED", 2)
    shown = page(member, "?sort=name")
    assert "too many to sort" in shown and names(member, "?sort=name") == ["Cy", "Bo", "Ada"]
    assert "too many to sort" not in page(member, "?sort=name&search=ada")


def test_a_search_that_takes_too_long_is_given_up(
    member: Client, people: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "FROM", "from records_record r, pg_sleep(5) where {where}")
    monkeypatch.setattr(searching, "PATIENCE", 50)
    assert "Looking takes too long" in page(member, "?search=ada")


def test_columns_are_chosen_and_remembered_by_type(member: Client, acme: Account, people: list[Record]) -> None:
    assert "No address" not in page(member) and "Bergen" not in page(member)
    answer = member.post("/acme/records/columns/?type=contact", {"column": ["city", "score", "created_at", "gone"]})
    assert answer.url == "/acme/records/?type=contact"
    shown = page(member)
    assert "Bergen" in shown and "b@example.com" not in shown
    assert [each["label"] for each in member.get("/acme/records/").context["heads"]][1:3] == ["City", "Score"]
    with account_scope(acme.pk):
        make_record("company", name="Sjømat")
    assert "Sjømat" in page(member, "?type=company")
    member.post("/acme/records/columns/?type=contact", {})
    assert "Bergen" not in page(member)


@pytest.mark.parametrize("website", ["https://[firma.no]", "https://\u2100.no", "https://firma.no:99999999"])
def test_a_web_address_that_is_none_is_shown_as_it_is(member: Client, acme: Account, website: str) -> None:
    with account_scope(acme.pk):
        company = make_record("company", name="Firma", website=website)
    member.post("/acme/records/columns/?type=company", {"column": ["website"]})
    assert website in page(member, "?type=company")
    assert website in member.get(f"/acme/records/{company.pk}/").content.decode()


def test_archived_ones_have_a_view_of_their_own(member: Client, acme: Account, people: list[Record]) -> None:
    member.post(f"/acme/records/archive/?record={people[0].pk}")
    assert names(member) == ["Cy", "Bo"] and names(member, "?archived=1") == ["Ada"]


def test_all_that_are_found_are_put_on_a_list_archived_and_erased(
    member: Client, acme: Account, people: list[Record]
) -> None:
    with account_scope(acme.pk):
        winter = make_list("Winter")
    found = f"all=1&criteria={quote(json.dumps(OSLO))}"
    assert "Put 2 records on a list" in member.get(f"/acme/records/list/?{found}").content.decode()
    member.post(f"/acme/records/list/?{found}", {"list": winter.pk})
    with account_scope(acme.pk):
        assert lists.size(winter) == 2
    assert "Archive 2 records?" in member.get(f"/acme/records/archive/?{found}").content.decode()
    member.post(f"/acme/records/archive/?{found}")
    assert names(member) == ["Bo"]
    member.post("/acme/records/erase/?all=1&archived=1")
    with account_scope(acme.pk):
        assert [each.pk for each in Record.objects.all()] == [people[1].pk]


def test_a_new_list_is_made_for_those_who_are_found_or_chosen(
    member: Client, acme: Account, people: list[Record]
) -> None:
    asked = member.get(f"/acme/records/list/?record={people[0].pk}").content.decode()
    assert "A new list called" in asked and 'name="list"' not in asked
    answer = member.post(f"/acme/records/list/?record={people[0].pk}", {"name": " Winter "}, follow=True)
    assert "1 record was put on the list Winter." in answer.content.decode()
    member.post(f"/acme/records/list/?all=1&criteria={quote(json.dumps(OSLO))}", {"name": "Oslo", "list": ""})
    with account_scope(acme.pk):
        sizes = {each.name: lists.size(each) for each in List.objects.filter(is_hidden=False)}
    assert sizes == {"Winter": 1, "Oslo": 2}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Winter"}, "There is a list “Winter” already."),
        ({"name": " "}, "Choose a list, or write"),
        ({}, "Choose a list, or write"),
        ({"name": "Spring", "list": "winter"}, "Choose a list, or write"),
        ({"name": "x" * 201}, "1 to 200 characters"),
    ],
)
def test_a_list_that_cannot_be_told_is_asked_for_again_with_what_was_typed(
    member: Client, acme: Account, people: list[Record], given: dict[str, str], said: str
) -> None:
    with account_scope(acme.pk):
        winter = make_list("Winter")
    given = {**given, **({"list": str(winter.pk)} if "list" in given else {})}
    answer = member.post(f"/acme/records/list/?record={people[0].pk}", given)
    shown = answer.content.decode()
    assert answer.status_code == 422 and said in shown and "Put 1 record on a list" in shown
    assert f'value="{given.get("name", "")}"' in shown
    assert (f'value="{winter.pk}" selected' in shown) == ("list" in given)
    with account_scope(acme.pk):
        assert [each.name for each in List.objects.filter(is_hidden=False)] == ["Winter"] and lists.size(winter) == 0


def test_a_new_list_of_more_than_go_by_id_is_filled_by_a_worker(
    member: Client, acme: Account, people: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_asks, "MOST_TOGETHER", 2)
    monkeypatch.setattr(lists, "MOST_AT_ONCE", 1)
    answer = member.post("/acme/records/list/?all=1", {"name": "Everybody"}, follow=True)
    assert "Records are being put on the list." in answer.content.decode()
    with account_scope(acme.pk):
        assert List.objects.get(name="Everybody").kind == "static"


def test_too_many_at_once_go_the_latest_first_and_the_question_says_so(
    member: Client, people: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_asks, "MOST_TOGETHER", 2)
    asked = member.get("/acme/records/archive/?all=1").content.decode()
    assert "Archive 2 records?" in asked and "the latest 2 of those found" in asked
    member.post("/acme/records/archive/?all=1")
    assert names(member) == ["Ada"]
    assert "do it again" not in member.get("/acme/records/archive/?all=1").content.decode()
    member.post("/acme/records/archive/?all=1")
    assert names(member) == [] and len(names(member, "?archived=1")) == 3
    assert "Restore 2 records?" in member.get("/acme/records/restore/?all=1&archived=1").content.decode()


def test_too_many_are_not_erased_together(
    member: Client, people: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_asks, "MOST_TOGETHER", 2)
    answer = member.post("/acme/records/erase/?all=1")
    assert answer.status_code == 409 and "More than 2 records" in answer.content.decode()
    assert len(names(member)) == 3


@pytest.mark.parametrize("verb", ["archive", "restore", "erase", "list"])
def test_criteria_that_cannot_be_asked_any_more_do_not_mean_everybody(
    member: Client, acme: Account, people: list[Record], verb: str
) -> None:
    """A colleague archives the property between the question and the answer."""
    with account_scope(acme.pk):
        winter = make_list("Winter")
    gone = quote(json.dumps({"property": "gone", "operator": "known"}))
    for found in (f"all=1&criteria={gone}", "all=1&criteria=%7Bbroken"):
        assert member.post(f"/acme/records/{verb}/?{found}", {"list": winter.pk}).status_code == 409
    with account_scope(acme.pk):
        assert Record.objects.filter(archived_at=None).count() == 3 and lists.size(winter) == 0


def test_a_type_that_is_gone_does_not_mean_another(member: Client, acme: Account, people: list[Record]) -> None:
    assert member.post("/acme/records/erase/?all=1&type=gone").status_code == 404
    assert member.post("/acme/records/archive/?all=1&type=gone").status_code == 404
    assert len(names(member)) == 3


def test_too_many_are_not_put_on_a_list_by_their_words(
    member: Client, people: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_asks, "MOST_TOGETHER", 2)
    answer = member.post("/acme/records/list/?all=1&search=example")
    assert answer.status_code == 409 and "More than 2 records" in answer.content.decode()


def test_too_many_for_one_request_are_put_on_a_list_by_a_worker(
    member: Client, acme: Account, people: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_asks, "MOST_TOGETHER", 1)
    monkeypatch.setattr(lists, "MOST_AT_ONCE", 1)
    with account_scope(acme.pk):
        winter = make_list("Winter")
    found = f"/acme/records/list/?all=1&criteria={quote(json.dumps(OSLO))}"
    assert "Put 2 records on a list" in member.get(found).content.decode()
    answer = member.post(found, {"list": winter.pk}, follow=True)
    assert "Records are being put on the list" in answer.content.decode()
    again = member.post(found, {"list": winter.pk})
    assert again.status_code == 409 and "Wait until that is done" in again.content.decode()
    assert list_refresh.due(10) == [(acme.pk, winter.pk)]
    with account_scope(acme.pk):
        assert List.objects.get(pk=winter.pk).criteria == OSLO


def test_the_other_accounts_records_are_never_found(
    acme: Account, globex: Account, stranger: Client, people: list[Record]
) -> None:
    with account_scope(globex.pk):
        make_object_type()
    shown = stranger.get(f"/globex/records/?search=ada&criteria={quote(json.dumps({'all': []}))}")
    assert shown.context["rows"] == []
    with account_scope(globex.pk):
        theirs = make_contact(first_name="Ada").pk
        assert searching.ids(searching.Wanted(search="ada"), limit=10) == [theirs]


def test_the_table_costs_the_same_however_many_there_are(member: Client, acme: Account, people: list[Record]) -> None:
    used = []
    for more in (1, 30):
        with account_scope(acme.pk):
            make_contacts(more, city="Oslo")
        for query in ("", "?sort=name", "?search=person", f"?criteria={quote(json.dumps(OSLO))}"):
            with CaptureQueriesContext(connection) as queries:
                page(member, query)
            used.append(len(queries))
    assert used[:4] == used[4:]


def test_a_viewer_has_no_boxes_and_may_not_change(acme: Account, browser_of: Browsers, people: list[Record]) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    assert "checkbox" not in page(viewer).split("<table")[1]
    assert viewer.post("/acme/records/list/?all=1").status_code == 403


def test_the_number_of_those_found_is_told_at_once_where_all_are_shown(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_contacts(2, city="Oslo")
        make_contact("ola@example.com", city="Bergen")
        Record.objects.filter(pk=make_contact("kari@example.com").pk).update(archived_at=now())
    oslo = quote(json.dumps(OSLO))
    for address, said in (("", "3 contacts"), ("?search=ola", "1 contact<"), (f"?criteria={oslo}", "2 contacts")):
        shown = page(member, address)
        assert said in shown and "records/count/" not in shown
    assert "1 contact<" in page(member, "count/?archived=1")


def test_the_number_of_those_found_waits_for_nothing(
    member: Client, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for beside the page, and left out when counting takes longer than anybody looks."""
    monkeypatch.setattr(paging, "ON_A_PAGE", 2)
    with account_scope(acme.pk):
        make_contacts(3, city="Oslo")
    shown = page(member, "?search=person")
    assert 'hx-get="/acme/records/count/?search=person&amp;type=contact" hx-trigger="load"' in shown
    monkeypatch.setattr(record_table, "PATIENCE", 1)
    monkeypatch.setattr(searching, "FROM", "from pg_sleep(1), records_record r where {where}")
    beside = page(member, "count/?search=person")
    assert "contact" not in beside and "hx-get" not in beside
