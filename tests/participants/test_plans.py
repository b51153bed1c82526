"""What the engine, the door and the pages ask about participants is answered by an index, however many there are."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope, every_account
from flows.models import Flow, FlowStatus
from participants import engine, enrolment, statistics, tasks, waking
from participants.models import Intake, Participant
from records import events
from records.models import Event
from scheduling.clock import now
from tests.make import make_contact, make_flow, steps_of

pytestmark = pytest.mark.django_db

PEOPLE, FLOWS = 20_000, 20
FILL = """
insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop, arrived_at, due_at,
  failures, succeeded, success_criterion, cause, only_once, depth, enrolled_at)
select %(account)s, (%(flows)s::bigint[])[1 + g %% %(n)s], 1000000 + g, 'active', '',
  (%(steps)s::bigint[])[1 + g %% %(n)s], 1, now(), now() + g * interval '1 minute',
  0, false, '', 'by_hand', true, 0, now()
from generate_series(1, %(people)s) g
"""
LOG = """
insert into participants_steplog (account_id, participant_id, hop, flow_id, step_id, outcome, reason, arrived_at, at)
select account_id, id, 0, flow_id, 0, 'continued', '', now(), now() - id * interval '1 second'
from participants_participant
"""
COUNT = """
insert into participants_counter (account_id, flow_id, step_id, what, n)
select account_id, flow_id, 0, status, count(*) from participants_participant group by 1, 2, 4
union all select account_id, flow_id, step_id, 'on', count(*) from participants_participant group by 1, 2, 3
"""
INTAKE = """
insert into participants_intake (account_id, flow_id, record_id, wish, cause, cause_key, depth, at)
select %s, %s, n, wish.name, 'list', 'list:1:' || wish.name, 0, now()
from (select %s::text as name) wish, generate_series(1, %s) n
"""
LARGE = ("participants_participant", "participants_steplog")


@pytest.fixture
def people() -> int:
    """How many there are in all; a test that needs more for the plan of a million says so."""
    return PEOPLE


@pytest.fixture
def flow(in_acme: Account, people: int) -> Flow:
    """One of twenty running flows full of people who wait, one of them due."""
    wait = {"kind": "wait_for_event", "settings": {"events": [{"event": "custom.bought", "detail": {}}]}}
    flows = [make_flow([wait], status=FlowStatus.RUNNING, email=False) for _ in range(FLOWS)]
    steps = [steps_of(each)[0].pk for each in flows]
    with connection.cursor() as cursor:
        params = {"account": in_acme.pk, "n": FLOWS, "people": people}
        cursor.execute(FILL, {**params, "flows": [each.pk for each in flows], "steps": steps})
        cursor.execute(LOG)
        cursor.execute(COUNT)
    record = make_contact()
    due = Participant.objects.filter(flow=flows[0]).first()
    assert due is not None
    Participant.objects.filter(pk=due.pk).update(due_at=now(), record_id=record.pk)
    with connection.as_owner(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("analyze participants_participant, participants_steplog, participants_counter, flows_flow")
    return flows[0]


def read_from_end_to_end(work: Callable[[], object]) -> list[str]:
    """The statements of `work` whose plan reads all participants, or their whole log."""
    with CaptureQueriesContext(connection) as asked:
        work()
    found, looked = [], 0
    for query in asked.captured_queries:
        if not any(table in query["sql"] for table in LARGE) or not _can_be_explained(query["sql"]):
            continue
        with connection.cursor() as cursor:
            cursor.execute("explain " + query["sql"].replace("%", "%%"), [])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        looked += 1
        if re.search(rf"Seq Scan on ({'|'.join(LARGE)})\b", plan):
            found.append(f"{query['sql']}\n{plan}")
    assert looked, "it does ask about participants"
    return found


def _can_be_explained(sql: str) -> bool:
    return sql.lstrip().lower().startswith(("select", "with", "insert", "update", "delete"))


def test_dispatch_probes_running_flows_by_an_index(flow: Flow) -> None:
    def probe() -> None:
        with every_account(), connection.cursor() as cursor:
            cursor.execute(tasks.DUE_FLOWS, {"now": now()})
            assert cursor.fetchall() == [(flow.account_id, flow.pk)]

    assert read_from_end_to_end(probe) == []


@pytest.mark.parametrize("people", [150_000])
def test_the_engine_looks_claims_and_moves_by_an_index(flow: Flow) -> None:
    assert read_from_end_to_end(lambda: engine.advance(flow.account_id, flow.pk, seconds=5)) == []
    assert not Participant.objects.filter(flow=flow, due_at__lte=now()).exists(), "it has looked at the one who was due"


def test_dispatch_reads_no_more_intake_than_there_are_flows_that_have_some(in_acme: Account) -> None:
    paused, filled = make_flow(status=FlowStatus.PAUSED), make_flow(status=FlowStatus.RUNNING)
    aside, entered = make_flow(status=FlowStatus.RUNNING), make_flow(status=FlowStatus.PAUSED)
    with connection.cursor() as cursor:
        for flow, wish, n in ((paused, "leave", PEOPLE), (filled, "enrol", PEOPLE), (entered, "leave", PEOPLE)):
            cursor.execute(INTAKE, [in_acme.pk, flow.pk, wish, n])
        cursor.execute(INTAKE, [in_acme.pk, entered.pk, "enrol", 1])
        cursor.execute(INTAKE, [in_acme.pk, aside.pk, "enrol", 3])
    Intake.objects.filter(flow=aside).update(retry_at=now() + timedelta(hours=1))
    with every_account(), connection.cursor() as cursor:
        cursor.execute("analyze participants_intake, flows_flow")
        cursor.execute(tasks.FLOWS_WITH_INTAKE, {"now": now()})
        assert sorted(cursor.fetchall()) == [(in_acme.pk, filled.pk), (in_acme.pk, entered.pk)]
        cursor.execute(f"explain (analyze, timing off) {tasks.FLOWS_WITH_INTAKE}", {"now": now()})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    looked_at = re.findall(r"actual rows=([0-9.]+) loops=(\d+)|Rows Removed by [^:]+: (\d+)", plan)
    assert sum(float(rows or 0) * int(loops or 0) + int(gone or 0) for rows, loops, gone in looked_at) < 200, plan


def test_a_wake_finds_by_an_index_who_stands_there(flow: Flow) -> None:
    due = Participant.objects.get(flow=flow, due_at__lte=now())
    Participant.objects.filter(pk=due.pk).update(due_at=None)
    events.record_events("custom.bought", [due.record_id])
    happened = list(Event.objects.all())

    def wake() -> None:
        assert waking.wake(happened) == 1

    assert read_from_end_to_end(wake) == []


def test_enrolment_checks_earlier_walks_by_an_index(flow: Flow, owner: Actor) -> None:
    people = [make_contact().pk for _ in range(3)]
    assert read_from_end_to_end(lambda: enrolment.enrol_records(flow.account_id, flow.pk, people, by=owner)) == []


def test_counts_read_no_participants_at_all(flow: Flow) -> None:
    with CaptureQueriesContext(connection) as asked:
        counts = statistics.counts([flow.pk])[flow.pk]
        statistics.standing(flow.pk)
    assert counts.active == PEOPLE // FLOWS
    assert not any(table in query["sql"] for query in asked.captured_queries for table in LARGE)


@pytest.mark.parametrize(
    "page",
    ["", "{flow}/", "{flow}/chart/", "{flow}/log/", "{flow}/participants/", "{flow}/participants/?status=active"],
)
def test_a_page_reads_no_more_participants_than_it_shows(flow: Flow, acme: Account, page: str) -> None:
    with account_scope(acme.pk):
        user = User.objects.create_user("olga@example.com", "a long enough word")
        Member.objects.create(user=user, role=Role.OWNER)
    client = Client()
    client.force_login(user)
    address = f"/acme/flows/{page.format(flow=flow.pk)}"

    def look() -> None:
        assert client.get(address).status_code == 200
        Participant.objects.filter(pk=0).exists()  # so that a page that asks nothing about them may pass

    assert read_from_end_to_end(look) == []
