"""The log of a flow is read by indexes, however much of it there is: a page costs what a page shows."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from participants.models import Participant, StepLog
from tests.make import make_flow, make_participant

pytestmark = pytest.mark.django_db

FILL = """
insert into participants_steplog (account_id, participant_id, hop, flow_id, step_id, outcome, reason, at)
select %(account)s, g / 5, g %% 5, %(flow)s, g %% 5, case when g %% 5 < 4 then 'continued'
    when g %% 1000 = 4 then 'dropped_out' else 'finished' end, '', now() - (20000 - g) * interval '1 minute'
from generate_series(1, 20000) g
"""
ORDER = ("-at", "-participant_id", "-hop")


@pytest.fixture
def flow_id(in_acme: Account) -> int:
    """A flow with a long log beside another one."""
    flow, other = make_flow(), make_flow()
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"account": in_acme.pk, "flow": flow.pk})
        cursor.execute(FILL.replace("g / 5", "100000 + g / 5"), {"account": in_acme.pk, "flow": other.pk})
    with connection.as_owner(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("analyze participants_steplog")
    return flow.pk


def read(rows: Any) -> tuple[set[str], int]:
    """The indexes that a page of 51 rows takes, and how many rows of the log it looks at."""
    sql, params = rows.order_by(*ORDER)[:51].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, format json, timing off) {sql}", params)
        return _of(cursor.fetchone()[0][0]["Plan"])


def _of(plan: dict[str, Any]) -> tuple[set[str], int]:
    indexes = {plan["Index Name"]} if "Index Name" in plan else set()
    looked = int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    looked = looked if plan.get("Relation Name") == "participants_steplog" else 0
    for each in plan.get("Plans", []):
        more, below = _of(each)
        indexes, looked = indexes | more, looked + below
    return indexes, looked


def test_the_newest_rows_are_read_by_the_index_of_the_flow(flow_id: int) -> None:
    indexes, looked = read(StepLog.objects.filter(flow_id=flow_id))
    assert indexes == {"log_of_a_flow"} and looked < 200


def test_a_page_in_the_middle_and_a_period_are_read_there(flow_id: int) -> None:
    middle = StepLog.objects.filter(flow_id=flow_id).order_by("at")[10_000].at
    indexes, looked = read(StepLog.objects.filter(flow_id=flow_id, at__lt=middle))
    assert indexes == {"log_of_a_flow"} and looked < 200


def test_the_few_who_dropped_out_are_found_among_many_who_went_on(flow_id: int) -> None:
    indexes, looked = read(StepLog.objects.filter(flow_id=flow_id, outcome="dropped_out"))
    assert indexes == {"log_of_endings"} and looked <= 51


def test_the_rows_of_one_step_are_read_in_the_order_of_the_log(flow_id: int) -> None:
    indexes, looked = read(StepLog.objects.filter(flow_id=flow_id, step_id=3))
    assert indexes == {"log_of_a_step"} and looked <= 60


def test_what_a_step_did_long_ago_is_read_without_all_that_came_later(flow_id: int) -> None:
    StepLog.objects.filter(flow_id=flow_id, participant_id__lte=20).update(step_id=77)
    indexes, looked = read(StepLog.objects.filter(flow_id=flow_id, step_id=77, outcome="continued"))
    assert indexes == {"log_of_a_step"} and looked <= 200


def test_the_rows_of_one_person_are_read_by_their_key(flow_id: int) -> None:
    walk = make_participant(make_flow())
    Participant.objects.filter(pk=walk.pk).update(flow_id=flow_id)
    walks = Participant.objects.filter(flow_id=flow_id, record_id=walk.record_id)
    indexes, looked = read(StepLog.objects.filter(flow_id=flow_id, participant_id__in=walks.values("pk")))
    assert "participants_steplog_pkey" in indexes and looked <= 10
