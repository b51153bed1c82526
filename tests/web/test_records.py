"""Records in the browser: a table to search, a record with its story, and a form that reads values by their type."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Member
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Visibility
from messaging.models import Message
from records.events import record_events
from records.models import Consent, Event, Import, Property, PropertyType, Record
from records.upserts import upsert
from scheduling.clock import now
from tests.make import (
    make_contact,
    make_contacts,
    make_content,
    make_flow,
    make_list,
    make_object_type,
    make_participant,
    make_property,
    make_record,
)
from tests.web.conftest import Browsers, make_member, make_person
from web import paging


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def kathe(acme: Account) -> Record:
    """Somebody with a name, an address and consent."""
    with account_scope(acme.pk):
        return make_contact("kathe@example.com", first_name="Käthe", last_name="Ångström", city="Borås")


def read(acme: Account, record: Record) -> Record:
    with account_scope(acme.pk):
        return Record.objects.get(pk=record.pk)


# --- The table -------------------------------------------------------------------------------------------------


def test_records_are_listed_with_name_address_and_consent(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        make_contact(None, consent=False)
        make_record("company", name="Sjømat AS")
    shown = page(member, "/acme/records/")
    for expected in ("Käthe Ångström", "kathe@example.com", "Given", "Not asked", "No address"):
        assert expected in shown
    assert "Sjømat" not in shown and "Sjømat AS" in page(member, "/acme/records/?type=company")
    assert "Käthe" in page(member, "/acme/records/?type=nonsense")


@pytest.mark.parametrize("search", ["käthe", "ångström käthe", "KATHE@", "c-17", "%C3%85ng"])
def test_somebody_is_found_by_each_word_of_name_address_or_external_id(
    member: Client, acme: Account, kathe: Record, search: str
) -> None:
    with account_scope(acme.pk):
        Record.objects.filter(pk=kathe.pk).update(external_id="C-17")
        make_contact("linnea@example.com", first_name="Linnéa")
    shown = page(member, f"/acme/records/?search={search}")
    assert "Käthe" in shown and "Linnéa" not in shown


def test_nobody_found_and_nobody_there_say_what_to_do(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_object_type()
    assert "Import a file" in page(member, "/acme/records/")
    for search in ("x", "100%25", "%00", "_"):
        shown = page(member, f"/acme/records/?search={search}")
        assert ("Nobody is found" in shown) == (search != "%00")


def test_archived_records_are_left_out(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        Record.objects.filter(pk=kathe.pk).update(archived_at=now())
    assert "Käthe" not in page(member, "/acme/records/")
    assert "Archived" in page(member, f"/acme/records/{kathe.pk}/")
    assert member.get(f"/acme/records/{kathe.pk}/edit/").status_code == 409


def test_pages_go_forth_and_keep_the_search(member: Client, acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "ON_A_PAGE", 2)
    with account_scope(acme.pk):
        made = make_contacts(5, city="Oslo")
    seen, address = [], "?search=person"
    while address:
        beside = member.get(f"/acme/records/count/{address}").content.decode()
        assert "5 contacts" in beside and "hx-get" not in beside
        shown = member.get(f"/acme/records/{address}").context["page"]
        seen += [record.pk for record in shown.rows]
        address = shown.older
        assert not address or "search=person" in address
    assert seen == sorted((record.pk for record in made), reverse=True)


# --- One record ------------------------------------------------------------------------------------------------


def test_a_record_shows_what_is_known_by_its_type(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        contact = make_object_type()
        make_property("member_since", PropertyType.DATETIME)
        make_property("keen", PropertyType.BOOLEAN)
        make_property("site", PropertyType.URL)
        record = Record.objects.create(
            object_type=contact,
            external_id="C-17",
            properties={
                "first_name": "<b>Käthe</b>",
                "date_of_birth": "1984-02-29",
                "member_since": "2026-06-01T10:00:00Z",
                "keen": False,
                "score": 12840,
                "site": "https://example.com/?a=1&b=2",
            },
        )
    shown = page(member, f"/acme/records/{record.pk}/")
    for expected in (
        "&lt;b&gt;Käthe&lt;/b&gt;",
        "29 February 1984",
        "1 June 2026 12:00",  # in Oslo
        "<dd>No</dd>",
        "12\u202f840",
        '<a href="https://example.com/?a=1&amp;b=2" rel="noopener noreferrer" target="_blank">',
        "C-17",
        "Not asked",
        "Not known: ",
    ):
        assert expected in shown


def test_a_record_tells_its_story(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        content, flow, winter = (
            make_content("Fredagsbrev"),
            make_flow(["wait 2 days"], name="Season"),
            make_list("Winter"),
        )
        upsert(kathe.object_type, [{"id": kathe.pk, "properties": {"city": "Växjö"}}], match_on="id", source="api")
        record_events("list_joined", [kathe.pk], {"list": winter.pk})
        for kind in ("message_handed_over", "link_clicked"):
            record_events(kind, [kathe.pk], {"content_id": content.pk, "url": "https://a.example/"}, flow_id=flow.pk)
        record_events("custom.order_placed", [kathe.pk])
        record_events("list_left", [kathe.pk], {"list": 0})
    shown = page(member, f"/acme/records/{kathe.pk}/")
    for expected in (
        "City: Borås → <b>Växjö</b>",
        "By the API",
        f'Put on the list <a href="/acme/lists/{winter.pk}/">Winter</a>',
        f'Was sent <a href="/acme/contents/{content.pk}/">Fredagsbrev</a>',
        "Clicked a link in",
        f'Flow <a href="/acme/flows/{flow.pk}/">Season</a>',
        "Order placed",
        "Taken off the list that was deleted",
    ):
        assert expected in shown
    messages = page(member, f"/acme/records/{kathe.pk}/?show=messages")
    assert "Was sent" in messages and "Put on the list" not in messages
    changes = page(member, f"/acme/records/{kathe.pk}/?show=changes")
    assert "Was sent" not in changes and "Put on the list" in changes


def test_the_story_of_an_imported_record_begins_with_its_import(
    member: Client, acme: Account, kathe: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    with account_scope(acme.pk):
        source = Import.objects.create(name="Fair <2027>", object_type=kathe.object_type, mapping={})
        Record.objects.filter(pk=kathe.pk).update(import_id=source.pk)
        Event.objects.filter(record_id=kathe.pk).delete()
    begins = f'Created by the import <a href="/acme/imports/{source.pk}/">Fair &lt;2027&gt;</a>'
    address = f"/acme/records/{kathe.pk}/"
    assert begins in page(member, address) and begins in page(member, f"{address}?show=changes")
    assert begins not in page(member, f"{address}?show=messages")
    with account_scope(acme.pk):
        record_events("custom.order_placed", [kathe.pk])
        record_events("custom.order_placed", [kathe.pk])
    shown = page(member, address)
    assert shown.index("Order placed") < shown.index(begins) and shown.count("story-day") == 1
    monkeypatch.setattr(paging, "ON_A_PAGE", 1)
    first = member.get(address)
    assert begins not in first.content.decode()
    assert begins in page(member, f"{address}{first.context['page'].older}")
    with account_scope(acme.pk):
        source.delete()
    assert "Created by an import" in page(member, f"{address}?show=changes")


def test_a_record_names_its_flows_lists_and_messages(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], name="Season")
        make_participant(flow, kathe)
        make_list("Winter", [kathe])
        for number, status in enumerate(("queued", "failed")):
            Message.objects.create(
                outbox=flow.outbox,
                origin_key=str(number),
                record=kathe,
                content=make_content(f"Letter {number}"),
                address="kathe@example.com",
                flow_id=flow.pk,
                status=status,
            )
    shown = page(member, f"/acme/records/{kathe.pk}/")
    for expected in ("Season", 'data-status="active"', "Winter", "Letter 0", "Letter 1", "Failed", "Queued"):
        assert expected in shown


def test_flows_that_one_may_not_see_are_not_told(acme: Account, browser_of: Browsers, kathe: Record) -> None:
    owner = make_member(acme, Role.MARKETER)
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], name="Secret", visibility=Visibility.OWNER, owner=owner)
        content = make_content("Secret too", flow_id=flow.pk)
        make_participant(flow, kathe)
        Message.objects.create(
            outbox=flow.outbox, origin_key="1", record=kathe, content=content, address="a@example.com", flow_id=flow.pk
        )
        record_events("message_handed_over", [kathe.pk], {"content_id": content.pk}, flow_id=flow.pk)
    shown = page(browser_of(acme, Role.MARKETER), f"/acme/records/{kathe.pk}/")
    assert "Secret" not in shown and "Was sent A message" in shown
    assert "Secret too" in page(browser_of(acme), f"/acme/records/{kathe.pk}/"), "an admin sees everything"


# --- Making one ------------------------------------------------------------------------------------------------


def test_a_record_is_made_in_the_browser(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_property("interests", PropertyType.MULTIPLE_CHOICE, options=["Ski", "Sail", "Sing"])
    assert "New company" in page(member, "/acme/records/new/?type=company")
    made = {
        "property-first_name": "Ada",
        "property-email": "ADA@example.com",
        "property-interests": ["", "Sing", "Ski"],
        "consent": "given",
        "consent_at": "2026-06-01T12:00",
    }
    shown = member.post("/acme/records/new/", made, follow=True).content.decode()
    assert "Saved." in shown and "Ski, Sing" in shown
    with account_scope(acme.pk):
        record = Record.objects.get()
        assert record.properties == {"first_name": "Ada", "email": "ada@example.com", "interests": ["Ski", "Sing"]}
        assert (record.consent, record.consent_at.isoformat()) == ("given", "2026-06-01T10:00:00+00:00")


def test_a_second_record_with_an_address_is_asked_about(member: Client, acme: Account, kathe: Record) -> None:
    again = {"property-email": "Kathe@Example.com"}
    answer = member.post("/acme/records/new/", again)
    shown = answer.content.decode()
    assert answer.status_code == 422 and f'<a href="/acme/records/{kathe.pk}/">Käthe Ångström</a> has this' in shown
    assert member.post("/acme/records/new/", {**again, "anyway": "1"}).status_code == 302
    with account_scope(acme.pk):
        assert Record.objects.filter(email="kathe@example.com").count() == 2


def test_an_owner_is_chosen_among_the_members(member: Client, acme: Account, kathe: Record) -> None:
    make_member(acme, user=make_person("olga@example.com", name="Olga"))
    with account_scope(acme.pk):
        olga = Member.objects.get(user__name="Olga").pk
    assert f'<option value="{olga}">Olga</option>' in page(member, f"/acme/records/{kathe.pk}/edit/")
    change(member, kathe, **{"property-owner": olga})
    assert "<dd>Olga</dd>" in page(member, f"/acme/records/{kathe.pk}/")


# --- Changing one ----------------------------------------------------------------------------------------------


def change(client: Client, record: Record, **typed: object) -> Any:
    form = {"read_at": record.updated_at.isoformat(), **typed}
    return client.post(f"/acme/records/{record.pk}/edit/", form, follow=True)


def test_values_are_read_by_their_type(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        make_property("member_since", PropertyType.DATETIME)
        make_property("keen", PropertyType.BOOLEAN)
    typed = {
        "property-email": " KATHE@Example.com ",
        "property-score": "1 234,5",
        "property-date_of_birth": "29.02.1984",
        "property-member_since": "2026-06-01T12:00",
        "property-keen": "true",
        "property-city": "",
        "consent": "withdrawn",
        "external_id": "C-17",
    }
    assert "Saved." in change(member, kathe, **typed).content.decode()
    record = read(acme, kathe)
    assert record.properties == {
        "email": "kathe@example.com",
        "first_name": "Käthe",
        "last_name": "Ångström",
        "score": 1234.5,
        "date_of_birth": "1984-02-29",
        "member_since": "2026-06-01T10:00:00Z",
        "keen": True,
    }
    assert (record.consent, record.external_id) == (Consent.WITHDRAWN, "C-17")
    with account_scope(acme.pk):
        assert Event.objects.get(kind="record_updated").detail["source"] == "member"


def test_a_form_that_was_only_looked_at_changes_nothing(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        odd = {
            **kathe.properties,
            "phone": "12 34",
            "lifecycle_stage": "Customer",
            "created_on": "2026-01-01T00:00:30Z",
        }
        Record.objects.filter(pk=kathe.pk).update(properties=odd)
    shown = member.get(f"/acme/records/{kathe.pk}/edit/")
    typed = {each.name: each.typed for each in shown.context["fields"]}
    assert "Nothing was different." in change(member, kathe, **typed).content.decode()
    assert read(acme, kathe).properties == odd


def test_a_wrong_value_is_refused_beside_its_field_and_nothing_is_lost(
    member: Client, acme: Account, kathe: Record
) -> None:
    answer = change(member, kathe, **{"property-date_of_birth": "snart", "property-city": "Oslo"})
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="property-date_of_birth-error"' in shown and "“snart” is not a date" in shown
    assert 'value="snart" aria-invalid="true" autofocus' in shown and 'value="Oslo"' in shown
    assert shown.count(" autofocus") == 1, "the fault is in sight, however long the form"
    assert 'aria-describedby="external_id-hint"' in shown
    assert read(acme, kathe).properties["city"] == "Borås"


def test_of_two_who_change_a_record_the_second_is_told(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        later = kathe.updated_at + timedelta(seconds=1)
        Record.objects.filter(pk=kathe.pk).update(properties={**kathe.properties, "city": "Oslo"}, updated_at=later)
    stale = change(member, kathe, **{"property-city": "Bergen"})
    assert stale.status_code == 412 and "Somebody changed this record" in stale.content.decode()
    assert 'value="Bergen"' in stale.content.decode()
    assert read(acme, kathe).properties["city"] == "Oslo"
    assert change(member, read(acme, kathe), **{"property-city": "Bergen"}).status_code == 200
    assert read(acme, kathe).properties["city"] == "Bergen"


def test_a_taken_external_id_is_refused(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        make_contact(external_id="C-17")
    answer = change(member, kathe, external_id="C-17")
    assert answer.status_code == 422 and "Another record has this external id." in answer.content.decode()


def test_archived_properties_are_not_in_the_form(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        Property.objects.filter(key="city").update(archived_at=now())
    assert "property-city" not in page(member, f"/acme/records/{kathe.pk}/edit/")


def test_a_viewer_looks_and_changes_nothing(acme: Account, browser_of: Browsers, kathe: Record) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    shown = page(viewer, f"/acme/records/{kathe.pk}/")
    assert 'aria-disabled="true"' in shown and "You need the role marketer" in shown
    assert "data-rows-one" not in page(viewer, "/acme/records/")
    assert change(viewer, kathe, **{"property-city": "Oslo"}).status_code == 403


def test_pages_cost_the_same_however_much_there_is(member: Client, acme: Account, kathe: Record) -> None:
    used = []
    for more in (1, 30):
        with account_scope(acme.pk):
            for _ in range(more):
                flow, content = make_flow(["wait 2 days"]), make_content()
                make_participant(flow, kathe)
                make_list(records=[kathe])
                record_events("message_handed_over", [kathe.pk], {"content_id": content.pk}, flow_id=flow.pk)
            make_contacts(more)
        for address in ("/acme/records/", f"/acme/records/{kathe.pk}/"):
            with CaptureQueriesContext(connection) as queries:
                page(member, address)
            used.append(len(queries))
    assert used[:2] == used[2:]
