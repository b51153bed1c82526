"""Events and messages over the API: what happened to a record, told and asked."""

import pytest

from accounts.rights import Role
from accounts.tenancy import account_scope
from messaging.models import Message
from records import events
from records.models import Event, EventPending
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/events/"


@pytest.fixture
def ada(acme):
    with account_scope(acme.pk):
        return make.make_contact()


def paths(answer):
    assert answer.status_code == 422, answer.content
    return {error["path"] for error in answer.json()["errors"]}


def test_events_are_noted_and_read_newest_first(api, ada):
    noted = api.post(
        URL,
        {
            "events": [
                {"record": ada.pk, "kind": "custom.order_placed", "detail": {"total": 90}},
                {"record": ada.pk, "kind": "custom.order_paid"},
            ]
        },
    )
    assert (noted.status_code, noted.json()) == (201, {"noted": 2})
    shown = api.get(f"{URL}?record={ada.pk}").json()["results"]
    assert [each["kind"] for each in shown] == ["custom.order_paid", "custom.order_placed"]
    assert shown[1]["detail"] == {"total": 90}
    (paid,) = api.get(f"{URL}?record={ada.pk}&kind=custom.order_paid").json()["results"]
    assert paid["record"] == ada.pk


def test_an_event_that_something_listens_to_has_consequences_to_come(api, acme, ada):
    with account_scope(acme.pk):
        events.listen(["custom.order_placed"])
    api.post(URL, {"events": [{"record": ada.pk, "kind": kind} for kind in ("custom.order_placed", "custom.other")]})
    with account_scope(acme.pk):
        assert EventPending.objects.count() == 1


@pytest.mark.parametrize("kind", ["message_handed_over", "record_created", "custom.", "custom.Order", "custom.a b", ""])
def test_nobody_tells_what_only_flyt_can_know(api, ada, kind):
    assert paths(api.post(URL, {"events": [{"record": ada.pk, "kind": kind}]})) == {"events.0.kind"}


def test_of_events_with_a_fault_none_is_noted(api, stranger, acme, ada):
    told = [{"record": ada.pk, "kind": "custom.seen"}, {"record": 10**15, "kind": "custom.seen"}]
    assert paths(api.post(URL, {"events": told})) == {"events.1.record"}
    assert paths(stranger.post(URL, {"events": told})) == {"events.0.record", "events.1.record"}
    assert paths(api.post(URL, {"events": []})) == {"events"}
    assert paths(api.post(URL, {"events": told * 501})) == {"events"}
    with account_scope(acme.pk):
        assert not Event.objects.filter(kind="custom.seen").exists()


def test_events_are_asked_for_one_record(api):
    assert paths(api.get(URL)) == {"?record"}
    assert paths(api.get(f"{URL}?record=10")) == {"?record"}
    assert paths(api.get(f"{URL}?record={2**63}")) == {"?record"}


def test_messages_are_found_by_record_flow_and_status(api, acme, ada):
    with account_scope(acme.pk):
        flow, content = make.make_flow(), make.make_content()
        for number, status in enumerate(["queued", "sent"]):
            Message.objects.create(
                outbox=flow.outbox,
                origin_key=str(number),
                record=ada,
                content=content,
                address="ada@example.com",
                status=status,
                flow_id=flow.pk,
            )

    def found(query):
        return [each["status"] for each in api.get(f"{API}/messages/?{query}").json()["results"]]

    assert found("") == ["sent", "queued"]
    assert found(f"record={ada.pk}&status=queued") == ["queued"]
    assert found(f"flow={flow.pk}") == ["sent", "queued"]
    assert found(f"flow={flow.pk + 1}") == []
    assert paths(api.get(f"{API}/messages/?status=lost")) == {"?status"}


def test_messages_of_a_hidden_flow_are_for_admins_and_of_a_deleted_one_for_all(api, as_role, acme, ada):
    with account_scope(acme.pk):
        flow, content = make.make_flow(visibility="owner"), make.make_content()
        for number, flow_id in enumerate([flow.pk, flow.pk + 1, None]):
            Message.objects.create(
                outbox=flow.outbox,
                origin_key=str(number),
                record=ada,
                content=content,
                address="ada@example.com",
                flow_id=flow_id,
            )

    def found(client):
        return [each["flow"] for each in client.get(f"{API}/messages/").json()["results"]]

    assert found(api) == [None, flow.pk + 1, flow.pk]
    assert found(as_role(Role.MARKETER)) == [None, flow.pk + 1]
