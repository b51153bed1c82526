"""Works through an occurrence: chunk by chunk of record ids, each with its place and its counts in one transaction.

A worker that dies loses nothing and doubles nothing: the next one goes on at the cursor. One worker at a time works
on an occurrence; which one does not matter.
"""

import logging
from typing import Final

from django.db import OperationalError, connection
from django.db.models import F

from accounts.actors import Actor
from accounts.commits import commit_soon
from accounts.retries import is_worth_another_try
from accounts.tenancy import account_scope, every_account
from flows.locks import try_shared
from flows.models import Activation, Flow
from participants.enrolment import Counts, enrol_matching
from records import criteria
from records.chunks import chunk_end
from records.criteria import Condition
from records.refusals import Invalid

from . import lifecycle
from .models import Occurrence, OccurrenceStatus

logger = logging.getLogger(__name__)

CHUNK: Final = 30_000  # records of the flow's object type that are looked at in one transaction
MOST_FAILURES: Final = 5  # in a row, then the run has failed

COUNT: Final = """
select count(*) from records_record r
where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null
  and r.id <= %(upper)s and ({where})
"""
TO_DO: Final = """
select account_id, id from (
  select account_id, id, row_number() over (partition by account_id order by id) as place
  from triggers_occurrence where status in ('pending', 'running')
) open
order by place, id limit %(limit)s
"""


def to_do(limit: int) -> list[tuple[int, int]]:
    """Open occurrences of all accounts as (account id, occurrence id), the oldest of each account first."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(TO_DO, {"limit": limit})
        return [(account_id, occurrence_id) for account_id, occurrence_id in cursor.fetchall()]


def work(account_id: int, occurrence_id: int) -> bool:
    """Enrol the next chunk of an occurrence; True when there is more to do now.

    False also while another worker is on it or a verb has its flow: `to_do` names it again.
    """
    try:
        more = _work_chunk(account_id, occurrence_id)
        if more is None:
            more = _work_chunk(account_id, occurrence_id, matched=_count(account_id, occurrence_id))
        return bool(more)
    except Invalid:
        _note_failure(account_id, occurrence_id, "criteria_invalid", most=1)
    except OperationalError as error:
        if not is_worth_another_try(error):
            raise
        return True
    except Exception:
        # One run that cannot be worked through must not come back for ever; the log says what it was.
        logger.exception("occurrence %s failed", occurrence_id)
        _note_failure(account_id, occurrence_id, "error", most=MOST_FAILURES)
    return False


def _work_chunk(account_id: int, occurrence_id: int, matched: int | None = None) -> bool | None:
    """True when there is more; None when it has a safety brake and may not begin before `matched` is known."""
    by = Actor.flyt(account_id)
    with account_scope(account_id, durable=True):
        open_runs = Occurrence.objects.filter(pk=occurrence_id, status__in=lifecycle.OPEN)
        flow_id = open_runs.values_list("flow_id", flat=True).first()
        if flow_id is None or not try_shared(flow_id):
            return False
        occurrence = _claim(occurrence_id)
        if occurrence is None:
            return False
        flow = _open_flow(occurrence)
        if flow is None:
            lifecycle.move(occurrence, "abort", by=by, reason="flow_ended")
            return False
        if occurrence.status == OccurrenceStatus.PENDING:
            brake = occurrence.schedule.safety_brake
            if brake is not None and matched is None:
                return None
            if not _begin(occurrence, brake, matched or 0, by):
                return False
        return _enrol_chunk(occurrence, flow, by)


def _begin(occurrence: Occurrence, brake: int | None, matched: int, by: Actor) -> bool:
    """Whether the run has begun; its safety brake ends it when more match than that."""
    if brake is None or matched <= brake:
        lifecycle.move(occurrence, "begin", by=by)
        return True
    Occurrence.objects.filter(pk=occurrence.pk).update(matched=matched)
    lifecycle.move(occurrence, "abort", by=by, reason="safety_brake")
    return False


def _enrol_chunk(occurrence: Occurrence, flow: Flow, by: Actor) -> bool:
    """Whether there is more."""
    last = occurrence.upper_id or 0
    end = chunk_end(flow.object_type_id, after=occurrence.cursor, last=last, size=CHUNK) or last
    _write(occurrence, end, _enrol(flow, occurrence, end))
    if end < last:
        commit_soon()
        return True
    lifecycle.move(occurrence, "complete", by=by)
    return False


def _open_flow(occurrence: Occurrence) -> Flow | None:
    """The flow, read after its lock was taken; None when it has ended since the occurrence fired."""
    if not Activation.objects.filter(pk=occurrence.activation_id, ended_at=None).exists():
        return None
    flow: Flow = Flow.objects.get(pk=occurrence.flow_id)
    return flow


def _claim(occurrence_id: int) -> Occurrence | None:
    """The occurrence, its row locked; None while another worker has it or when it is over."""
    open_rows = Occurrence.objects.select_for_update(skip_locked=True).filter(status__in=lifecycle.OPEN)
    occurrence: Occurrence | None = open_rows.filter(pk=occurrence_id).first()
    return occurrence


def _condition(occurrence: Occurrence, object_type_id: int) -> Condition:
    """Whom the occurrence enrols, by what was frozen as it fired."""
    return criteria.compile(
        occurrence.criteria,
        object_type_id=object_type_id,
        moment=occurrence.scheduled_for,
        zone=occurrence.time_zone,
        prefix="occurrence",
    )


def _enrol(flow: Flow, occurrence: Occurrence, end: int) -> Counts:
    condition = _condition(occurrence, flow.object_type_id)
    return enrol_matching(
        flow,
        where=f"r.id > %(chunk_start)s and r.id <= %(chunk_end)s and {condition.sql}",
        params={**condition.params, "chunk_start": occurrence.cursor, "chunk_end": end},
        cause="schedule",
        occurrence_id=occurrence.pk,
        moment=occurrence.scheduled_for,
    )


def _write(occurrence: Occurrence, end: int, counts: Counts) -> None:
    """The place and the counts, in the transaction of the participants."""
    left_out = dict(occurrence.left_out)
    for reason, number in counts.left_out.items():
        left_out[reason] = left_out.get(reason, 0) + number
    Occurrence.objects.filter(pk=occurrence.pk).update(
        cursor=end,
        matched=F("matched") + counts.matched,
        enrolled=F("enrolled") + counts.enrolled,
        left_out=left_out,
        failures=0,
    )


def _count(account_id: int, occurrence_id: int) -> int:
    """How many records match an occurrence that has not begun.

    Counted in a transaction of its own, before the flow's lock is taken: a pause must not wait for it.
    """
    with account_scope(account_id):
        pending = Occurrence.objects.filter(pk=occurrence_id, status=OccurrenceStatus.PENDING)
        occurrence = pending.select_related("flow").first()
        if occurrence is None:
            return 0
        condition = _condition(occurrence, occurrence.flow.object_type_id)
        bounds = {
            "account": account_id,
            "object_type": occurrence.flow.object_type_id,
            "upper": occurrence.upper_id or 0,
        }
        with connection.cursor() as cursor:
            cursor.execute(COUNT.format(where=condition.sql), {**condition.params, **bounds})
            return int(cursor.fetchone()[0])


def _note_failure(account_id: int, occurrence_id: int, reason: str, *, most: int) -> None:
    with account_scope(account_id):
        occurrence = _claim(occurrence_id)
        if occurrence is None:
            return
        occurrence.failures += 1
        occurrence.save(update_fields=["failures"])
        if occurrence.failures >= most:
            lifecycle.move(occurrence, "fail", by=Actor.flyt(account_id), reason=reason)
