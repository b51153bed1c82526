"""Four matchers that abort and are killed: no event is lost, none has its effect twice, and the lists are right."""

import multiprocessing
import os
import random
import threading
from collections import defaultdict
from contextlib import suppress
from multiprocessing.connection import wait
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope
from records import criteria, dynamic_lists, event_intake, events, list_refresh, list_sizes, lists
from records.models import Event, EventPending, List, ListEntry, ListKind, ObjectType, Record
from records.upserts import upsert
from scheduling.clock import now
from tests import make

from . import matcher

pytestmark = pytest.mark.django_db(transaction=True)
# A longer fight: FLYT_MATCHERS_CHANGES=20000 python3 dev.py test tests/scenarios/test_matchers.py
CHANGES = int(os.environ.get("FLYT_MATCHERS_CHANGES", "80"))
# Some are changed again and again; the others seldom, so that what is lost of them is not made good by the next change.
OFTEN, SELDOM = 60, 240
MATCHERS, WRITERS = 4, 2
KILLS = 4  # at the least of matchers at work, while nothing heals what they would lose
CITIES = ("Oslo", "Bergen", "Malmö")
PATIENCE = 60  # seconds
PROCESSES = multiprocessing.get_context("forkserver")  # a matcher is there at once, though Django takes long to load
PROCESSES.set_forkserver_preload(["tests.scenarios.matcher_at_hand"])


def seed(account: Account) -> tuple[list[int], List]:
    """People, a static list, and dynamic lists that hang on properties, on each other, on events and on time."""
    with account_scope(account.pk):
        make.make_property("city")
        ids = [record.pk for record in make.make_contacts(OFTEN + SELDOM)]
        contact, by_hand = ObjectType.objects.get(key="contact"), make.make_list("By hand")

        def dynamic(name: str, tree: Any) -> dict[str, Any]:
            made = dynamic_lists.create_dynamic(name, contact, tree)
            return {"list": made.pk, "operator": "in"}

        oslo = dynamic("Oslo", {"property": "city", "operator": "eq", "value": "Oslo"})
        picked = dynamic("Picked of Oslo", {"all": [oslo, {"list": by_hand.pk, "operator": "in"}]})
        dynamic("Not picked", {"not": picked})
        dynamic("Buyers", {"event": "custom.bought", "happened": True, "at_least": 2, "within_days": 30})
    return ids, by_hand


def write(account: Account, ids: list[int], by_hand: List, seed_of: int, told: list[int], end: threading.Event) -> None:
    """Change people in transactions of odd lengths, of which some are rolled back, until the end."""
    rolls = random.Random(seed_of)
    try:
        while not end.is_set():
            some = [*rolls.sample(ids[:OFTEN], 1), *rolls.sample(ids[OFTEN:], 2)]
            try:
                with account_scope(account.pk):
                    contact = ObjectType.objects.get(key="contact")
                    rows = [{"id": each, "properties": {"city": rolls.choice(CITIES)}} for each in some]
                    upsert(contact, rows, match_on="id", source="api")
                    rolls.choice([lists.add, lists.remove])(by_hand, some[:2])
                    event_intake.take_in([{"record": some[0], "kind": "custom.bought"}])
                    sleep(rolls.random() * 0.05)
                    if rolls.random() < 0.1:
                        raise InterruptedError
                told.append(some[0])
            except InterruptedError:
                pass
    finally:
        connection.close()


class Matcher:
    """A matcher in a process of its own, and the last word it said."""

    def __init__(self, account: Account) -> None:
        self.voice, voice = PROCESSES.Pipe(duplex=False)
        database = connection.settings_dict["NAME"]
        self.process, self.last = PROCESSES.Process(target=matcher.main, args=[account.pk, database, voice]), ""
        self.process.start()
        voice.close()

    def listen(self) -> None:
        """Hear what it has said by now, or, once it is dead, had still to say."""
        with suppress(EOFError):
            while self.voice.poll():
                self.last = self.voice.recv()

    def kill(self) -> bool:
        """End it without a warning; whether it was at work."""
        self.process.kill()
        self.process.join()
        self.listen()
        self.voice.close()
        return self.last == matcher.TAKEN


def kill_one_at_work(account: Account, matchers: list[Matcher]) -> bool:
    """Kill a matcher a moment after it has taken events up; False when it came to their end meanwhile."""
    end, working = monotonic() + PATIENCE, list[Matcher]()
    while not working:
        assert monotonic() < end, "nobody is at work"
        wait([each.voice for each in matchers], 1)
        for each in matchers:
            each.listen()
        working = [each for each in matchers if each.last == matcher.TAKEN]
    sleep(random.random() * 0.02)
    was_at_work = working[0].kill()
    matchers.remove(working[0])
    matchers.append(Matcher(account))
    return was_at_work


def fight(account: Account, matchers: list[Matcher], told: list[int]) -> None:
    """Kill matchers at work now and then, until enough is written and enough of them were killed.

    In the first half lists are evaluated wholly meanwhile, as after imports; in the second nothing heals what is lost,
    and only there the killed are counted.
    """
    killed = 0
    while len(told) < CHANGES or killed < KILLS:
        was_at_work = kill_one_at_work(account, matchers)
        if len(told) < CHANGES / 2:
            with account_scope(account.pk):
                list_refresh.ask()
        elif was_at_work and not list_refresh.due(1):
            killed += 1
        sleep(random.uniform(0.1, 0.5))


def wait_until_matched(account: Account) -> None:
    """Nothing is pending, and no list is to be evaluated."""
    end = monotonic() + PATIENCE
    while True:
        with account_scope(account.pk):
            is_matched = not EventPending.objects.exists()
        if is_matched and not list_refresh.due(1):
            return
        assert monotonic() < end, "not matched in time"
        sleep(0.1)


def test_no_event_is_lost_or_doubled_and_the_lists_are_right_at_the_end(acme: Account) -> None:
    ids, by_hand = seed(acme)
    with account_scope(acme.pk):
        events.listen(["custom.bought"])
    told: list[int] = []
    matchers, end = [Matcher(acme) for _ in range(MATCHERS)], threading.Event()
    writers = [threading.Thread(target=write, args=[acme, ids, by_hand, n, told, end]) for n in range(WRITERS)]
    try:
        for writer in writers:
            writer.start()
        fight(acme, matchers, told)
        end.set()
        for writer in writers:
            writer.join()
        wait_until_matched(acme)
    finally:
        end.set()
        for writer in writers:
            writer.join()
        for each in matchers:
            each.kill()
    with account_scope(acme.pk):
        assert Event.objects.filter(kind="custom.bought").count() == len(told), "each was taken in once"
        assert not EventPending.objects.exists()
        for chosen in List.objects.filter(kind=ListKind.DYNAMIC):
            assert inside(chosen) == fresh(chosen), chosen.name
        check_events()
        assert list_sizes.wrong() == []


def inside(chosen: List) -> set[int]:
    return set(ListEntry.objects.filter(list=chosen).values_list("record_id", flat=True))


def fresh(chosen: List) -> set[int]:
    """Who meets the criteria, asked once more of everybody."""
    condition = criteria.compile(
        chosen.criteria, object_type_id=chosen.object_type_id, moment=now(), zone=list_refresh.account_zone()
    )
    found = Record.objects.raw(
        f"select r.id from records_record r where r.account_id = %(account)s and ({condition.sql})",
        {**condition.params, "account": chosen.account_id},
    )
    return {record.pk for record in found}


def check_events() -> None:
    """Whoever joined left before joining again, and is in at the end whoever joined last: none doubled, none lost."""
    told: dict[tuple[int, int], list[str]] = defaultdict(list)
    for event in Event.objects.filter(kind__in=["list_joined", "list_left"]).order_by("pk"):
        told[event.detail["list"], event.record_id].append(event.kind)
    for kinds in told.values():
        assert kinds == ["list_joined", "list_left"] * (len(kinds) // 2) + ["list_joined"] * (len(kinds) % 2)
    last_joined = {key for key, kinds in told.items() if kinds[-1] == "list_joined"}
    assert last_joined == set(ListEntry.objects.values_list("list_id", "record_id"))
