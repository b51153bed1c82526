"""Four matchers that abort and are killed: no event is lost, none has its effect twice, and the lists are right."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from itertools import count
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope
from records import criteria, dynamic_lists, event_intake, events, list_refresh, list_sizes, lists
from records.models import Event, EventPending, List, ListEntry, ListKind, ObjectType, Record
from records.upserts import upsert
from scheduling.clock import now
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
# A longer fight: FLYT_MATCHERS_CHANGES=20000 python3 dev.py test tests/scenarios/test_matchers.py
CHANGES = int(os.environ.get("FLYT_MATCHERS_CHANGES", "120"))
PEOPLE, MATCHERS, WRITERS = 120, 4, 2
CITIES = ("Oslo", "Bergen", "Malmö")
PATIENCE = 120 + CHANGES / 20  # seconds


def start(account: Account) -> "subprocess.Popen[bytes]":
    url = urlsplit(os.environ["DATABASE_URL"])
    here = {**os.environ, "DATABASE_URL": url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()}
    return subprocess.Popen([sys.executable, "-m", "tests.scenarios.matcher", str(account.pk)], env=here)


def seed(account: Account) -> tuple[list[int], List]:
    """People, a static list, and dynamic lists that hang on properties, on each other, on events and on time."""
    with account_scope(account.pk):
        make.make_property("city")
        ids = [record.pk for record in make.make_contacts(PEOPLE)]
        contact, by_hand = ObjectType.objects.get(key="contact"), make.make_list("By hand")

        def dynamic(name: str, tree: Any) -> dict[str, Any]:
            made = dynamic_lists.create_dynamic(name, contact, tree)
            return {"list": made.pk, "operator": "in"}

        oslo = dynamic("Oslo", {"property": "city", "operator": "eq", "value": "Oslo"})
        picked = dynamic("Picked of Oslo", {"all": [oslo, {"list": by_hand.pk, "operator": "in"}]})
        dynamic("Not picked", {"not": picked})
        dynamic("Buyers", {"event": "custom.bought", "happened": True, "at_least": 2, "within_days": 30})
    return ids, by_hand


def write(account: Account, ids: list[int], by_hand: List, seed_of: int, told: list[int]) -> None:
    """Change people in transactions of odd lengths, of which some are rolled back."""
    rolls = random.Random(seed_of)
    try:
        for _ in range(CHANGES // WRITERS):
            some = rolls.sample(ids, 3)
            try:
                with account_scope(account.pk):
                    contact = ObjectType.objects.get(key="contact")
                    rows = [{"id": each, "properties": {"city": rolls.choice(CITIES)}} for each in some]
                    upsert(contact, rows, match_on="id", source="api")
                    rolls.choice([lists.add, lists.remove])(by_hand, some[:2])
                    event_intake.take_in([{"record": some[0], "kind": "custom.bought"}])
                    sleep(rolls.random() * 0.01)
                    if rolls.random() < 0.1:
                        raise InterruptedError
                told.append(some[0])
            except InterruptedError:
                pass
    finally:
        connection.close()


def fight(account: Account, writers: list[threading.Thread], told: list[int]) -> None:
    """Kill a matcher now and then, until all is written and matched.

    In the first half lists are evaluated wholly meanwhile, as after imports; in the second nothing heals what is lost.
    """
    matchers = [start(account) for _ in range(MATCHERS)]
    end = monotonic() + PATIENCE
    try:
        for look in count():
            sleep(0.5)
            is_written = not any(writer.is_alive() for writer in writers)
            with account_scope(account.pk):
                is_matched = not EventPending.objects.exists()
            if is_written and is_matched and not list_refresh.due(1):
                break
            assert monotonic() < end, "not matched in time"
            if not is_written and look % 3 == 2:
                victim = random.randrange(MATCHERS)
                matchers[victim].send_signal(signal.SIGKILL)
                matchers[victim].wait()
                matchers[victim] = start(account)
                if len(told) < CHANGES / 2:
                    with account_scope(account.pk):
                        list_refresh.ask()
    finally:
        for each in matchers:
            each.kill()
            each.wait()


def test_no_event_is_lost_or_doubled_and_the_lists_are_right_at_the_end(acme: Account) -> None:
    ids, by_hand = seed(acme)
    with account_scope(acme.pk):
        events.listen(["custom.bought"])
    told: list[int] = []
    writers = [threading.Thread(target=write, args=[acme, ids, by_hand, n, told]) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    fight(acme, writers, told)
    with account_scope(acme.pk):
        assert len(told) > CHANGES / 2
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
