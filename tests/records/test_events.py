"""Events: written with the change, pending where something listens, claimed once."""

import threading

import pytest
from django.db import connection, transaction

from accounts.models import Account
from accounts.tenancy import account_scope
from records.events import claim_pending, insert_sql, listen, record_events
from records.models import Event, EventPending, ListenedKind, ObjectType, Record
from scheduling.clock import now
from tests.conftest import make_account


def test_an_event_is_written_for_each_record(contact: ObjectType) -> None:
    ids = [Record.objects.create(object_type=contact).pk for _ in range(3)]
    record_events("fair_visited", ids, {"hall": "B"}, flow_id=7, depth=2)
    found = Event.objects.order_by("pk")
    assert [event.record_id for event in found] == ids
    assert {(event.kind, event.detail["hall"], event.flow_id, event.depth, event.at) for event in found} == {
        ("fair_visited", "B", 7, 2, now())
    }
    assert not EventPending.objects.exists()


def test_only_kinds_that_something_listens_to_are_pending(contact: ObjectType) -> None:
    listen(["fair_visited", "fair_visited", "form_submitted"])
    listen(["form_submitted"])
    assert ListenedKind.objects.count() == 2
    record_events("fair_visited", [1])
    record_events("page_visited", [1])
    assert [pending.event.kind for pending in EventPending.objects.select_related("event")] == ["fair_visited"]


def test_listening_is_the_account_s_own(contact: ObjectType, globex: Account) -> None:
    with account_scope(globex.pk):
        listen(["fair_visited"])
    record_events("fair_visited", [1])
    assert not EventPending.objects.exists()
    with account_scope(globex.pk):
        assert not Event.objects.exists()
        record_events("fair_visited", [1])
        assert EventPending.objects.count() == 1


def test_a_statement_tells_of_rows_it_changed_itself_and_how_many(contact: ObjectType) -> None:
    for city in ("Oslo", "Bergen"):
        Record.objects.create(object_type=contact, properties={"city": city})
    sql, params = insert_sql(
        "moved",
        "select id as record_id, jsonb_build_object('to', %(to)s::text) as detail, 1 as depth from moved",
        before="""moved as (
            update records_record set properties = properties || jsonb_build_object('city', %(to)s::text)
            where properties ->> 'city' <> %(to)s returning id)""",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "to": "Bergen"})
        assert cursor.fetchone() == (1,)
    assert [(event.kind, event.detail, event.depth) for event in Event.objects.all()] == [
        ("moved", {"to": "Bergen"}, 1)
    ]


def test_pending_events_are_claimed_oldest_first_and_once(contact: ObjectType) -> None:
    listen(["fair_visited"])
    for number in range(5):
        record_events("fair_visited", [number], {"number": number})
    assert [event.detail["number"] for event in claim_pending(3)] == [0, 1, 2]
    assert [event.detail["number"] for event in claim_pending(3)] == [3, 4]
    assert claim_pending(3) == []
    assert Event.objects.count() == 5


def test_only_events_of_the_account_are_claimed(contact: ObjectType, globex: Account) -> None:
    with account_scope(globex.pk):
        listen(["fair_visited"])
        record_events("fair_visited", [1])
    assert claim_pending(10) == []


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_is_rolled_back_leaves_the_events_and_another_passes_them_by() -> None:
    account = make_account("Acme", "acme")
    with account_scope(account.pk):
        listen(["fair_visited"])
        record_events("fair_visited", [1, 2])
    seen_meanwhile: list[int] = []

    def look_meanwhile() -> None:
        try:
            with account_scope(account.pk):
                seen_meanwhile.extend(event.pk for event in claim_pending(10))
        finally:
            connection.close()

    class Stop(Exception):
        pass

    with pytest.raises(Stop), account_scope(account.pk), transaction.atomic():
        assert len(claim_pending(10)) == 2
        other = threading.Thread(target=look_meanwhile)
        other.start()
        other.join(30)
        assert not other.is_alive(), "claiming never waits for another claim"
        raise Stop
    assert seen_meanwhile == []
    with account_scope(account.pk):
        assert len(claim_pending(10)) == 2
