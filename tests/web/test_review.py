"""Review and turn on, and the search over flows and records."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Visibility
from records import lists
from records.models import List, Property
from scheduling.clock import now
from tests.make import make_contact, make_contacts, make_flow, make_participant, make_property, make_record, steps_of
from tests.web.conftest import Browsers, make_person

HTMX = {"HTTP_HX_REQUEST": "true"}
IN_NORWAY = {"property": "country", "operator": "eq", "value": "Norway"}
LAST_DAY = {"frequency": "monthly", "days": [31]}


def review(client: Client, flow: Flow) -> str:
    """The text of the review."""
    answer = client.get(f"/acme/flows/{flow.pk}/review/")
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A flow that can be turned on."""
    with account_scope(acme.pk):
        make_property("country")
        return make_flow(["wait 2 days"], name="Welcome", schedule=LAST_DAY, criteria=IN_NORWAY)


def test_the_review_says_who_matches_and_when_it_runs(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_contacts(12, country="Norway", first_name="Kari")
        make_contact(country="Sweden")
    answer = member.get(f"/acme/flows/{flow.pk}/review/")
    said = answer.content.decode()
    assert (answer.context["count"], len(answer.context["examples"]), answer.context["all"]) == (12, 10, 13)
    assert len(answer.context["coming"]) == 10 and all(each["run"].at > now() for each in answer.context["coming"])
    assert "Country is Norway." in said and "Every month on the 31st at 09:00" in said
    assert "no run in" in said.lower(), "the months without a 31st are warned about"
    assert f'action="/acme/flows/{flow.pk}/review/turn-on/"' in said


def test_a_problem_leads_to_its_place_in_the_editor(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow([{"kind": "wait", "settings": {}}, "send_email"], email=False, schedule=LAST_DAY)
        step = steps_of(flow, "wait")[0]
        unsuccessful = make_flow(
            ["wait 1 days"], success=[{"name": "Gone", "criteria": {"property": "x", "operator": "known"}}]
        )
    said = review(member, flow)
    for address in (f"/acme/flows/{flow.pk}/edit/?step={step.pk}", f"/acme/flows/{flow.pk}/edit/email/"):
        assert f'href="{address}"' in said
    assert "4 problems stop the flow" in said and "/review/turn-on/" not in said
    assert f'href="/acme/flows/{unsuccessful.pk}/edit/success/"' in review(member, unsuccessful)


def test_without_a_trigger_only_people_by_hand_come_in(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"])
    said = review(member, flow)
    assert "<p>Without a trigger only people enrolled by hand enter the flow.</p>" in said
    assert member.post(f"/acme/flows/{flow.pk}/review/list/").status_code == 404


def test_criteria_that_name_what_is_gone_are_a_problem_and_match_nobody(
    member: Client, acme: Account, flow: Flow
) -> None:
    with account_scope(acme.pk):
        Property.objects.filter(key="country").delete()
    said = review(member, flow)
    assert "no criteria that work yet" in said and "1 problem stops the flow" in said


def test_turning_on_starts_and_resumes_and_leaves_a_running_flow_alone(
    member: Client, acme: Account, flow: Flow
) -> None:
    address = f"/acme/flows/{flow.pk}/review/turn-on/"
    for status in (FlowStatus.NOT_RUNNING, FlowStatus.PAUSED, FlowStatus.RUNNING):
        with account_scope(acme.pk):
            Flow.objects.filter(pk=flow.pk).update(status=status)
        assert member.post(address)["Location"] == f"/acme/flows/{flow.pk}/"
        with account_scope(acme.pk):
            assert Flow.objects.get(pk=flow.pk).status == FlowStatus.RUNNING
    with account_scope(acme.pk):
        make_participant(flow)
        Flow.objects.filter(pk=flow.pk).update(status=FlowStatus.PAUSED)
    assert "The 1 in the queue goes to the first step at once." in review(member, flow)


def test_a_problem_refuses_to_turn_on(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow([])
    answer = member.post(f"/acme/flows/{flow.pk}/review/turn-on/")
    assert answer.status_code == 409 and "Add a step" in answer.content.decode()


def test_those_who_match_are_saved_as_a_list(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_contacts(3, country="Norway")
        make_contact(country="Sweden")
    for _ in range(2):
        assert member.post(f"/acme/flows/{flow.pk}/review/list/", {"name": "Norwegians"}).status_code == 302
    with account_scope(acme.pk):
        assert {made.name: lists.size(made) for made in List.objects.all()} == {"Norwegians": 3, "Norwegians 2": 3}


def test_those_who_match_are_kept_as_a_dynamic_list(member: Client, acme: Account, flow: Flow) -> None:
    answer = member.post(f"/acme/flows/{flow.pk}/review/list/", {"name": "Norwegians", "kind": "dynamic"})
    assert answer.status_code == 302
    with account_scope(acme.pk):
        made = List.objects.get()
        assert (made.kind, made.criteria) == ("dynamic", IN_NORWAY)


def test_a_viewer_reads_the_review_and_turns_nothing_on(acme: Account, browser_of: Browsers, flow: Flow) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    assert "You need the role marketer" in review(viewer, flow)
    for what in ("turn-on", "list"):
        assert viewer.post(f"/acme/flows/{flow.pk}/review/{what}/").status_code == 403


# --- Search -----------------------------------------------------------------------------------------------


def found(client: Client, words: str, **headers: str) -> str:
    """The text of what a search finds."""
    answer = client.get("/acme/search/", {"q": words}, **headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_search_finds_flows_by_name_and_records_by_name_address_and_external_id(
    member: Client, acme: Account, flow: Flow
) -> None:
    with account_scope(acme.pk):
        make_contact("kari@example.com", first_name="Kari", last_name="Nygård", external_id="CRM-77")
        make_record("company", name="Nygård Bygg")
    assert "Welcome" in found(member, "welc")
    for words in ("kari", "kari nyg", "KARI@example", "crm-77"):
        assert "Kari Nygård" in found(member, words), words
    assert "Nygård Bygg" in found(member, "nygård") and "Nothing is found" in found(member, "nobody at all")


def test_the_list_that_drops_down_is_short_and_leads_on(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_contacts(9, first_name="Kari")
    dropped = found(member, "kari", **HTMX)
    assert "<html" not in dropped and dropped.count("/records/") == 6 and "/acme/search/?q=kari" in dropped
    assert found(member, "kari").count('href="/acme/records/') >= 9
    assert found(member, "k", **HTMX).count("/records/") == 0, "one letter would find everything"
    assert found(member, "\x00%_'\"", **HTMX).count("/records/") == 0


def test_search_finds_nothing_of_others(member: Client, stranger: Client, acme: Account, browser_of: Browsers) -> None:
    with account_scope(acme.pk):
        make_flow(["wait 2 days"], name="Secret plan", owner=make_person(), visibility=Visibility.OWNER)
    assert "Secret plan" in found(member, "secret")
    assert "Secret plan" not in found(browser_of(acme, Role.MARKETER), "secret")
    assert "Secret plan" not in stranger.get("/globex/search/", {"q": "secret"}).content.decode()


def test_search_takes_a_constant_number_of_queries(member: Client, acme: Account) -> None:
    used = []
    for more in (1, 9):
        with account_scope(acme.pk):
            make_contacts(more, first_name="Kari")
            for _ in range(more):
                make_flow(["wait 2 days"], name="Kari's flow")
        with CaptureQueriesContext(connection) as queries:
            found(member, "kari")
        used.append(len(queries))
    assert used[0] == used[1] < 55
