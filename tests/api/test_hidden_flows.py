"""What goes on in a flow that only its owner may see is told to nobody else, whichever way they ask."""

import pytest

from accounts.actors import Actor, read_by
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from records.models import Event, Record
from running import problems
from tests.api.conftest import client_of
from tests.make import make_contact, make_content, make_flow, make_participant, steps_of

from .conftest import API

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow(acme: Account) -> Flow:
    """Of somebody else's, with one person in it."""
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING, email=False, visibility="owner")
        make_participant(flow, make_contact(first_name="Kari"), step=steps_of(flow)[0])
        make_contact(first_name="Ola")
    return flow


def record_in(flow: Flow) -> Record:
    """The one in it."""
    with account_scope(flow.account_id):
        return Record.objects.get(properties__first_name="Kari")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER, Role.FLOW_ADMIN])
def test_criteria_do_not_tell_who_is_in_it(acme: Account, flow: Flow, role: Role) -> None:
    tree = {"flow": flow.pk, "operator": "in", "status": "active"}
    asked = {"object_type": "contact", "criteria": tree}
    api = client_of(acme, role)
    refused = api.post(f"{API}/criteria/preview/", asked)
    assert refused.status_code == 422 and "There is no such flow." in str(refused.content)
    listed = api.get(f"{API}/records/", {"object_type": "contact", "criteria": str(tree).replace("'", '"')})
    assert listed.status_code == 422
    inside = {"all": [{"property": "first_name", "operator": "known"}, {"not": tree}]}
    assert api.post(f"{API}/criteria/preview/", {**asked, "criteria": inside}).status_code == 422
    assert client_of(acme).post(f"{API}/criteria/preview/", asked).json()["count"] == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER, Role.FLOW_ADMIN])
def test_conditions_about_events_do_not_tell_who_is_in_it(acme: Account, flow: Flow, role: Role) -> None:
    with account_scope(acme.pk):
        content = make_content("Redundancies", flow_id=flow.pk)
    api = client_of(acme, role)
    for kind, key, id in (("flow_enrolled", "flow", flow.pk), ("link_clicked", "content_id", content.pk)):
        tree = {"any": [{"event": kind, "detail": {key: id}}]}
        refused = api.post(f"{API}/criteria/preview/", {"object_type": "contact", "criteria": tree})
        assert refused.status_code == 422 and f"any.0.detail.{key}" in str(refused.content)
        asked = {"object_type": "contact", "criteria": tree}
        assert client_of(acme).post(f"{API}/criteria/preview/", asked).status_code == 200
        tree["any"][0]["detail"][key] = float(id)  # the same number to the database
        assert api.post(f"{API}/criteria/preview/", asked).status_code == 422
        tree["any"][0]["event"] = "custom.moved"  # an own event may mean anything by it
        assert api.post(f"{API}/criteria/preview/", asked).status_code == 200


def test_its_events_are_not_told(acme: Account, flow: Flow) -> None:
    record = record_in(flow)
    with account_scope(acme.pk):
        kind = "message_handed_over"
        Event.objects.create(kind=kind, record_id=record.pk, flow_id=flow.pk, detail={"subject": "Redundancies"})
    for address in (f"{API}/events/?record={record.pk}", f"{API}/records/{record.pk}/timeline/"):
        assert client_of(acme, Role.VIEWER).get(address).json()["results"] == []
        assert len(client_of(acme).get(address).json()["results"]) == 1


def test_what_was_saved_goes_on_for_those_who_may_not_see_it(acme: Account, flow: Flow) -> None:
    """An admin's list and flow name it; a flow admin still edits the rest of them."""
    tree = {"all": [{"flow": flow.pk, "operator": "not_in", "status": "ever"}]}
    owner, admin = client_of(acme), client_of(acme, Role.FLOW_ADMIN)
    made = owner.post(
        f"{API}/lists/", {"name": "Others", "object_type": "contact", "kind": "dynamic", "criteria": tree}
    )
    assert made.status_code == 201
    assert admin.patch(f"{API}/lists/{made.json()['id']}/", {"name": "All others", "criteria": tree}).status_code == 200
    with account_scope(acme.pk):
        other = make_flow(["wait 1 days"], filter=tree)
        with read_by(Actor(acme.pk, Role.FLOW_ADMIN, "Flora")):
            found = problems.problems_of(Flow.objects.filter(pk=other.pk).select_related("object_type", "outbox"))
    assert "criteria_invalid" not in {problem.code for problem in found[other.pk]}
