"""Of a flow that has just been turned on the statistics know nothing yet: its plans must not need them.

PostgreSQL takes what it has never seen for next to nothing, and reads a flow of 100,000 from end to end for each of
those who come, if an index of the flow seems as good as one of the record.
"""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from flows.models import Flow, FlowStatus
from participants import engine, enrolment, waking
from participants.models import Participant
from records import events
from records.models import Event
from scheduling.clock import now
from tests.make import make_contacts, make_flow, steps_of

pytestmark = pytest.mark.django_db

KNOWN, WALKS = 20, 3_000
FILL = """
insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop, arrived_at,
  failures, succeeded, success_criterion, cause, only_once, depth, enrolled_at)
select %s, %s, 1000000 + n, %s, '', %s, 1, now(), 0, false, '', 'by_hand', true, 0, now() from generate_series(1, %s) n
"""
ASKS = re.compile(r"\s*(select|with|update|delete)", re.IGNORECASE)
SCANS = re.compile(r"using (\w+) on participants_participant[^\n]*\n\s*Index Cond: ([^\n]*)")
# Whatever finds few: a walk, a record, whose turn it is. An account, a flow or a step alone may have millions.
NARROW = re.compile(r"\b(id|record_id|due_at)\b")


@pytest.fixture
def flow(in_acme: Account) -> Flow:
    """A running flow with people who wait and people who have been there, after twenty that the statistics know."""
    wait = {"kind": "wait_for_event", "settings": {"events": [{"event": "custom.bought", "detail": {}}]}}
    flows = [
        make_flow([wait], status=FlowStatus.RUNNING, only_once=number == KNOWN, email=False)
        for number in range(KNOWN + 1)
    ]
    with connection.cursor() as cursor:
        for each in flows[:KNOWN]:
            cursor.execute(FILL, [in_acme.pk, each.pk, "finished", None, WALKS // KNOWN])
    with connection.as_owner(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("analyze participants_participant")
    new = flows[KNOWN]
    with connection.cursor() as cursor:
        cursor.execute(FILL, [in_acme.pk, new.pk, "active", steps_of(new)[0].pk, WALKS])
    return new


def wide_scans(work: Callable[[], object]) -> list[str]:
    """The statements of `work` that would read a flow from end to end by an index that names nothing else.

    So few may be read whole: whether millions would be is asked in test_plans.py.
    """
    with CaptureQueriesContext(connection) as asked:
        work()
    found, looked = [], 0
    for query in asked.captured_queries:
        if "participants_participant" not in query["sql"] or not ASKS.match(query["sql"]):
            continue
        with connection.cursor() as cursor:
            cursor.execute("explain " + query["sql"].replace("%", "%%"), [])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        scans = SCANS.findall(plan)
        looked += len(scans)
        if wide := [name for name, condition in scans if not NARROW.search(condition)]:
            found.append(f"{wide}\n{query['sql']}\n{plan}")
    assert looked, "it does look participants up"
    return found


def test_whether_somebody_has_been_there_before_is_looked_up_record_by_record(flow: Flow) -> None:
    params = {"records": [each.pk for each in make_contacts(3)]}

    def enrol() -> None:
        found = enrolment.enrol_matching(flow, where="r.id = any(%(records)s)", params=params, cause="list")
        assert found.enrolled == 3

    assert wide_scans(enrol) == []


def test_the_engine_claims_and_moves_who_is_due(flow: Flow) -> None:
    due = list(Participant.objects.filter(flow=flow).order_by("pk").values_list("pk", flat=True)[:20])
    for each, person in zip(due, make_contacts(20), strict=True):
        Participant.objects.filter(pk=each).update(due_at=now(), record_id=person.pk)
    assert wide_scans(lambda: engine.advance(flow.account_id, flow.pk, seconds=5)) == []
    assert not Participant.objects.filter(flow=flow, due_at__lte=now()).exists()


def test_an_event_wakes_who_waits_for_it(flow: Flow) -> None:
    (person,) = make_contacts(1)
    waiting = Participant.objects.filter(flow=flow).order_by("pk")[:1]
    Participant.objects.filter(pk__in=list(waiting.values_list("pk", flat=True))).update(record_id=person.pk)
    events.record_events("custom.bought", [person.pk])
    happened = list(Event.objects.all())

    def wake() -> None:
        assert waking.wake(happened) == 1

    assert wide_scans(wake) == []
