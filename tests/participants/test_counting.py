"""The counts of flows are held against the rows, and put right."""

from io import StringIO
from typing import Any

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope
from flows import locks
from flows.models import Flow
from participants import commands, counting, engine, statistics
from participants.models import Participant, Tally
from tests.make import make_contact, make_contacts, make_flow, make_participant, steps_of
from tests.walking import walk

pytestmark = pytest.mark.django_db


def told(**options: Any) -> tuple[str, str]:
    """What the command says, and how it fails."""
    out = StringIO()
    try:
        call_command("check_counts", stdout=out, **options)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A flow in which some wait in a branch, some have finished, one has left and one was erased."""
    with account_scope(acme.pk):
        early = {"all": [{"property": "city", "operator": "eq", "value": "Oslo"}]}
        flow = make_flow([{"split": [(early, ["wait 1 day"])]}], status="running")
        for person in (*make_contacts(3, city="Oslo"), *make_contacts(4)):
            make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    with account_scope(acme.pk):
        oslo = list(Participant.objects.filter(status="active").order_by("pk"))
        make_participant(flow, make_contact())
    commands.leave(acme.pk, oslo[0].pk, by=Actor.flyt(acme.pk))
    commands.erase(acme.pk, oslo[1].pk, by=Actor.flyt(acme.pk))
    return flow


def test_right_counts_are_said_to_be_right(flow: Flow) -> None:
    with account_scope(flow.account_id):
        assert counting.differences() == [] and Tally.objects.exists()
        statistics.roll_up(flow.pk)
        assert counting.differences(flow.pk) == []
    assert told() == ("Every count is the number of its rows.\n", "")


def test_each_wrong_count_is_named_and_the_command_fails(acme: Account, globex: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        split, wait = steps_of(flow)[0].pk, steps_of(flow, "wait")[0].pk
        branch = min(statistics.taken(flow.pk))
        statistics.add(
            flow.pk,
            [(0, "enrolled", 2), (0, "finished", -1), (0, "on", 1), (wait, "on", 1), (split, "passed", -3)],
        )
        statistics.add(flow.pk, [(branch, "took", 1), (10**15, "on", 7)])
    said, failed = told()
    assert said.splitlines() == [
        f"acme: flow {flow.pk}: enrolled says 9, the rows are 7",
        f"acme: flow {flow.pk}: finished says 3, the rows are 4",
        f"acme: flow {flow.pk}: on says 2, the rows are 1",
        *sorted(
            [
                f"acme: flow {flow.pk}: branch {branch}: took says 3, the rows are 2",
                f"acme: flow {flow.pk}: step {wait}: on says 2, the rows are 1",
                f"acme: flow {flow.pk}: step {split}: passed says 3, the rows are 6",
            ],
            key=lambda line: int(line.split(": ")[2].split()[1]),
        ),
        f"acme: flow {flow.pk}: step 1000000000000000: on says 7, the rows are 0",
    ]
    assert "7 counts are wrong" in failed
    assert told(account="globex") == ("Every count is the number of its rows.\n", "")
    assert told(account="nobody")[1] == "There is no account nobody."
    with account_scope(acme.pk):
        other = make_flow()
    assert told(flow=other.pk)[1] == "" and "7 counts" in told(flow=flow.pk)[1]


def test_wrong_counts_are_put_right(acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        before = statistics.counts([flow.pk]), statistics.standing(flow.pk), statistics.taken(flow.pk)
        statistics.add(flow.pk, [(0, "active", 5), (0, "cancelled", 1), (min(statistics.taken(flow.pk)), "took", 1)])
    said, failed = told(repair=True)
    assert len(said.splitlines()) == 4 and said.endswith("3 counts were put right.\n") and not failed
    assert told() == ("Every count is the number of its rows.\n", "")
    with account_scope(acme.pk):
        assert (statistics.counts([flow.pk]), statistics.standing(flow.pk), statistics.taken(flow.pk)) == before


def test_a_flow_that_is_not_there_is_said_not_to_be(acme: Account, globex: Account, flow: Flow) -> None:
    assert told(flow=999_999) == ("", "There is no flow 999999.")
    assert told(flow=flow.pk, account="globex") == ("", f"There is no flow {flow.pk}.")
    assert told(flow=flow.pk) == ("Every count is the number of its rows.\n", "")


@pytest.mark.django_db(transaction=True)
def test_a_busy_flow_keeps_no_other_from_being_put_right(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WAIT", "50ms")
    with account_scope(acme.pk):
        busy, free = (make_flow() for _ in range(2))
        for each in (busy, free):
            statistics.add(each.pk, [(0, "active", 5)])
    other = psycopg2.connect(**{**connection.get_connection_params(), "cursor_factory": None})
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock_shared(hashtextextended('flow', %s))", [busy.pk])
    said, failed = told(repair=True)
    other.close()
    assert said == f"acme: flow {free.pk}: active says 5, the rows are 0\n"
    assert failed == f"1 counts were put right. Not those of busy flows: {busy.pk}. Try again for these."
    assert told(repair=True)[0] == f"acme: flow {busy.pk}: active says 5, the rows are 0\n1 counts were put right.\n"


def test_a_row_that_nobody_counted_is_found(acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        Participant.objects.create(flow=flow, record=make_contact(), cause="by_hand", due_at=flow.created_at)
    said, _failed = told()
    assert {line.split(": ")[2].split()[0] for line in said.splitlines()} == {"enrolled", "active", "on"}


def test_the_counts_of_many_people_are_read_by_as_few_rows_as_those_of_few(in_acme: Account) -> None:
    """Constant time: rolled up, a flow has a row per count and step, however many people there are."""
    read = []
    for people in (5, 60):
        flow = make_flow([{"update_record": {"score": 1}}, "wait 2 days"], status="running")
        for person in make_contacts(people):
            make_participant(flow, person, step=steps_of(flow)[0])
        engine.advance(in_acme.pk, flow.pk)
        with connection.cursor() as cursor:
            params = {"account": in_acme.pk, "flows": [flow.pk]}
            cursor.execute("explain (analyze, format json, timing off) " + statistics.READ.format(where=""), params)
            read.append(_rows(cursor.fetchone()[0][0]["Plan"]))
        with CaptureQueriesContext(connection) as asked:
            statistics.counts([flow.pk])
        assert len(asked) == 1
    assert read[0] == read[1]


def _rows(plan: dict[str, Any]) -> int:
    """How many rows the scans of a plan gave."""
    below = sum(_rows(each) for each in plan.get("Plans", []))
    return int(plan["Actual Rows"] * plan["Actual Loops"]) if "Relation Name" in plan else below
