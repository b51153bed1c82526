"""Firing: writes the occurrences of the schedules that are due and moves the schedules on, in one transaction.

The row of a schedule is the lock of its firing. Ending a flow sets `next_run_at` to null and then aborts what is open:
either it comes first and nothing is due any more, or it waits for the firing and aborts what that wrote. So firing
takes no flow lock and may fire many flows in one transaction.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from django.db import connection
from django.utils import translation

from accounts.tenancy import every_account
from flows.models import FlowStatus
from scheduling.clock import now
from scheduling.recurrence import Recurrence, next_run, runs_between
from scheduling.sentences import sentence

from .catch_up import MOST_MOMENTS, Fate, fates
from .models import Occurrence, OccurrenceStatus, Schedule

logger = logging.getLogger(__name__)

BATCH: Final = 500  # schedules in one transaction
KEPT: Final = 5_000  # recurrences, and their sentences, that a worker remembers: reading them is half of the work

CLAIM: Final = """
with due as materialized (
  select id, account_id, flow_id, recurrence, catch_up, next_run_at, skip_run_at from triggers_schedule
  where next_run_at <= %(now)s {which}
  order by next_run_at limit %(limit)s
  for update skip locked
)
select due.id, due.account_id, due.recurrence, due.catch_up, due.next_run_at, due.skip_run_at,
  f.status, f.enrolment_ends_at, a.language
from due
join flows_flow f on f.account_id = due.account_id and f.id = due.flow_id
join accounts_account a on a.id = due.account_id
"""
WRITE: Final = """
insert into triggers_occurrence (account_id, schedule_id, flow_id, activation_id, kind, status, reason,
  scheduled_for, sentence, time_zone, criteria, upper_id, cursor, matched, enrolled, left_out, failures,
  created_at, ended_at)
select s.account_id, s.id, s.flow_id, v.id, 'scheduled', born.status, born.reason,
  d.scheduled_for, d.sentence, d.time_zone, coalesce(t.criteria, 'null'),
  coalesce((select max(r.id) from records_record r
            where r.account_id = s.account_id and r.object_type_id = f.object_type_id), 0),
  0, 0, 0, '{}', 0, %(now)s, case when born.status <> 'pending' then %(now)s end
from jsonb_to_recordset(%(fates)s::jsonb) as d(schedule_id bigint, account_id bigint, scheduled_for timestamptz,
  status text, reason text, sentence text, time_zone text)
join triggers_schedule s on s.account_id = d.account_id and s.id = d.schedule_id
join triggers_trigger t on t.account_id = s.account_id and t.id = s.trigger_id
join flows_flow f on f.account_id = s.account_id and f.id = s.flow_id
join flows_activation v on v.account_id = s.account_id and v.flow_id = s.flow_id and v.ended_at is null
cross join lateral (
  select case when lacking then 'failed' else d.status end as status,
    case when lacking then 'criteria_missing' else d.reason end as reason
  from (select d.status = 'pending' and t.criteria is null as lacking) criteria
) born
order by s.id, d.scheduled_for
on conflict (account_id, schedule_id, scheduled_for) where kind = 'scheduled' do nothing
returning account_id, id, status
"""
MOVE_ON: Final = """
update triggers_schedule s
set next_run_at = d.next_run_at, skip_run_at = case when s.skip_run_at > %(now)s then s.skip_run_at end
from jsonb_to_recordset(%(moved)s::jsonb) as d(schedule_id bigint, account_id bigint, next_run_at timestamptz)
where s.account_id = d.account_id and s.id = d.schedule_id
"""


@dataclass(frozen=True)
class Fired:
    """How many schedules were due, and the occurrences to work through, as (account id, occurrence id)."""

    schedules: int = 0
    pending: list[tuple[int, int]] = field(default_factory=list)


def fire_due(limit: int = BATCH) -> Fired:
    """Fire up to `limit` due schedules of all accounts, the longest due first. Any number of workers may do this."""
    with every_account():
        return _fire("", {"limit": limit})


def fire_one(schedule: Schedule) -> Fired:
    """Fire `schedule` if it is due, inside the caller's scope and transaction."""
    return _fire(
        "and account_id = %(account)s and id = %(id)s",
        {
            "account": schedule.account_id,
            "id": schedule.pk,
            "limit": 1,
        },
    )


@lru_cache(maxsize=KEPT)
def short_sentence(recurrence: Recurrence, language: str) -> str:
    """The sentence of a recurrence in an account's language, cut to what an occurrence keeps."""
    with translation.override(language):
        text = sentence(recurrence)
    longest = Occurrence._meta.get_field("sentence").max_length or 0
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


@dataclass(frozen=True)
class _Due:
    """A claimed schedule with what decides about its runs."""

    id: int
    account_id: int
    recurrence: str  # JSON, as a plain cursor gives it
    catch_up: str
    next_run_at: datetime
    skip_run_at: datetime | None
    flow_status: str
    enrolment_ends_at: datetime | None
    language: str


@dataclass(frozen=True)
class _Decision:
    """What becomes of a due schedule."""

    fates: list[Fate]
    next_run_at: datetime | None
    sentence: str
    time_zone: str


def _fire(which: str, params: dict[str, Any]) -> Fired:
    at = now()
    with connection.cursor() as cursor:
        cursor.execute(CLAIM.format(which=which), {**params, "now": at})
        claimed = [_Due(*row) for row in cursor.fetchall()]
        if not claimed:
            return Fired()
        decisions = [(due, _decide_safely(due, at)) for due in claimed]
        rows = [row for due, decision in decisions for row in _rows(due, decision)]
        cursor.execute(WRITE, {"fates": json.dumps(rows), "now": at})
        pending = [(account, id) for account, id, status in cursor.fetchall() if status == OccurrenceStatus.PENDING]
        cursor.execute(MOVE_ON, {"moved": json.dumps([_moved(*decided) for decided in decisions]), "now": at})
    return Fired(len(claimed), pending)


def _decide_safely(due: _Due, at: datetime) -> _Decision:
    try:
        return _decide(due, at)
    except Exception:
        # One schedule that cannot be computed must not stop everybody else's: it stands still, and its run says why.
        logger.exception("schedule %s cannot be computed", due.id)
        fate = Fate(due.next_run_at, OccurrenceStatus.FAILED, "schedule_invalid")
        return _Decision([fate], None, "", "UTC")


@lru_cache(maxsize=KEPT)
def _read(recurrence: str) -> Recurrence:
    return Recurrence.parse(json.loads(recurrence))


def _decide(due: _Due, at: datetime) -> _Decision:
    recurrence = _read(due.recurrence)
    if due.flow_status == FlowStatus.NOT_RUNNING:
        return _Decision([], None, "", recurrence.time_zone)
    runs = runs_between(recurrence, due.next_run_at, at, limit=MOST_MOMENTS)
    moments = [run.at for run in runs if due.enrolment_ends_at is None or run.at < due.enrolment_ends_at]
    return _Decision(
        fates(moments, policy=due.catch_up, at=at, skip=due.skip_run_at),
        next_run(recurrence, at),
        short_sentence(recurrence, due.language),
        recurrence.time_zone,
    )


def _rows(due: _Due, decision: _Decision) -> Iterator[dict[str, Any]]:
    for fate in decision.fates:
        yield {
            "schedule_id": due.id,
            "account_id": due.account_id,
            "scheduled_for": fate.scheduled_for.isoformat(),
            "status": fate.status,
            "reason": fate.reason,
            "sentence": decision.sentence,
            "time_zone": decision.time_zone,
        }


def _moved(due: _Due, decision: _Decision) -> dict[str, Any]:
    following = decision.next_run_at
    return {"schedule_id": due.id, "account_id": due.account_id, "next_run_at": following and following.isoformat()}
