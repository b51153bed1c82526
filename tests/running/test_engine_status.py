"""What operators are told about the engine, and when a flow counts as stuck."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow
from messaging.models import Message
from participants import engine
from participants.models import Intake, Participant
from records.models import EventPending
from running import engine_status, heartbeat, stuck, tasks
from scheduling import clock
from tests.make import make_contact, make_contacts, make_content, make_flow, make_participant, make_schedule, steps_of
from tests.triggers.stage import make_account
from triggers.models import EventSetAside, Occurrence, Schedule


@pytest.fixture(autouse=True)
def _own_cache(settings) -> None:  # type: ignore[no-untyped-def]
    """Nothing of another test is in the cache."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": f"test-{uuid4().hex}"}}


@pytest.fixture
def redis_away(settings) -> None:  # type: ignore[no-untyped-def]
    """No Redis behind the cache."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}


def told(**options: Any) -> str:
    """What the command says."""
    out = StringIO()
    call_command("engine", "status", stdout=out, **options)
    return out.getvalue()


def due(account: Account, people: int, *, since: timedelta = timedelta(), status: str = "running") -> Flow:
    """A flow with so many people who are due since then."""
    with account_scope(account.pk):
        flow = make_flow([{"update_record": {"score": 1}}], status=status)
        for person in make_contacts(people):
            make_participant(flow, person, step=steps_of(flow)[0], due_at=clock.now() - since)
    return flow


@pytest.mark.django_db
def test_who_is_due_is_told_by_flow_and_account_the_longest_first(acme: Account, globex: Account) -> None:
    hours = timedelta(hours=1)
    late, small, theirs = due(acme, 3, since=3 * hours), due(acme, 1, since=hours), due(globex, 2, since=2 * hours)
    due(acme, 5, since=9 * hours, status="paused")
    found = engine_status.status()
    assert [(each.account, each.flow, each.due) for each in found.flows] == [
        ("acme", late.pk, 3),
        ("globex", theirs.pk, 2),
        ("acme", small.pk, 1),
    ]
    assert [(each.account, each.flow, each.due) for each in found.accounts] == [("acme", None, 4), ("globex", None, 2)]
    assert (found.flows_due, found.due, found.behind) == (3, 6, 3 * hours)
    only = engine_status.status(globex)
    assert [each.flow for each in only.flows] == [theirs.pk] and only.due == 2


@pytest.mark.django_db
def test_what_waits_is_counted(acme: Account, globex: Account) -> None:
    with account_scope(acme.pk):
        flow, person, content = make_flow(status="running"), make_contact(), make_content()
        for status, n in (("queued", 3), ("sending", 2), ("unconfirmed", 1), ("sent", 4)):
            for number in range(n):
                Message.objects.create(
                    outbox=flow.outbox, origin_key=f"{status}{number}", record=person, content=content, status=status
                )
        Message.objects.filter(origin_key="queued0").update(due_at=clock.now() + timedelta(hours=1))
        held = make_flow().outbox
        Message.objects.create(outbox=held, origin_key="held", record=person, content=content)
        Intake.objects.create(flow=flow, record=person, cause="list", cause_key="list:1:a")
        Intake.objects.create(flow=flow, record=person, cause="list", cause_key="list:1:b", failures=1)
        EventPending.objects.create(event_id=1)
        EventSetAside.objects.create(event_id=2, failures=1, set_aside_at=clock.now())
        make_flow().activations.create(started_at=clock.now(), ended_at=clock.now())
        Flow.objects.filter(pk=make_flow().pk).update(deleted_at=clock.now())
        make_participant(flow, person, failures=2, due_at=clock.now() + timedelta(minutes=10))
        make_schedule(flow, {"frequency": "daily"}, next_run_at=clock.now() - timedelta(minutes=2))
    expected = {
        "pending_events": 1,
        "events_set_aside": 1,
        "intake": 2,
        "intake_failing": 1,
        "messages_due": 2,
        "messages_queued": 4,
        "messages_sending": 2,
        "messages_unconfirmed": 1,
        "failing": 1,
        "runs_open": 0,
        "schedules_due": 1,
        "flows_ending": 1,
        "flows_deleted": 1,
    }
    assert engine_status.status().waiting == expected
    assert engine_status.status(acme).waiting == expected
    assert set(engine_status.status(globex).waiting.values()) == {0}


@pytest.mark.django_db
def test_how_late_the_latest_runs_were(in_acme: Account) -> None:
    flow = make_flow(schedule={"frequency": "daily"}, status="running")
    moment, schedule = clock.now(), Schedule.objects.get()
    for late, status, kind in ((3, "done", "scheduled"), (900, "missed", "scheduled"), (700, "done", "run_now")):
        Occurrence.objects.create(
            schedule=schedule,
            flow=flow,
            activation=flow.activations.get(),
            scheduled_for=moment - timedelta(seconds=late),
            time_zone="UTC",
            criteria={"all": []},
            status=status,
            kind=kind,
        )
    assert engine_status.status().latest_run_late == timedelta(seconds=3)
    clock.forward(timedelta(minutes=11))
    assert engine_status.status().latest_run_late is None


@pytest.mark.django_db
def test_a_look_asks_as_often_for_many_flows_as_for_one(acme: Account) -> None:
    asked = []
    for _ in range(2):
        for _ in range(4):
            due(acme, 1)
        with CaptureQueriesContext(connection) as queries:
            engine_status.status()
        asked.append(len(queries))
    assert asked[0] == asked[1] < 40


@pytest.mark.django_db
def test_counts_stop_somewhere(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_status, "MOST_COUNTED", 2)
    flow = due(acme, 5)
    found = engine_status.status()
    assert (found.flows[0].due, found.due, found.accounts[0].due) == (2, 2, 2)
    assert found.flows[0].is_capped and found.is_due_capped and found.accounts[0].is_capped
    said = told()
    assert f"flow {flow.pk}" in said and said.count("2+ due") == 2 and "2+ people due in 1 flows" in said


@pytest.mark.django_db
def test_as_many_as_are_counted_to_may_be_more_and_fewer_are_not(
    acme: Account, globex: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_status, "MOST_COUNTED", 3)
    due(acme, 2)
    due(acme, 1)
    assert not engine_status.status().is_due_capped and "3 people due in 2 flows" in told()
    due(globex, 3)
    found = engine_status.status()
    assert [(each.account, each.is_capped) for each in found.accounts] == [("acme", False), ("globex", True)]
    assert found.is_due_capped and "6+ people due in 3 flows" in told()
    tied = [each.oldest_due_at for each in found.accounts]
    assert tied[0] == tied[1], "who is alike is told in the order of the accounts, not in any"


@pytest.mark.django_db
def test_every_flow_that_is_due_counts_also_where_only_some_are_shown(
    acme: Account, globex: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_status, "SHOWN", 3)
    monkeypatch.setattr(engine_status, "MOST_BESIDE", 4)
    hours = timedelta(hours=1)
    for _ in range(5):
        due(acme, 1, since=2 * hours)
    theirs = due(globex, 6, since=hours)
    found = engine_status.status()
    assert len(found.flows) == 3 and theirs.pk not in [each.flow for each in found.flows]
    assert (found.flows_due, found.due, found.behind) == (6, 9, 2 * hours)
    assert [(each.account, each.due, each.is_capped) for each in found.accounts] == [
        ("acme", 5, False),
        ("globex", 4, True),
    ]
    assert found.accounts[1].behind == hours and found.is_due_capped
    said = told()
    assert "9+ people due in 6 flows" in said and "and 3 more" in said and "globex" in said
    monkeypatch.setattr(engine_status, "SHOWN", 1)
    found = engine_status.status()
    assert ([each.account for each in found.accounts], found.accounts_due, found.due) == (["acme"], 2, 9)
    assert "and 1 more" in told()


@pytest.mark.django_db
def test_the_command_says_it_for_people_and_for_programs(acme: Account) -> None:
    flow = due(acme, 2, since=timedelta(minutes=3))
    with account_scope(acme.pk):
        address = Participant.objects.first().record.properties["email"]
    heartbeat.engine()
    said = told()
    assert "2 people due in 1 flows" in said and f"flow {flow.pk}" in said
    assert "worker engine" in said and "NO SIGN OF LIFE" in said and "nobody has looked" in said
    found = json.loads(told(json=True, account="acme"))
    assert found["flows"][0]["flow"] == flow.pk and 180 <= found["behind"] < 400
    assert found["workers"] == {"default": False, "engine": True, "delivery": False, "bulk": False}
    assert set(found["queues"]) == {"default", "engine", "delivery", "bulk"}
    assert address not in said + json.dumps(found), "nothing personal"
    with pytest.raises(CommandError, match="no account nowhere"):
        told(account="nowhere")


@pytest.mark.django_db
def test_without_redis_the_database_still_tells(acme: Account, redis_away: None) -> None:
    flow = due(acme, 2)
    said = told()
    assert f"flow {flow.pk}" in said and "Redis does not answer" in said and "nobody has looked" in said


# --- Stuck ----------------------------------------------------------------------------------------------------


def minutes(n: int) -> None:
    """Let so many minutes pass, with a look after each."""
    for _ in range(n):
        clock.forward(timedelta(minutes=1))
        tasks.look_for_stuck_flows()


def names() -> list[int]:
    """The flows that are stuck."""
    found = stuck.stuck()
    assert found is not None
    return [each.flow_id for each in found]


@pytest.fixture
def row_lock() -> Iterator[Any]:
    """Another session that holds locks and does nothing."""
    settings = connection.settings_dict
    session = psycopg2.connect(
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        host=settings["HOST"],
        port=settings["PORT"] or None,
    )
    yield session
    session.close()


@pytest.mark.django_db(transaction=True)
def test_a_person_whom_somebody_keeps_locked_makes_the_flow_stuck(
    row_lock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    acme = make_account("Acme")
    flow = due(acme, 3)
    with account_scope(acme.pk):
        locked = min(Participant.objects.values_list("pk", flat=True))
    with row_lock.cursor() as cursor:
        cursor.execute("select 1 from participants_participant where id = %s for update", [locked])
        engine.advance(acme.pk, flow.pk, seconds=0.5)
        with account_scope(acme.pk):
            assert Participant.objects.filter(status="active").count() == 1
        minutes(5)
        assert names() == [], "not before five minutes"
        with caplog.at_level(logging.WARNING, "running.stuck"):
            minutes(3)
            engine.advance(acme.pk, flow.pk, seconds=0.5)
            minutes(1)
        assert names() == [flow.pk]
        said = [each.getMessage() for each in caplog.records]
        assert len(said) == 1, "told once"
        assert f"flow {flow.pk} of account {acme.pk} is stuck: participant {locked}" in said[0]
        assert f"flow {flow.pk}" in told() and "STUCK" in told()
    row_lock.rollback()
    engine.advance(acme.pk, flow.pk)
    with caplog.at_level(logging.WARNING, "running.stuck"):
        minutes(1)
    assert names() == [] and f"flow {flow.pk} is no longer stuck" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_flow_whose_lock_somebody_holds_is_stuck(row_lock: Any) -> None:
    acme = make_account("Acme")
    flow, other = due(acme, 2), due(acme, 2)
    with row_lock.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('flow', %s))", [flow.pk])
        for each in (flow, other):
            engine.advance(acme.pk, each.pk, seconds=0.2)
        minutes(8)
        assert names() == [flow.pk]


@pytest.mark.django_db
def test_a_flow_that_is_only_busy_is_not_stuck(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is due since the same moment, and each minute one batch goes."""
    from flows.steps import KINDS

    flow = due(acme, 12, since=timedelta(hours=5))
    monkeypatch.setattr(KINDS["update_record"], "batch_size", 1)
    for _ in range(10):
        minutes(1)
        engine.advance_step(engine._Slice(acme.pk, flow.pk), first_step(flow))
        assert names() == []
    with account_scope(acme.pk):
        assert Participant.objects.filter(status="active", step_id=first_step(flow)).count() == 2
    minutes(8)
    assert names() == [flow.pk], "and once nobody works any more, it is"


@pytest.mark.django_db
def test_whoever_stands_still_for_good_reason_is_not_stuck(acme: Account) -> None:
    paused = due(acme, 2, since=timedelta(hours=5), status="paused")
    with account_scope(acme.pk):
        later = make_flow(["wait 1 day"], status="running", starts_at=clock.now() + timedelta(hours=1))
        make_participant(later)
        waits = make_flow(["wait 1 day"], status="running")
        make_participant(waits, step=steps_of(waits)[0], due_at=clock.now() + timedelta(days=1))
    minutes(8)
    assert names() == [] and paused.status == "paused"


@pytest.mark.django_db
def test_whoever_was_away_long_is_not_stuck_as_soon_as_the_workers_are_back(acme: Account) -> None:
    flow = due(acme, 2, since=timedelta(days=2))
    minutes(1)
    assert names() == []
    minutes(6)
    assert names() == [flow.pk]


@pytest.mark.django_db
def test_a_flushed_cache_neither_hides_a_stuck_flow_nor_tells_of_it_twice(
    acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    flow = due(acme, 2)
    with caplog.at_level(logging.WARNING, "running.stuck"):
        minutes(4)
        cache.clear()
        minutes(4)
        cache.clear()
        assert names() == [flow.pk]
        minutes(2)
    assert names() == [flow.pk]
    assert len(caplog.records) == 1, "told once"
    clock.forward(timedelta(minutes=11))
    cache.clear()
    assert stuck.stuck() is None, "what a look found long ago says nothing"


@pytest.mark.django_db
def test_when_the_last_look_was_is_known_also_while_nobody_is_due_or_the_cache_is_flushed(
    acme: Account, settings: Any
) -> None:
    assert stuck.latest().at is None
    tasks.look_for_stuck_flows()
    quiet = stuck.latest().at
    assert quiet is not None and abs(clock.now() - quiet) < timedelta(seconds=20)
    clock.forward(timedelta(minutes=30))
    assert stuck.latest().at == quiet and stuck.stuck() is None, "long ago, and it is known when"
    due(acme, 2, since=timedelta(hours=1))
    tasks.look_for_stuck_flows()
    busy = stuck.latest().at
    assert busy is not None and busy > quiet
    cache.clear()
    assert stuck.latest().at == busy
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert stuck.latest().at == busy and engine_status.status().stuck_looked_at == busy


@pytest.mark.django_db
def test_while_nobody_looks_nothing_is_said(db: None) -> None:
    assert stuck.stuck() is None


def first_step(flow: Flow) -> int:
    """The id of its first step."""
    with account_scope(flow.account_id):
        return int(steps_of(flow)[0].pk)
