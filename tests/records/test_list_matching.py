"""Dynamic lists under the hand of the matcher: in turn, in chains, and with criteria that fail; filling and copying."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.db import OperationalError, connection

from accounts.models import Account
from accounts.tenancy import account_scope
from participants import waking
from records import criteria, criteria_trees, dynamic_lists, events, list_refresh, lists
from records.leaves import Compiler, Leaf, Node, Reference, Subject
from records.models import EventPending, List, ListEntry, ListFailure, ListKind, ObjectType, Record
from records.refusals import Error, Invalid
from scheduling import clock
from tests import make
from tests.records.dynamic import FROM_OSLO, change, evaluate, follow, inside, made, people, told
from tests.triggers.test_matching import another_session, in_the_background
from triggers import matching
from triggers.models import EventSetAside

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_list_about_what_a_property_was_follows_its_changes(acme: Account) -> None:
    bergen, other = people(acme, "Bergen", "Bergen")
    was = made(acme, {"property": "city", "operator": "ever_was", "value": "Oslo"})
    moved = made(acme, {"property": "city", "operator": "changed_in_last_days", "value": 7}, name="Moved")
    with account_scope(acme.pk):
        events.record_events("record_updated", [bergen], {"changes": {"city": ["Oslo", "Bergen"]}})
        events.record_events("record_updated", [other], {"changes": {"country": ["Oslo", "NO"]}})
    follow(acme)
    assert inside(acme, was) == inside(acme, moved) == {bergen}
    clock.forward(timedelta(days=8))
    assert list_refresh.due(10) == [(acme.pk, moved.pk)], "only the one that time changes"
    evaluate(acme, moved)
    assert inside(acme, was) == {bergen} and inside(acme, moved) == set()


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


def test_a_list_whose_criteria_take_too_long_lets_others_have_their_turn(
    acme: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    people(acme, *["Oslo"] * 20)
    dear = {"any": [{"event": "custom.a", "at_least": 2 + n, "happened": False} for n in range(250)]}
    monkeypatch.setattr(list_refresh, "PATIENCE", 1)
    with caplog.at_level(logging.WARNING):
        chosen = made(acme, dear)
    assert "took longer than 1 ms" in caplog.text
    assert inside(acme, chosen) == set() and list_refresh.due(10) == []
    assert failure(acme, chosen) == ListFailure.TOO_SLOW, "and it says so"
    monkeypatch.setattr(list_refresh, "PATIENCE", 30_000)
    clock.forward(timedelta(hours=1))
    assert list_refresh.due(10) == [(acme.pk, chosen.pk)]
    evaluate(acme, chosen)
    assert len(inside(acme, chosen)) == 20
    assert failure(acme, chosen) == ""


def failure(account: Account, chosen: List) -> str:
    with account_scope(account.pk):
        return str(List.objects.get(pk=chosen.pk).refresh_failure)


def test_a_chunk_that_takes_too_long_is_halved_until_it_fits(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = people(acme, *["Oslo"] * 9)
    monkeypatch.setattr(list_refresh, "CHUNK", 8)
    monkeypatch.setattr(list_refresh, "LEAST_CHUNK", 2)
    with account_scope(acme.pk):
        chosen = dynamic_lists.create_dynamic("Oslo", ObjectType.objects.get(key="contact"), FROM_OSLO)
        List.objects.update(refresh_chunk=8)
    settle, chunks = list_refresh.settle, []

    def dear(chosen: List, about: str, params: dict[str, int], **options: Any) -> int:
        """Five records take longer than anybody waits, as if each took its time."""
        asked = sum(params["start"] < each <= params["end"] for each in ids)
        chunks.append(asked)
        with connection.cursor() as cursor:
            if asked > 4:
                cursor.execute("set local statement_timeout = 1")
                cursor.execute("select pg_sleep(9)")
        return settle(chosen, about, params, **options)

    monkeypatch.setattr(list_refresh, "settle", dear)
    evaluate(acme, chosen)
    assert chunks == [8, 4, 4, 1]
    assert inside(acme, chosen) == set(ids) and failure(acme, chosen) == ""
    with account_scope(acme.pk):
        assert List.objects.get(pk=chosen.pk).refresh_chunk == 8, "the next round tries more again"


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


class TornLeaf(Leaf):
    """A condition whose code has a fault in one place, until somebody mends it."""

    def __init__(self, torn: str) -> None:
        self.torn = torn

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        yield from ()

    def compile(self, node: Node, sql: Compiler) -> str:
        if self.torn == "compile":
            raise KeyError(self.torn)
        return "true"

    def references(self, node: Node, object_type: str) -> Iterator[Reference]:
        if self.torn == "references":
            raise KeyError(self.torn)
        yield from ()


@pytest.mark.parametrize("torn", ["compile", "references"])
def test_a_list_whose_condition_has_a_fault_in_its_code_keeps_no_event_from_others(
    acme: Account, monkeypatch: pytest.MonkeyPatch, torn: str
) -> None:
    (bergen,) = people(acme, "Bergen")
    broken, chosen = made(acme, name="Broken"), made(acme)
    leaf = TornLeaf(torn)
    monkeypatch.setattr(criteria_trees, "_leaves", dict(criteria_trees._leaves))
    criteria.register_leaf("torn", leaf)
    with account_scope(acme.pk):
        List.objects.filter(pk=broken.pk).update(criteria={"all": [FROM_OSLO, {"torn": True}]})
    change(acme, bergen, city="Oslo")
    follow(acme)
    with account_scope(acme.pk):
        assert not EventPending.objects.exists() and not EventSetAside.objects.exists()
    assert (inside(acme, chosen), inside(acme, broken)) == ({bergen}, set())
    leaf.torn = ""
    clock.forward(timedelta(hours=1))
    evaluate(acme, broken)
    assert inside(acme, broken) == {bergen}, "within the hour it follows all the same"


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
