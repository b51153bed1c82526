"""The engine: moves due participants of one flow on, a batch and a step at a time, by set statements.

One transaction: the flow's lock, shared; then, in a second statement, its status; claim up to a thousand due
participants who stand on one step into the temporary table `batch`; screen them; let the step decide and insert its
effects; move them, with their log and counts, in one statement. Never two steps of one participant in one
transaction: that is what lets a wake see an arrival. See docs/how-a-flow-runs.md.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from django.db import DatabaseError, OperationalError, connection
from django.db.backends.utils import CursorWrapper

from accounts.tenancy import account_scope
from flows.locks import try_shared
from flows.models import Flow, FlowStatus, Step
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import Batch
from scheduling.clock import now

from . import eligibility, lifecycle, statistics
from .leaving import release, release_batch

logger = logging.getLogger(__name__)

SLICE = 2.0  # seconds: a large flow keeps a worker no longer than this before others have their turn
QUEUE = None  # the place before the first step
RETRY_AFTER = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
TRY_AGAIN = (
    "40P01",
    "40001",
)  # deadlock detected, serialization failure: nobody's fault, from the start again

MAKE_BATCH = """
create temporary table if not exists batch (
  id bigint not null, record_id bigint not null, hop int not null, arrived_at timestamptz,
  succeeded boolean not null, success_criterion text not null, depth int not null,
  decision text not null default 'continue', next_step_id bigint, branch_id bigint,
  wait_until timestamptz, due_at timestamptz, reason text not null default ''
) on commit delete rows;
delete from batch -- an outer transaction, such as a test's, commits later
"""
CLAIM = """
insert into batch (id, record_id, hop, arrived_at, succeeded, success_criterion, depth, wait_until, next_step_id)
select id, record_id, hop, arrived_at, succeeded, success_criterion, depth, wait_until, %(next)s
from participants_participant
where account_id = %(account)s and flow_id = %(flow)s and status = 'active' and due_at <= %(now)s
  and step_id {is_step} {only}
order by due_at limit %(limit)s for no key update skip locked
"""
DUE_PLACES = """
select place from unnest(%(places)s::bigint[]) place
where exists (
  select 1 from participants_participant p
  where p.account_id = %(account)s and p.flow_id = %(flow)s and p.status = 'active' and p.due_at <= %(now)s
    and p.step_id = place)
union all
select null where exists (
  select 1 from participants_participant p
  where p.account_id = %(account)s and p.flow_id = %(flow)s and p.status = 'active' and p.due_at <= %(now)s
    and p.step_id is null)
"""


class Stopped(Exception):
    """The flow is locked by a verb, or not running: nobody moves."""


@dataclass
class _Slice:
    """One worker's turn at one flow; remembers the flow's path between batches."""

    account_id: int
    flow_id: int
    path: Path | None = None
    moved: int = 0


def advance(account_id: int, flow_id: int, *, seconds: float = SLICE) -> bool:
    """Move due participants of a flow for about `seconds`; True when some are left that are due.

    Any number of workers may do this at once. Does nothing while the flow is paused or a verb waits.
    """
    turn = _Slice(account_id, flow_id)
    until = monotonic() + seconds
    more = True
    try:
        while more and monotonic() < until:
            places = _due_places(turn)
            more = bool(places)
            for place in places:
                if monotonic() >= until:
                    break
                advance_step(turn, place)
    except Stopped:
        more = False
    if turn.moved:
        with account_scope(account_id):
            statistics.roll_up(flow_id)
    return more


def advance_step(turn: _Slice, step_id: int | None) -> None:
    """One batch of the participants who are due on a step (None: in the queue)."""
    try:
        turn.moved += _batch(turn, step_id)
    except Stopped:
        raise
    except OperationalError as error:
        if sqlstate(error) not in TRY_AGAIN:
            raise
        logger.info("flow %s step %s: %s, again", turn.flow_id, step_id, sqlstate(error))
    except Exception as error:
        # Whatever a step cannot do with somebody, everybody else moves on.
        if step_id is QUEUE:
            raise
        logger.warning("flow %s step %s failed (%s): looking for the culprit", turn.flow_id, step_id, _told(error))
        _isolate(turn, step_id, _due_ids(turn, step_id))


def sqlstate(error: DatabaseError) -> str:
    """PostgreSQL's code of an error."""
    return getattr(error.__cause__, "pgcode", None) or ""


def _told(error: Exception) -> str:
    """An error for the log, without the values that its text may hold."""
    return f"{type(error).__name__} {sqlstate(error) if isinstance(error, DatabaseError) else ''}".strip()


def _batch(turn: _Slice, step_id: int | None, only: list[int] | None = None) -> int:
    with account_scope(turn.account_id, durable=True):
        if not try_shared(turn.flow_id):
            raise Stopped
        moment = now()
        flow = Flow.objects.select_related("outbox").filter(pk=turn.flow_id).first()
        if flow is None or flow.status != FlowStatus.RUNNING or (flow.starts_at and flow.starts_at > moment):
            raise Stopped
        if turn.path is None or turn.path.revision != flow.revision:
            turn.path = Path.of(flow)
        path = turn.path
        with connection.cursor() as cursor:
            cursor.execute(MAKE_BATCH)
            step = path.steps.get(step_id) if step_id else None
            batch = Batch(cursor, turn.account_id, flow, path, step or Step(flow=flow, kind="queue"), moment)
            if not _claim(batch, step, only):
                return 0
            eligibility.screen(batch)
            if step is not None:
                KINDS[step.kind].run(batch)
            # Past the last step of the trunk there is nothing: the walk ends there too.
            batch.execute("update batch set decision = 'finish' where decision = 'continue' and next_step_id is null")
            return _write(batch, step)


def _claim(batch: Batch, step: Step | None, only: list[int] | None) -> int:
    sql = CLAIM.format(
        is_step="is null" if step is None else "= %(step)s", only="and id = any(%(only)s)" if only else ""
    )
    return batch.execute(
        sql,
        next=batch.path.first() if step is None else batch.path.after(step.pk),
        limit=1000 if step is None else KINDS[step.kind].batch_size,
        only=only,
    )


def _write(batch: Batch, step: Step | None) -> int:
    if step is not None and KINDS[step.kind].waits:
        lifecycle.hold_batch(batch.cursor, account_id=batch.account_id)
    moved = lifecycle.move_batch(
        batch.cursor,
        account_id=batch.account_id,
        flow_id=batch.flow.pk,
        step_id=step.pk if step else None,
        now=batch.now,
    )
    release_batch(batch)
    return moved


def _due_places(turn: _Slice) -> list[int | None]:
    with account_scope(turn.account_id), connection.cursor() as cursor:
        places = list(Step.objects.filter(flow_id=turn.flow_id).order_by("-pk").values_list("pk", flat=True))
        _execute_due(cursor, turn, places)
        return [row[0] for row in cursor.fetchall()]


def _execute_due(cursor: CursorWrapper, turn: _Slice, places: list[int]) -> None:
    cursor.execute(DUE_PLACES, {"places": places, "account": turn.account_id, "flow": turn.flow_id, "now": now()})


def _due_ids(turn: _Slice, step_id: int) -> list[int]:
    with account_scope(turn.account_id), connection.cursor() as cursor:
        cursor.execute(
            """
            select id from participants_participant
            where account_id = %s and flow_id = %s and status = 'active' and step_id = %s and due_at <= %s
            order by due_at limit 1000
            """,
            [turn.account_id, turn.flow_id, step_id, now()],
        )
        return [row[0] for row in cursor.fetchall()]


def _isolate(turn: _Slice, step_id: int, ids: list[int]) -> None:
    """Halve a batch that fails until the culprit stands alone; the rest moves on."""
    if not ids:
        return
    try:
        turn.moved += _batch(turn, step_id, ids)
    except (Stopped, OperationalError):
        raise
    except Exception as error:
        if len(ids) == 1:
            _postpone(turn, ids[0], error)
            return
        middle = len(ids) // 2
        _isolate(turn, step_id, ids[:middle])
        _isolate(turn, step_id, ids[middle:])


def _postpone(turn: _Slice, participant_id: int, error: Exception) -> None:
    """Try one participant again later, with growing gaps; in the end drop them out with the reason."""
    logger.error("flow %s participant %s: step failed (%s)", turn.flow_id, participant_id, _told(error))
    with account_scope(turn.account_id, durable=True), connection.cursor() as cursor:
        if not try_shared(turn.flow_id):
            raise Stopped
        if Flow.objects.values_list("status", flat=True).get(pk=turn.flow_id) != FlowStatus.RUNNING:
            raise Stopped
        cursor.execute(
            """
            update participants_participant set failures = failures + 1,
              due_at = %(now)s + (%(gaps)s::interval[])[failures + 1]
            where account_id = %(account)s and id = %(id)s and status = 'active' and failures < %(most)s
            """,
            {
                "account": turn.account_id,
                "id": participant_id,
                "now": now(),
                "gaps": list(RETRY_AFTER),
                "most": len(RETRY_AFTER),
            },
        )
        if not cursor.rowcount:
            lifecycle.take_out(
                cursor,
                "drop_out",
                account_id=turn.account_id,
                flow_id=turn.flow_id,
                reason="step_failed",
                now=now(),
                participant_ids=[participant_id],
            )
            release([participant_id])
