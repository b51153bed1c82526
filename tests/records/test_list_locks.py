"""Locks of lists: whoever takes several takes them in one order, so that nobody waits in a circle."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope
from records import events, list_deletion, list_entries, list_refresh, lists
from records.models import List, ListEntry, ListTally, Record
from scheduling import clock
from tests import make
from tests.records.dynamic import made, people
from tests.triggers.test_matching import another_session, in_the_background
from triggers import matching

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "select count(*) from pg_locks where not granted"


def until_somebody_waits() -> None:
    """Return when a connection waits for a lock."""
    end = monotonic() + 10
    with connection.cursor() as cursor:
        while monotonic() < end:
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits for a lock")


def held_against(work: Callable[[], Any], first: str, then: str, **params: Any) -> Any:
    """What `work` returned beside somebody who does `first`, and `then` as soon as `work` has to wait."""
    with another_session() as other:
        other.execute(first, params)
        with in_the_background(work) as told:
            until_somebody_waits()
            other.execute(then, params)
            other.connection.commit()
    (answer,) = told
    return answer


def test_the_end_of_an_import_and_a_roll_up_of_sizes_do_not_wait_for_each_other(acme: Account) -> None:
    old, new = made(acme, name="Old"), made(acme, name="New")
    with account_scope(acme.pk):
        for _ in range(40):  # so that it lies behind the other one
            lists.change(old, name="Written anew", description="x" * 500, folder=None)

    def ask() -> int:
        with account_scope(acme.pk), connection.cursor() as cursor:
            cursor.execute("set local enable_indexscan = off; set local enable_bitmapscan = off")
            return list_refresh.ask()

    lock = "select 1 from records_list where account_id = %(account)s and id = %({})s for no key update"
    answer = held_against(ask, lock.format("old"), lock.format("new"), account=acme.pk, old=old.pk, new=new.pk)
    assert answer == 2


def test_the_matcher_that_cuts_a_chain_does_not_wait_for_who_evaluates_the_list(acme: Account) -> None:
    (bergen,) = people(acme, "Bergen")
    chosen = made(acme)
    with account_scope(acme.pk):
        Record.objects.filter(pk=bergen).update(properties={"city": "Oslo"})
        events.record_events("record_updated", [bergen])
        events.record_events("record_updated", [bergen], depth=11)
    answer = held_against(
        lambda: matching.match(acme.pk),
        "select pg_advisory_xact_lock(hashtextextended('list', %(list)s))",
        "update records_list set refreshed_at = now() where account_id = %(account)s and id = %(list)s",
        account=acme.pk,
        list=chosen.pk,
    )
    assert answer is True
    with account_scope(acme.pk):
        assert List.objects.get().refresh_at is not None


def remove(chosen: List, ids: list[int]) -> Any:
    return lists.remove(chosen, ids)


def erase(chosen: List, ids: list[int]) -> Any:
    return list_entries.remove_everywhere(ids)


def clear_away(chosen: List, ids: list[int]) -> Any:
    with connection.cursor() as cursor:
        params = {"account": chosen.account_id, "list": chosen.pk, "chunk": 2}
        cursor.execute(list_deletion.ENTRIES, params)


@pytest.mark.parametrize("leave", [remove, erase, clear_away])
def test_whoever_deletes_entries_of_lists_locks_them_in_the_order_of_their_keys(
    acme: Account, leave: Callable[[List, list[int]], Any]
) -> None:
    with account_scope(acme.pk):
        chosen = make.make_list("Guests")
        first, second = (make.make_contact(f"{name}@a.no").pk for name in ("ada", "bo"))
        for record_id in (second, first):  # so that the table has them the other way round
            ListEntry.objects.create(list=chosen, record_id=record_id)

    def work() -> None:
        with account_scope(acme.pk), connection.cursor() as cursor:
            cursor.execute("set local enable_indexscan = off; set local enable_bitmapscan = off")
            cursor.execute("set local enable_indexonlyscan = off")
            leave(chosen, [second, first])

    lock = "select 1 from records_listentry where account_id = %(account)s and record_id = %({})s for update"
    asked = {"account": acme.pk, "ada": first, "bo": second}
    assert held_against(work, lock.format("ada"), lock.format("bo"), **asked) is None
    with account_scope(acme.pk):
        assert not ListEntry.objects.exists()
        assert sum(ListTally.objects.values_list("change", flat=True)) == (0 if leave is clear_away else -2)


def test_a_deleted_list_is_cleared_away_while_its_size_is_rolled_up(acme: Account) -> None:
    with account_scope(acme.pk):
        chosen = make.make_list("Old")
        ListTally.objects.create(list=chosen, change=1)
        list_deletion.delete(chosen, by=Actor.flyt(acme.pk))
    clock.forward(timedelta(minutes=2))
    answer = held_against(
        lambda: list_deletion.clear_away(acme.pk, chosen.pk),
        "select 1 from records_list where account_id = %(account)s and id = %(list)s for no key update",
        "delete from records_listtally where account_id = %(account)s and list_id = %(list)s",
        account=acme.pk,
        list=chosen.pk,
    )
    assert answer is False
    with account_scope(acme.pk):
        assert not ListTally.objects.exists()
