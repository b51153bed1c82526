"""Dynamic lists: whoever meets the criteria is in, at first, after every change, and when time passes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import Account
from accounts.tenancy import account_scope
from records import dynamic_lists, events, list_refresh, lists
from records.models import Association, Event, EventPending, ListEntry, ListKind, ObjectType, Record
from records.upserts import upsert
from scheduling import clock
from tests import make
from tests.records.dynamic import FROM_OSLO, change, evaluate, follow, inside, made, people, told
from tests.triggers.test_matching import another_session

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_list_takes_whoever_meets_its_criteria(acme: Account) -> None:
    first, _second, third = people(acme, "Oslo", "Bergen", "Oslo")
    chosen = made(acme)
    assert inside(acme, chosen) == {first, third}
    assert told(acme, "list_joined") == [first, third]
    with account_scope(acme.pk):
        chosen.refresh_from_db()
        assert (chosen.kind, chosen.refresh_at, chosen.refresh_cursor) == (ListKind.DYNAMIC, None, None)
        assert chosen.refreshed_at is not None


def test_whoever_changes_comes_and_goes_with_an_event_each(acme: Account) -> None:
    oslo, bergen = people(acme, "Oslo", "Bergen")
    chosen = made(acme)
    change(acme, bergen, city="OSLO")
    change(acme, oslo, city="Tromsø")
    follow(acme)
    assert inside(acme, chosen) == {bergen}
    assert told(acme, "list_joined") == [oslo, bergen]
    assert told(acme, "list_left") == [oslo]
    with account_scope(acme.pk):
        assert Event.objects.get(kind="list_left").detail == {"list": chosen.pk}
        assert not EventPending.objects.exists()


def test_new_and_archived_records_are_followed(acme: Account) -> None:
    people(acme)
    chosen = made(acme)
    with account_scope(acme.pk):
        contact = ObjectType.objects.get(key="contact")
        row = {"properties": {"email": "new@example.com", "city": "Oslo"}}
        (result,) = upsert(contact, [row], match_on="email", source="api")
    follow(acme)
    assert inside(acme, chosen) == {result.id}
    with account_scope(acme.pk):
        Record.objects.filter(pk=result.id).update(archived_at=clock.now())
        events.record_events("record_archived", [result.id or 0])
    follow(acme)
    assert inside(acme, chosen) == set()


def test_a_change_of_something_else_evaluates_nothing(acme: Account) -> None:
    (oslo,) = people(acme, "Oslo")
    with account_scope(acme.pk):
        make.make_property("shoe_size")
    chosen = made(acme)
    with account_scope(acme.pk):
        ListEntry.objects.all().delete()  # so that an evaluation would show
    change(acme, oslo, shoe_size="43")
    follow(acme)
    with account_scope(acme.pk):
        assert not ListEntry.objects.filter(list=chosen).exists()


def test_a_list_that_asks_for_another_follows_it(acme: Account) -> None:
    oslo, bergen = people(acme, "Oslo", "Bergen")
    first = made(acme)
    second = made(acme, {"all": [{"list": first.pk, "operator": "in"}]}, "Of the first")
    third = made(acme, {"not": {"list": second.pk, "operator": "in"}}, "Not of the second")
    assert inside(acme, second) == {oslo} and inside(acme, third) == {bergen}
    change(acme, bergen, city="Oslo")
    change(acme, oslo, city="Bergen")
    follow(acme)
    assert (inside(acme, first), inside(acme, second), inside(acme, third)) == ({bergen}, {bergen}, {oslo})
    with account_scope(acme.pk):
        events_of_hers = Event.objects.filter(record_id=bergen, kind__startswith="list_").order_by("pk")
        told = [(each.kind, each.detail["list"], each.depth) for each in events_of_hers]
    assert told == [
        ("list_joined", third.pk, 0),
        ("list_joined", first.pk, 1),
        ("list_joined", second.pk, 2),
        ("list_left", third.pk, 3),
    ]


def test_a_static_list_that_is_asked_for_is_followed(acme: Account) -> None:
    oslo, bergen = people(acme, "Oslo", "Bergen")
    with account_scope(acme.pk):
        chosen = make.make_list("By hand")
    both = made(acme, {"all": [FROM_OSLO, {"list": chosen.pk, "operator": "in"}]}, "Both")
    with account_scope(acme.pk):
        lists.add(chosen, [oslo, bergen])
    follow(acme)
    assert inside(acme, both) == {oslo}
    with account_scope(acme.pk):
        lists.remove(chosen, [oslo])
    follow(acme)
    assert inside(acme, both) == set()


def test_an_event_that_is_asked_for_is_followed(acme: Account) -> None:
    ada, bo = people(acme, None, None)
    chosen = made(acme, {"event": "custom.order_placed", "happened": True, "at_least": 2}, "Buyers")
    for _ in range(2):
        with account_scope(acme.pk):
            events.record_events("custom.order_placed", [ada])
            events.record_events("custom.other", [bo])
    follow(acme)
    assert inside(acme, chosen) == {ada}


def test_a_change_of_an_associated_record_is_followed(acme: Account) -> None:
    ada, _bo = people(acme, None, None)
    with account_scope(acme.pk):
        company = make.make_record("company", name="Initech", industry="Shoes")
        contact, kind = ObjectType.objects.get(key="contact"), company.object_type
        Association.objects.create(record_id=ada, other_id=company.pk, other_type=kind, is_primary=True)
        Association.objects.create(record_id=company.pk, other_id=ada, other_type=contact)
    of_shoes = {"property": "industry", "operator": "eq", "value": "Boots"}
    chosen = made(acme, {"associated": "company", "where": of_shoes}, "Of boot makers")
    assert inside(acme, chosen) == set()
    with account_scope(acme.pk):
        row = {"id": company.pk, "properties": {"industry": "Boots"}}
        (result,) = upsert(kind, [row], match_on="id", source="api")
        assert result.status == "updated"
    follow(acme)
    assert inside(acme, chosen) == {ada}


def test_time_alone_moves_people_in_and_out(acme: Account) -> None:
    clock.move_to(datetime(2027, 3, 1, 12, tzinfo=UTC))
    with account_scope(acme.pk):
        make.make_property("renewal", "date")
        record = make.make_contact(renewal="2027-03-02")
    chosen = made(acme, {"property": "renewal", "operator": "is_today"}, "Today")
    assert inside(acme, chosen) == set()
    with account_scope(acme.pk):
        chosen.refresh_from_db()
        assert timedelta(minutes=59) < chosen.refresh_at - clock.now() <= timedelta(hours=1)
    clock.move_to(datetime(2027, 3, 1, 22, 30, tzinfo=UTC))
    evaluate(acme, chosen)
    with account_scope(acme.pk):
        chosen.refresh_from_db()
        assert chosen.refresh_at == datetime(2027, 3, 1, 23, tzinfo=UTC), "midnight in Oslo"
    assert list_refresh.due(10) == []
    clock.move_to(datetime(2027, 3, 1, 23, tzinfo=UTC))
    assert list_refresh.due(10) == [(acme.pk, chosen.pk)]
    evaluate(acme, chosen)
    assert inside(acme, chosen) == {record.pk}
    clock.move_to(datetime(2027, 3, 2, 23, tzinfo=UTC))
    evaluate(acme, chosen)
    assert inside(acme, chosen) == set()


def test_changed_criteria_take_others(acme: Account) -> None:
    oslo, bergen = people(acme, "Oslo", "Bergen")
    chosen = made(acme)
    with account_scope(acme.pk):
        dynamic_lists.change_criteria(chosen, {**FROM_OSLO, "value": "Bergen"})
    evaluate(acme, chosen)
    assert inside(acme, chosen) == {bergen}
    assert told(acme, "list_left") == [oslo]


def test_an_evaluation_goes_on_where_a_worker_died(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_refresh, "CHUNK", 2)
    ids = people(acme, *["Oslo"] * 7)
    with account_scope(acme.pk):
        chosen = dynamic_lists.create_dynamic("Oslo", ObjectType.objects.get(key="contact"), FROM_OSLO)
    assert list_refresh.work(acme.pk, chosen.pk), "begun"
    assert list_refresh.work(acme.pk, chosen.pk), "two of seven"
    assert inside(acme, chosen) == set(ids[:2])
    put_in, calls = list_refresh.settle, []

    def dies(*args: Any, **options: Any) -> int:
        put_in(*args, **options)
        calls.append(1)
        raise OperationalError("gone")

    with monkeypatch.context() as dying:
        dying.setattr(list_refresh, "settle", dies)
        assert list_refresh.work(acme.pk, chosen.pk) is False
    assert calls and inside(acme, chosen) == set(ids[:2])
    assert list_refresh.due(10) == [(acme.pk, chosen.pk)], "it is asked for again"
    evaluate(acme, chosen)
    assert inside(acme, chosen) == set(ids)
    assert told(acme, "list_joined") == ids, "each once"


def test_who_asks_during_an_evaluation_gets_another(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_refresh, "CHUNK", 1)
    oslo, _bergen = people(acme, "Oslo", "Bergen")
    with account_scope(acme.pk):
        chosen = dynamic_lists.create_dynamic("Oslo", ObjectType.objects.get(key="contact"), FROM_OSLO)
    for _ in range(3):
        list_refresh.work(acme.pk, chosen.pk)
    with account_scope(acme.pk):  # an import: it changes who was looked at already, and tells nobody
        Record.objects.filter(pk=oslo).update(properties={"city": "Bergen"})
        list_refresh.ask()
    evaluate(acme, chosen)
    assert inside(acme, chosen) == {oslo}
    assert list_refresh.due(10) == [(acme.pk, chosen.pk)]
    evaluate(acme, chosen)
    assert inside(acme, chosen) == set()
    assert list_refresh.due(10) == []


def test_an_evaluation_waits_for_those_who_began_before_the_list_listened(acme: Account) -> None:
    (bergen,) = people(acme, "Bergen")
    with another_session() as other:
        other.execute("""update records_record set properties = '{"city": "Oslo"}' where id = %s""", [bergen])
        with account_scope(acme.pk):
            chosen = dynamic_lists.create_dynamic("Oslo", ObjectType.objects.get(key="contact"), FROM_OSLO)
        evaluate(acme, chosen)
        with account_scope(acme.pk):
            chosen.refresh_from_db()
            assert chosen.refresh_cursor == 0, "not begun: who writes now may tell nobody"
        other.connection.commit()
    evaluate(acme, chosen)
    assert inside(acme, chosen) == {bergen}


def test_another_accounts_events_and_lists_stay_apart(acme: Account, globex: Account) -> None:
    ours, theirs = people(acme, "Oslo"), people(globex, "Oslo")
    mine, other = made(acme), made(globex)
    assert (inside(acme, mine), inside(globex, other)) == (set(ours), set(theirs))
    change(globex, theirs[0], city="Bergen")
    follow(acme)
    assert inside(globex, other) == set(theirs)
    follow(globex)
    assert (inside(acme, mine), inside(globex, other)) == (set(ours), set())
    assert list_refresh.work(globex.pk, mine.pk) is False
