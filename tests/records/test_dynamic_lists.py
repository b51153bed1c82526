"""Dynamic lists: whoever meets the criteria is in, at first, after every change, and when time passes."""

import logging
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import Account
from accounts.tenancy import account_scope
from participants import waking
from records import dynamic_lists, events, list_refresh, list_sizes, lists
from records.models import Association, Event, EventPending, List, ListEntry, ListKind, ObjectType, Record
from records.refusals import Invalid
from records.upserts import upsert
from scheduling import clock
from tests import make
from tests.triggers.test_matching import another_session, in_the_background
from triggers import matching

pytestmark = pytest.mark.django_db(transaction=True)
FROM_OSLO = {"property": "city", "operator": "eq", "value": "Oslo"}


def evaluate(account: Account, chosen: List) -> None:
    """As the workers do, until nothing is left to do."""
    while list_refresh.work(account.pk, chosen.pk):
        pass


def follow(account: Account) -> None:
    """Let the matcher deal with everything that is pending."""
    while matching.match(account.pk):
        pass


def inside(account: Account, chosen: List) -> set[int]:
    with account_scope(account.pk):
        found = set(ListEntry.objects.filter(list=chosen).values_list("record_id", flat=True))
        assert lists.size(chosen) == len(found), "the size is right at any time"
        assert list_sizes.wrong() == []
    return found


def made(account: Account, tree: Any = FROM_OSLO, name: str = "Oslo", object_type: str = "contact") -> List:
    """A dynamic list, evaluated."""
    with account_scope(account.pk):
        new = dynamic_lists.create_dynamic(name, make.make_object_type(object_type), tree)
    evaluate(account, new)
    return new


def people(account: Account, *cities: str | None) -> list[int]:
    with account_scope(account.pk):
        make.make_property("city")
        return [make.make_contact(**({"city": city} if city else {})).pk for city in cities]


def change(account: Account, record_id: int, **properties: Any) -> None:
    with account_scope(account.pk):
        contact = ObjectType.objects.get(key="contact")
        (result,) = upsert(contact, [{"id": record_id, "properties": properties}], match_on="id", source="api")
        assert result.status == "updated", result


def told(account: Account, kind: str) -> list[int]:
    with account_scope(account.pk):
        return sorted(Event.objects.filter(kind=kind).values_list("record_id", flat=True))


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


def test_a_list_cannot_ask_for_itself_and_is_told_the_way(acme: Account) -> None:
    people(acme, "Oslo")
    first = made(acme)
    second = made(acme, {"list": first.pk, "operator": "in"}, "Second")
    third = made(acme, {"list": second.pk, "operator": "not_in"}, "Third")
    with account_scope(acme.pk):
        for chosen, asked, way in (
            (first, first, "“Oslo” → “Oslo”"),
            (first, third, "“Oslo” → “Third” → “Second” → “Oslo”"),
        ):
            with pytest.raises(Invalid) as refused:
                dynamic_lists.change_criteria(chosen, {"all": [{"list": asked.pk, "operator": "in"}]})
            assert refused.value.errors[0].path == "criteria" and way in refused.value.errors[0].message


def test_lists_ask_for_each_other_ten_deep_at_most(acme: Account) -> None:
    people(acme, "Oslo")
    chosen = made(acme)
    with account_scope(acme.pk):
        contact = ObjectType.objects.get(key="contact")
        for number in range(2, 11):
            tree = {"list": chosen.pk, "operator": "in"}
            chosen = dynamic_lists.create_dynamic(f"Number {number}", contact, tree)
        with pytest.raises(Invalid, match="More than 10 lists"):
            dynamic_lists.create_dynamic("Number 11", contact, {"list": chosen.pk, "operator": "in"})


def test_bad_criteria_are_refused_with_their_place(acme: Account, globex: Account) -> None:
    people(acme, "Oslo")
    with account_scope(globex.pk):
        theirs = make.make_list("Theirs")
    with account_scope(acme.pk):
        contact = ObjectType.objects.get(key="contact")
        for tree, path in (
            ({"property": "nope", "operator": "eq", "value": 1}, "criteria.property"),
            ({"all": [{"list": theirs.pk, "operator": "in"}]}, "criteria.all.0.list"),
            (None, "criteria"),
        ):
            with pytest.raises(Invalid) as refused:
                dynamic_lists.create_dynamic("Bad", contact, tree)
            assert refused.value.errors[0].path == path
        with pytest.raises(Invalid, match="A static list has no criteria"):
            dynamic_lists.change_criteria(make.make_list(), FROM_OSLO)
        assert not List.objects.filter(kind=ListKind.DYNAMIC).exists()


def test_a_chain_without_end_is_cut_and_the_list_is_right_within_the_hour(
    acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    (bergen,) = people(acme, "Bergen")
    chosen = made(acme)
    with account_scope(acme.pk):
        Record.objects.filter(pk=bergen).update(properties={"city": "Oslo"})
        events.record_events("record_updated", [bergen], depth=11)
    with caplog.at_level(logging.WARNING):
        follow(acme)
    assert "a chain of more than 10 events was cut" in caplog.text
    assert inside(acme, chosen) == set()
    clock.forward(timedelta(hours=1))
    assert list_refresh.due(10) == [(acme.pk, chosen.pk)]
    evaluate(acme, chosen)
    assert inside(acme, chosen) == {bergen}


def test_a_list_whose_criteria_cannot_be_read_holds_up_nobody(acme: Account) -> None:
    (bergen,) = people(acme, "Bergen")
    broken, good = made(acme), made(acme, name="Also Oslo")
    with account_scope(acme.pk):
        List.objects.filter(pk=broken.pk).update(criteria={"property": "gone", "operator": "eq", "value": "x"})
        Record.objects.filter(pk=bergen).update(properties={"city": "Oslo"})
        events.record_events("record_updated", [bergen])
        list_refresh.ask([broken.pk])
    follow(acme)
    assert inside(acme, good) == {bergen}
    evaluate(acme, broken)
    assert list_refresh.due(10) == []


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


def test_a_large_account_is_put_into_a_static_list_by_a_worker(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_AT_ONCE", 2)
    ids = people(acme, "Oslo", "Bergen", "Oslo")
    with account_scope(acme.pk):
        chosen = make.make_list("Filled")
        assert lists.add_matching(chosen, FROM_OSLO, moment=clock.now(), zone="Europe/Oslo") is None
        with pytest.raises(Invalid, match="Wait until that is done"):
            lists.add_matching(chosen, FROM_OSLO, moment=clock.now(), zone="Europe/Oslo")
    assert list_refresh.due(10) == [(acme.pk, chosen.pk)]
    with account_scope(acme.pk):
        lists.add(chosen, [ids[1]])
    evaluate(acme, chosen)
    assert inside(acme, chosen) == set(ids), "nobody is taken out"
    with account_scope(acme.pk):
        chosen.refresh_from_db()
    assert (chosen.criteria, chosen.refresh_at, chosen.refresh_cursor) == (None, None, None)


def test_a_frozen_copy_stays_as_it_was(acme: Account) -> None:
    oslo, bergen = people(acme, "Oslo", "Bergen")
    chosen = made(acme)
    with account_scope(acme.pk):
        copy = lists.freeze(chosen, "Oslo in March")
    change(acme, bergen, city="Oslo")
    follow(acme)
    assert inside(acme, chosen) == {oslo, bergen}
    assert inside(acme, copy) == {oslo}


def test_entries_of_the_matcher_roll_back_with_it(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was claimed is pending again, and what followed from it never was."""
    (bergen,) = people(acme, "Bergen")
    chosen = made(acme)
    change(acme, bergen, city="Oslo")

    def dies(_happened: Any) -> int:
        assert ListEntry.objects.filter(list=chosen).exists()
        raise OperationalError("gone")

    with monkeypatch.context() as dying, pytest.raises(OperationalError):
        dying.setattr(waking, "wake", dies)
        matching.match(acme.pk)
    assert inside(acme, chosen) == set()
    follow(acme)
    assert inside(acme, chosen) == {bergen}
    assert told(acme, "list_joined") == [bergen]


def test_the_matcher_waits_for_who_evaluates_the_list_and_reads_after_them(acme: Account) -> None:
    """Both read who meets the criteria: whichever ends last must have read last."""
    (bergen,) = people(acme, "Bergen")
    chosen = made(acme)
    change(acme, bergen, city="Oslo")
    with another_session() as holder:
        holder.execute("select pg_advisory_xact_lock(hashtextextended('list', %s))", [chosen.pk])
        with in_the_background(lambda: matching.match(acme.pk)) as told:
            until_locked_out(holder)
            with account_scope(acme.pk):  # the criteria change meanwhile: it is these that count
                List.objects.filter(pk=chosen.pk).update(criteria={**FROM_OSLO, "value": "Bergen"})
            holder.connection.commit()
    assert told == [False]
    assert inside(acme, chosen) == set()


def until_locked_out(cursor: Any) -> None:
    """Return when somebody waits for a lock of ours."""
    end = monotonic() + 10
    while monotonic() < end:
        cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        if cursor.fetchone()[0]:
            return
    raise AssertionError("nobody waits for the list")
