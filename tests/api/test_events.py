"""Events and messages over the API: what happened to a record, told and asked."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.rights import Role
from accounts.tenancy import account_scope
from messaging.models import Message
from records import events
from records.models import Event, EventPending
from scheduling.clock import now
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


def told(api, *events):
    """What became of each event: its status, or the paths of its faults."""
    answer = api.post(URL, {"events": list(events)})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    statuses = [each["status"] for each in body["results"]]
    assert {name: statuses.count(name) for name in ("taken", "known", "refused")} == {
        name: body[name] for name in ("taken", "known", "refused")
    }
    return [[error["path"] for error in each["errors"]] or each["status"] for each in body["results"]]


def test_events_are_taken_in_and_read_newest_first(api, ada):
    orders = [
        {"record": ada.pk, "kind": "custom.order_placed", "detail": {"total": 90}},
        {"record": ada.pk, "kind": "custom.order_paid"},
    ]
    assert told(api, *orders) == ["taken", "taken"]
    shown = api.get(f"{URL}?record={ada.pk}").json()["results"]
    assert [each["kind"] for each in shown] == ["custom.order_paid", "custom.order_placed"]
    assert shown[1]["detail"] == {"total": 90}
    (paid,) = api.get(f"{URL}?record={ada.pk}&kind=custom.order_paid").json()["results"]
    assert paid["record"] == ada.pk


def test_one_event_needs_no_list_around_it(api, ada):
    answer = api.post(
        URL, {"email": f" {ada.email.upper()} ", "kind": "custom.seen", "at": "2026-11-01T10:00:00+02:00"}
    )
    assert (answer.status_code, answer.json()["taken"]) == (200, 1)
    (seen,) = api.get(f"{URL}?record={ada.pk}").json()["results"]
    assert (seen["id"], seen["at"]) == (answer.json()["results"][0]["id"], "2026-11-01T08:00:00Z")


def test_a_record_is_named_by_id_address_or_external_id(api, acme, ada):
    with account_scope(acme.pk):
        company = make.make_record("company", external_id="c-1")
        make.make_contact(ada.email)  # a later one with the same address
    assert told(
        api,
        {"kind": "custom.seen", "email": ada.email},
        {"kind": "custom.seen", "external_id": "c-1", "object_type": "company"},
        {"kind": "custom.seen", "external_id": "c-1"},
        {"kind": "custom.seen", "email": ada.email, "record": ada.pk},
        {"kind": "custom.seen"},
        {"kind": "custom.seen", "email": "x@example.com", "object_type": "moon"},
    ) == ["taken", "taken", ["external_id"], ["record"], ["record"], ["object_type"]]
    with account_scope(acme.pk):
        assert sorted(Event.objects.values_list("record_id", flat=True)) == [ada.pk, company.pk]


def test_an_event_is_taken_once_however_often_it_is_sent(api, stranger, acme, globex, ada):
    event = {"record": ada.pk, "kind": "custom.order_placed", "client_id": "order-1"}
    first = api.post(URL, event).json()["results"][0]
    again = api.post(URL, {"events": [event, {**event, "client_id": "order-2"}, {**event, "client_id": "order-2"}]})
    known, taken, twice = again.json()["results"]
    assert (known["status"], known["id"]) == ("known", first["id"])
    assert (taken["status"], twice["status"], twice["id"]) == ("taken", "known", taken["id"])
    with account_scope(globex.pk):
        theirs = make.make_contact()
    assert told(stranger, {**event, "record": theirs.pk}) == ["taken"], "another account has ids of its own"
    with account_scope(acme.pk):
        assert Event.objects.count() == 2


def test_an_event_that_something_listens_to_has_consequences_to_come(api, acme, ada):
    with account_scope(acme.pk):
        events.listen(["custom.order_placed"])
    told(api, *({"record": ada.pk, "kind": kind} for kind in ("custom.order_placed", "custom.other")))
    with account_scope(acme.pk):
        assert EventPending.objects.count() == 1


@pytest.mark.parametrize("kind", ["message_handed_over", "record_created", "custom.", "custom.Order", "custom.a b", ""])
def test_nobody_tells_what_only_flyt_can_know(api, ada, kind):
    assert told(api, {"record": ada.pk, "kind": kind}) == [["kind"]]


def test_an_event_with_a_fault_is_refused_alone(api, stranger, acme, ada):
    def deep(levels):
        return {"inside": deep(levels - 1)} if levels > 1 else {}

    own = {"record": ada.pk, "kind": "custom.seen"}
    faults = [
        ({"record": 10**15}, "record"),
        ({"at": (now() + timedelta(minutes=6)).isoformat()}, "at"),
        ({"at": (now() - timedelta(days=401)).isoformat()}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"detail": {"text": "x" * 9_000}}, "detail"),
        ({"detail": deep(6)}, "detail"),
        ({"detail": "text"}, "detail"),
        ({"client_id": "a\nb"}, "client_id"),
        ({"client_id": "x" * 201}, "client_id"),
        ({"colour": "red"}, "colour"),
    ]
    answered = told(api, own, *({**own, **fault} for fault, _path in faults), {**own, "detail": deep(5)})
    assert answered == ["taken", *([path] for _fault, path in faults), "taken"]
    assert told(stranger, own) == [["record"]]
    with account_scope(acme.pk):
        assert Event.objects.filter(kind="custom.seen").count() == 2


def test_what_is_no_event_at_all_is_refused_whole(api, ada):
    assert paths(api.post(URL, {"events": []})) == {"events"}
    assert paths(api.post(URL, {"events": [{"record": ada.pk, "kind": "custom.seen"}] * 1001})) == {"events"}
    assert paths(api.post(URL, {"events": ["text"]})) == {"events.0"}
    assert paths(api.post(URL, [])) == {""}


def test_an_archived_record_has_no_more_events(api, acme, ada):
    api.delete(f"{API}/records/{ada.pk}/")
    assert told(api, {"record": ada.pk, "kind": "custom.seen"}) == [["record"]]


def test_the_kinds_that_an_account_knows_are_its_own(api, stranger, ada):
    told(api, {"record": ada.pk, "kind": "custom.order_placed"}, {"record": ada.pk, "kind": "custom.order_placed"})
    kinds = api.get(f"{URL}kinds/").json()["results"]
    assert {"kind": "record_created", "name": "Record created", "is_custom": False} in kinds
    assert [each for each in kinds if each["is_custom"]] == [
        {"kind": "custom.order_placed", "name": "Order placed", "is_custom": True}
    ]
    assert not [each for each in stranger.get(f"{URL}kinds/").json()["results"] if each["is_custom"]]


def test_taking_in_many_costs_as_few_queries_as_one(api, ada):
    api.get(URL)  # what is read once and kept
    used = []
    for many in (1, 50):
        with CaptureQueriesContext(connection) as queries:
            told(api, *({"record": ada.pk, "kind": "custom.seen", "client_id": f"{many}-{n}"} for n in range(many)))
        used.append(len(queries))
    assert used[0] == used[1]


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
