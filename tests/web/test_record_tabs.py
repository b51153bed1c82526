"""What a record belongs with, its flows, messages and lists, page by page; and who did what in its story."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from messaging.models import Message
from records.associations import associate_many
from records.models import Association, Record
from tests.make import (
    make_contact,
    make_contacts,
    make_content,
    make_flow,
    make_list,
    make_participant,
    make_record,
)
from tests.web.conftest import Browsers

TABS = ("", "associations/", "flows/", "messages/", "lists/")


@pytest.fixture
def kathe(acme: Account) -> Record:
    with account_scope(acme.pk):
        return make_contact("kathe@example.com", first_name="Käthe")


def page(client: Client, record: Record, tab: str = "", **headers: Any) -> str:
    answer = client.get(f"/acme/records/{record.pk}/{tab}", **headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_record_is_found_associated_made_primary_and_let_go(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        shop = make_record("company", name="Sjømat & Sønn")
    address = f"/acme/records/{kathe.pk}/associations/"
    assert "No associations" in page(member, kathe, "associations/")
    offered = page(member, kathe, "associations/?search=sjøm&type=company", headers={"HX-Request": "true"})
    assert "Sjømat &amp; Sønn" in offered and "<html" not in offered
    assert "They belong together now." in member.post(address, {"record": shop.pk}, follow=True).content.decode()
    assert "Nobody else" in page(member, kathe, "associations/?search=sjøm&type=company")
    member.post(f"{address}{shop.pk}/", {"primary": "yes"})
    with account_scope(acme.pk):
        assert Association.objects.get(record=kathe).is_primary
    assert "Company · primary" in page(member, kathe)
    assert "Käthe" in page(member, shop, "associations/")
    told = page(member, shop)
    assert f'Associated with <a href="/acme/records/{kathe.pk}/">Käthe</a>' in told
    member.post(f"{address}{shop.pk}/", {"remove": "1"})
    assert "No longer associated with" in page(member, kathe)
    with account_scope(acme.pk):
        assert not Association.objects.exists()


def test_who_changed_what_stands_in_the_story(member: Client, acme: Account, kathe: Record) -> None:
    form = {"read_at": kathe.updated_at.isoformat(), "property-city": "Oslo", "consent": "withdrawn"}
    member.post(f"/acme/records/{kathe.pk}/edit/", form)
    told = page(member, kathe)
    assert "City: – → <b>Oslo</b>" in told and "Consent: Given → <b>Withdrawn</b>" in told
    assert told.count("By person-") == 2, "in the story, and beside the consent"


def test_flows_messages_and_lists_have_pages_of_their_own(member: Client, acme: Account, kathe: Record) -> None:
    with account_scope(acme.pk):
        flow, content = make_flow(["wait 2 days"], name="Season"), make_content("Fredagsbrev")
        make_participant(flow, kathe, status="dropped_out", reason="no_consent")
        make_list("Winter", [kathe])
        Message.objects.create(
            outbox=flow.outbox, origin_key="1", record=kathe, content=content, address="k@example.com", flow_id=flow.pk
        )
    assert "Season" in page(member, kathe, "flows/") and "consent" in page(member, kathe, "flows/")
    assert "Fredagsbrev" in page(member, kathe, "messages/")
    assert "Winter" in page(member, kathe, "lists/")


@pytest.mark.parametrize("key", ["company", "deal", "ticket", "activity", "project"])
def test_every_type_of_record_has_its_pages(member: Client, acme: Account, key: str) -> None:
    with account_scope(acme.pk):
        record = make_record(key, name="Nordlys")
    for tab in TABS:
        shown = page(member, record, tab)
        assert "Nordlys" in shown and "Consent" not in shown


def test_a_viewer_sees_associations_and_changes_none(acme: Account, browser_of: Browsers, kathe: Record) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    assert "Associate with another" not in page(viewer, kathe, "associations/")
    assert viewer.post(f"/acme/records/{kathe.pk}/associations/", {"record": kathe.pk}).status_code == 403


def test_another_accounts_record_cannot_be_associated(
    member: Client, acme: Account, globex: Account, kathe: Record
) -> None:
    with account_scope(globex.pk):
        theirs = make_contact()
    assert member.post(f"/acme/records/{kathe.pk}/associations/", {"record": theirs.pk}).status_code == 404


def test_pages_of_a_record_cost_the_same_however_much_there_is(member: Client, acme: Account, kathe: Record) -> None:
    used = []
    for more in (1, 20):
        with account_scope(acme.pk):
            associate_many([(kathe.pk, each.pk) for each in make_contacts(more)])
            for _ in range(more):
                flow = make_flow(["wait 2 days"])
                make_participant(flow, kathe)
                make_list(records=[kathe])
        for tab in TABS:
            with CaptureQueriesContext(connection) as queries:
                page(member, kathe, tab)
            used.append(len(queries))
    assert used[: len(TABS)] == used[len(TABS) :]
