"""The editor's e-mail, success and settings pages, and the live count."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from messaging.models import SubscriptionType
from records import matching
from scheduling.clock import now
from tests.make import EVERY_RECORD, make_contact, make_flow, make_list, make_object_type
from tests.web.conftest import Browsers
from tests.web.editing import document_of, send, text

CUSTOMERS = {
    ".match": "all",
    ".0.what": "property:country",
    ".0.operator": "eq",
    ".0.value": "NO",
}
TREE = {"all": [{"property": "country", "operator": "eq", "value": "NO"}]}


def criteria(name: str, **more: str) -> dict[str, str]:
    """The fields of a builder that says that the country is Norway."""
    return {f"{name}{key}": value for key, value in CUSTOMERS.items()} | {f"{name}.scope": "some"}


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A flow that only waits."""
    with account_scope(acme.pk):
        return make_flow(["wait 2 days"], email=False, name="Winter")


def test_the_sender_is_saved_as_it_is_typed(member: Client, flow: Flow) -> None:
    answer = send(
        member,
        flow,
        "email/",
        email__sender_name="Havrevik",
        email__sender_address="hei@havrevik.example",
        email__reply_address="",
    )
    assert answer.status_code == 200 and "Saved " in text(answer)
    assert document_of(flow)["email"]["sender_address"] == "hei@havrevik.example"
    assert "hei@havrevik.example" in text(member.get(f"/acme/flows/{flow.pk}/edit/email/"))


def test_an_address_that_is_none_is_told_at_its_field(member: Client, flow: Flow) -> None:
    answer = send(member, flow, "email/", email__sender_address="nobody")
    assert answer.status_code == 422 and 'data-for="email.sender_address"' in text(answer)
    assert document_of(flow)["email"]["sender_address"] == ""
    plain = send(member, flow, "email/", htmx=False, email__sender_address="nobody")
    assert 'value="nobody"' in text(plain) and "Write an e-mail address" in text(plain)


def test_a_subscription_type_is_made_and_chosen(member: Client, acme: Account, flow: Flow) -> None:
    answer = send(member, flow, "email/", do="new_subscription_type", new_subscription_type="Offers")
    with account_scope(acme.pk):
        made = SubscriptionType.objects.get(name="Offers")
    assert document_of(flow)["email"]["subscription_type"] == made.pk
    assert ">Offers</option>" in text(answer)
    send(member, flow, "email/", do="new_subscription_type", new_subscription_type="Offers")
    assert send(member, flow, "email/", do="new_subscription_type", new_subscription_type=" ").status_code == 422
    with account_scope(acme.pk):
        assert SubscriptionType.objects.count() == 1


def test_only_admins_override_consent(acme: Account, browser_of: Browsers, flow: Flow) -> None:
    admin, flow_admin = browser_of(acme, Role.ADMIN), browser_of(acme, Role.FLOW_ADMIN)
    page = text(flow_admin.get(f"/acme/flows/{flow.pk}/edit/email/"))
    assert "You need the role admin or owner for this." in page
    send(flow_admin, flow, "email/", email__override_consent="on")
    assert document_of(flow)["email"]["override_consent"] is False
    send(admin, flow, "email/", email__override_consent="on")
    assert document_of(flow)["email"]["override_consent"] is True
    send(flow_admin, flow, "email/", email__sender_name="Kept")
    assert document_of(flow)["email"]["override_consent"] is True


def test_problems_stand_at_their_fields(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["send_email"], email=False)
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/email/"))
    assert page.count("Write the address that e-mails come from.") >= 2


def test_success_has_a_name_and_criteria(member: Client, flow: Flow) -> None:
    send(
        member,
        flow,
        "success/",
        **criteria("success.0.criteria"),
        **{"success.0.name": "Came back", "jump_to_finish": "on"},
    )
    document = document_of(flow)
    assert document["success"] == [{"name": "Came back", "criteria": TREE}] and document["jump_to_finish"] is True
    send(member, flow, "success/", **criteria("success.0.criteria"), **{"success.0.name": " "})
    assert document_of(flow)["success"][0]["name"] == "Success"
    answer = send(member, flow, "success/", redraw="1", **{"success.0.criteria.scope": ""})
    assert document_of(flow)["success"] == [] and "What success is called" not in text(answer)


def test_further_success_criteria_stay(member: Client, acme: Account) -> None:
    more = {"name": "Second", "criteria": EVERY_RECORD}
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], success=[{"name": "First", "criteria": TREE}, more])
    assert "Second" in text(member.get(f"/acme/flows/{flow.pk}/edit/success/"))
    send(member, flow, "success/", **criteria("success.0.criteria"), **{"success.0.name": "Renamed"})
    assert document_of(flow)["success"] == [{"name": "Renamed", "criteria": TREE}, more]


def whole(flow: Flow, **changed: Any) -> dict[str, Any]:
    """What the settings page posts."""
    document = document_of(flow)
    fields = {name: document[name] for name in ("name", "description", "time_zone")}
    return {**fields, "only_once": "on", "filter.scope": "", "unenrolment.scope": "", **changed}


def test_settings_are_saved(member: Client, flow: Flow) -> None:
    fields = whole(
        flow,
        name="Renamed",
        description="Two\nlines",
        time_zone="Europe/Stockholm",
        starts_at="2027-07-01T09:00",
        enrolment_ends_at="2027-12-01T09:00",
        **criteria("filter"),
    )
    del fields["only_once"]
    assert send(member, flow, "settings/", **fields).status_code == 200
    document = document_of(flow)
    assert (document["name"], document["description"], document["only_once"]) == ("Renamed", "Two\nlines", False)
    assert (document["starts_at"], document["enrolment_ends_at"]) == ("2027-07-01T07:00:00Z", "2027-12-01T08:00:00Z")
    assert document["filter"] == TREE and document["unenrolment"] is None
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/settings/"))
    assert 'value="2027-07-01T09:00"' in page and "Country is NO." in page


def test_a_filter_is_taken_away_by_its_choice_only(member: Client, flow: Flow) -> None:
    send(member, flow, "settings/", **whole(flow, **criteria("filter")))
    blank = {"filter.scope": "some", "filter.match": "all", "filter.0.what": ""}
    send(member, flow, "settings/", **whole(flow, **blank))
    assert document_of(flow)["filter"] == TREE
    send(member, flow, "settings/", **whole(flow))
    assert document_of(flow)["filter"] is None


def test_faults_of_the_settings_stand_at_their_fields(member: Client, flow: Flow) -> None:
    answer = send(member, flow, "settings/", **whole(flow, name=" ", time_zone="Mars/Base", starts_at="soon"))
    for name in ("name", "time_zone", "starts_at"):
        assert f'data-for="{name}"' in text(answer), name
    wrong_end = whole(flow, starts_at="2027-07-01T09:00", enrolment_ends_at="2027-06-01T09:00")
    assert 'data-for="enrolment_ends_at"' in text(send(member, flow, "settings/", **wrong_end))
    assert document_of(flow)["revision"] == 1


def test_the_start_of_a_paused_flow_and_only_once_of_a_scheduled_one_are_greyed_out(
    member: Client, acme: Account
) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], schedule={"frequency": "daily"}, status=FlowStatus.PAUSED)
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/settings/"))
    assert "a schedule enrols everyone who meets its criteria" in page
    assert "The start can be set only before the flow is turned on." in page
    fields = whole(flow, description="New")
    del fields["only_once"]
    assert send(member, flow, "settings/", **fields).status_code == 200
    assert document_of(flow)["only_once"] is True, "a field that is greyed out is not posted, and stays"


def test_exclusion_lists_are_added_and_removed(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        one, two = make_list("Staff"), make_list("Partners")
    answer = send(member, flow, "settings/", redraw="1", **whole(flow, exclusion_lists=[str(one.pk), ""]))
    assert document_of(flow)["exclusion_lists"] == [one.pk]
    assert "Remove Staff" in text(answer)
    both = whole(flow, exclusion_lists=[str(one.pk), str(two.pk)])
    send(member, flow, "settings/", **both)
    assert document_of(flow)["exclusion_lists"] == [one.pk, two.pk]
    send(member, flow, "settings/", do=f"remove_list {one.pk}", **both)
    assert document_of(flow)["exclusion_lists"] == [two.pk]
    assert send(member, flow, "settings/", do=f"remove_list {'9' * 5_000}", **both).status_code == 200
    assert send(member, flow, "settings/", **whole(flow, exclusion_lists=["999999"])).status_code == 422


def test_records_that_match_are_counted(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        for country in ("NO", "NO", "SE"):
            make_contact(country=country)
    answer = member.post(f"/acme/flows/{flow.pk}/edit/criteria/", {**criteria("filter"), "builder": "filter"})
    assert "<output>2</output>" in text(answer) and "contacts match right now" in text(answer)
    assert text(answer).count('href="/acme/records/') == 2, "and some of them are shown"
    unfinished = {**criteria("filter"), "filter.0.value": "", "builder": "filter"}
    assert "output" not in text(member.post(f"/acme/flows/{flow.pk}/edit/criteria/", unfinished))
    assert member.post(f"/acme/flows/{flow.pk}/edit/criteria/", criteria("filter")).status_code == 404


def test_a_stranger_counts_nothing(stranger: Client, flow: Flow) -> None:
    fields = {**criteria("filter"), "builder": "filter"}
    assert stranger.post(f"/globex/flows/{flow.pk}/edit/criteria/", fields).status_code == 404


def test_counting_gives_up_rather_than_hold_up_the_page(in_acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact()
    slow = "from records_record r, pg_sleep(5) where r.account_id = %(account)s and ({where})"
    monkeypatch.setattr(matching, "WHERE", slow)
    monkeypatch.setattr(matching, "PATIENCE", 50)
    contact = make_object_type()
    assert matching.count(EVERY_RECORD, contact, moment=now(), zone="UTC") is None
    assert matching.look(EVERY_RECORD, contact, moment=now(), zone="UTC") == matching.Found(None, [])
    monkeypatch.undo()
    assert matching.count(EVERY_RECORD, contact, moment=now(), zone="UTC") == 1, "the transaction goes on"
