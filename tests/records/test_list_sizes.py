"""Sizes of lists: right at any moment, however many change a list at once, and the same before and after a roll-up."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope
from records import list_deletion, list_entries, list_sizes, lists
from records.models import List, ListEntry, ListTally
from scheduling import clock
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[], None]) -> None:
    """Run them side by side, each on a connection of its own; raises what one raised."""
    failed: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_a_size_is_exact_while_many_change_the_list_and_it_is_rolled_up(acme: Account) -> None:
    with account_scope(acme.pk):
        chosen = make.make_list("Busy")
        ids = [record.pk for record in make.make_contacts(200)]
    over = threading.Event()
    seen: list[bool] = []

    def changes(part: list[int]) -> None:
        for record_id in part:
            with account_scope(acme.pk):
                lists.add(chosen, part)
                lists.remove(chosen, [record_id])

    def rolls_up() -> None:
        while not over.is_set():
            with account_scope(acme.pk):
                list_sizes.roll_up()

    def looks() -> None:
        while not over.is_set():
            with account_scope(acme.pk):
                seen.append(list_sizes.wrong() == [])

    def all_changes() -> None:
        try:
            at_once(*(lambda part=ids[n::4]: changes(part[:12]) for n in range(4)))  # type: ignore[misc]
        finally:
            over.set()

    at_once(all_changes, rolls_up, rolls_up, looks)
    assert len(seen) > 5 and all(seen)
    with account_scope(acme.pk):
        list_sizes.roll_up()
        assert not ListTally.objects.exists()
        assert List.objects.get().entry_count == ListEntry.objects.count() == lists.size(chosen)


def test_the_size_of_many_lists_is_one_query(acme: Account, globex: Account) -> None:
    with account_scope(globex.pk):
        theirs = make.make_list("Theirs", make.make_contacts(2))
    with account_scope(acme.pk):
        made = [make.make_list(f"List {n}", make.make_contacts(n)) for n in range(4)]
        lists.add(made[0], [make.make_contact().pk])
        with CaptureQueriesContext(connection) as queries:
            found = lists.sizes([*(each.pk for each in made), theirs.pk])
        assert len(queries) == 1
    assert found == {each.pk: size for each, size in zip(made, (1, 1, 2, 3), strict=True)}


def test_a_size_that_is_wrong_is_told(acme: Account, capsys: pytest.CaptureFixture[str]) -> None:
    with account_scope(acme.pk):
        chosen = make.make_list("Off", make.make_contacts(2))
    call_command("check_lists")
    assert "Every list has the size" in capsys.readouterr().out
    with account_scope(acme.pk):
        ListTally.objects.create(list=chosen, change=3)
    with pytest.raises(CommandError, match="1 lists are wrong"):
        call_command("check_lists")
    assert f"acme: list {chosen.pk} says 5 and has 2 entries" in capsys.readouterr().out


def test_records_that_are_erased_leave_every_list(acme: Account) -> None:
    with account_scope(acme.pk):
        first, second = make.make_contacts(2)
        made = [make.make_list("One", [first, second]), make.make_list("Two", [first])]
        list_entries.remove_everywhere([first.pk])
        assert lists.sizes(each.pk for each in made) == {made[0].pk: 1, made[1].pk: 0}
        assert list_sizes.wrong() == []


def test_a_deleted_list_is_gone_at_once_and_its_entries_soon(
    acme: Account, globex: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_deletion, "CHUNK", 2)
    with account_scope(acme.pk):
        chosen = make.make_list("Old", make.make_contacts(5))
        kept = make.make_list("Kept", make.make_contacts(1))
        list_deletion.delete(chosen, by=Actor.flyt(acme.pk))
        assert list(List.objects.values_list("pk", flat=True)) == [kept.pk]
        make.make_list("Old")  # the name is free
    assert list_deletion.to_clear_away(10) == [], "not before whoever put somebody in has committed"
    clock.forward(timedelta(minutes=2))
    assert list_deletion.to_clear_away(10) == [(acme.pk, chosen.pk)]
    assert list_deletion.clear_away(globex.pk, chosen.pk) is False
    rounds = 1
    while list_deletion.clear_away(acme.pk, chosen.pk):
        rounds += 1
    assert rounds == 4 and list_deletion.to_clear_away(10) == []
    with account_scope(acme.pk):
        assert ListEntry.objects.count() == 1
    assert list_deletion.clear_away(acme.pk, kept.pk) is False, "it was not deleted"
