"""Of a flow that has just been turned on the statistics know nothing yet: its plans must not need them."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from flows.models import FlowStatus
from participants import enrolment
from tests.make import make_contacts, make_flow

pytestmark = pytest.mark.django_db

KNOWN, WALKED, COMING = 20, 3_000, 200
WALKS = """
insert into participants_participant (account_id, flow_id, record_id, status, reason, hop, failures, succeeded,
  success_criterion, cause, only_once, depth, enrolled_at)
select %s, %s, 1000000 + n, %s, '', 1, 0, false, '', 'by_hand', true, 0, now() from generate_series(1, %s) n
"""


def rows_looked_at(sql: str) -> int:
    """How many rows a statement visits as it is carried out."""
    with connection.cursor() as cursor:
        cursor.execute("explain (analyze, timing off, buffers off) " + sql.replace("%", "%%"), [])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    total = 0.0
    for line in re.split(r"->", plan):
        if found := re.search(r"actual rows=([0-9.]+) loops=(\d+)", line):
            gone = sum(map(float, re.findall(r"Rows Removed by (?:Index Recheck|Filter|Join Filter): (\d+)", line)))
            total += (float(found[1]) + gone) * int(found[2])
    return int(total)


def test_whether_somebody_has_been_there_before_is_looked_up_record_by_record(in_acme: Account) -> None:
    known = [make_flow(status=FlowStatus.RUNNING, email=False) for _ in range(KNOWN)]
    flow = make_flow(status=FlowStatus.RUNNING, only_once=True, email=False)
    with connection.cursor() as cursor:
        for each in known:
            cursor.execute(WALKS, [in_acme.pk, each.pk, "finished", WALKED // KNOWN])
    with connection.as_owner(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("analyze participants_participant")
    with connection.cursor() as cursor:
        cursor.execute(WALKS, [in_acme.pk, flow.pk, "finished", WALKED])
    people = make_contacts(COMING)
    params = {"records": [each.pk for each in people]}
    with CaptureQueriesContext(connection) as asked:
        enrolment.enrol_matching(flow, where="r.id = any(%(records)s)", params=params, cause="list")
    (sql,) = [each["sql"] for each in asked.captured_queries if "earlier" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("delete from participants_participant where cause = 'list'")
    assert rows_looked_at(sql) < 20 * COMING
