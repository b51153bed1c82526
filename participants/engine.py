"""The engine: moves due participants of one flow on, a batch and a step at a time, by set statements.

One transaction: the flow's lock, shared; then, in a second statement, its status; claim up to a thousand due
participants who stand on one step into the temporary table `batch`; screen them; let the step decide and insert its
effects; move them, with their log and counts, in one statement. Never two steps of one participant in one
transaction: that is what lets a wake see an arrival. See docs/how-a-flow-runs.md.
"""

import logging
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from django.db import connection

from accounts.faults import blames_nobody, told, traced
from accounts.retries import is_worth_another_try
from accounts.tenancy import account_scope
from flows import exits
from flows.locks import try_shared
from flows.models import Flow, FlowStatus, Step
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import Batch
from scheduling.clock import now

from . import eligibility, lifecycle, statistics
from .halving import Stopped
from .isolation import Isolation
from .leaving import release, release_batch

logger = logging.getLogger(__name__)

SLICE = 2.0  # seconds: a large flow keeps a worker no longer than this before others have their turn
QUEUE = None  # the place before the first step

MAKE_BATCH = """
create temporary table if not exists batch (
  id bigint not null, record_id bigint not null, hop int not null, arrived_at timestamptz,
  succeeded boolean not null, success_criterion text not null, depth int not null,
  decision text not null default 'continue', next_step_id bigint, branch_id bigint,
  wait_until timestamptz, due_at timestamptz, reason text not null default '', person_id bigint
) on commit delete rows;
delete from batch -- an outer transaction, such as a test's, commits later
"""
CLAIM = """
insert into batch (
  id, record_id, hop, arrived_at, succeeded, success_criterion, depth, wait_until, next_step_id, person_id)
select id, record_id, hop, arrived_at, succeeded, success_criterion, depth, wait_until, %(next)s, record_id
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
# Asked only when nobody is due on a step that is there, so that the index answers with its first rows.
DUE_NOWHERE = """
select p.step_id from participants_participant p
where p.account_id = %(account)s and p.flow_id = %(flow)s and p.status = 'active' and p.due_at <= %(now)s
  and p.step_id <> all(%(places)s::bigint[])
order by p.due_at limit 1
"""
# Whoever stands there has nowhere to go, due or not.
ON_NO_STEP = """
select id from participants_participant
where account_id = %(account)s and flow_id = %(flow)s and step_id = %(gone)s and status = 'active'
  and not exists (select 1 from flows_step where account_id = %(account)s and id = %(gone)s)
limit 1000
"""


@dataclass
class _Slice:
    """One worker's turn at one flow; remembers the flow's path between batches."""

    account_id: int
    flow_id: int
    path: Path | None = None
    moved: int = 0
    has_work: bool = False  # this round: somebody was claimed, or a batch failed and may be tried again
    until: float = 0.0  # by time.monotonic()


def advance(account_id: int, flow_id: int, *, seconds: float = SLICE) -> bool:
    """Move due participants of a flow for about `seconds`; True when some are left that are due.

    Any number of workers may do this at once. Does nothing while the flow is paused or a verb waits. False also when
    others have everybody at hand who is due: they go on with them, and the next tick asks again.
    """
    turn = _Slice(account_id, flow_id, until=monotonic() + seconds)
    more = True
    try:
        while more and monotonic() < turn.until:
            more = _round(turn)
    except Stopped:
        more = False
    if turn.moved:
        with account_scope(account_id):
            statistics.roll_up(flow_id)
    return more


def _round(turn: _Slice) -> bool:
    """One batch at each place where somebody is due; whether there may be more to do at once."""
    turn.has_work = False
    for place in _due_places(turn):
        if monotonic() >= turn.until:
            return True
        advance_step(turn, place)
    return turn.has_work


def advance_step(turn: _Slice, step_id: int | None) -> None:
    """One batch of the participants who are due on a step (None: in the queue)."""
    try:
        turn.moved += _batch(turn, step_id)
    except Stopped:
        raise
    except Exception as error:
        turn.has_work = True
        if is_worth_another_try(error):
            logger.info("flow %s step %s: %s, again", turn.flow_id, step_id, told(error))
            return
        if blames_nobody(error):
            raise
        # Whatever a step cannot do with somebody, everybody else moves on.
        place = f"account {turn.account_id} flow {turn.flow_id} step {step_id or 'queue'}"
        logger.warning("%s failed, looking for the culprit: %s", place, traced(error))
        Isolation(turn.account_id, turn.flow_id, step_id, partial(_attempt, turn, step_id), until=turn.until).run()


def _attempt(turn: _Slice, step_id: int | None, ids: list[int]) -> None:
    turn.moved += _batch(turn, step_id, ids)


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
            if step_id and not step:
                gone = _leave_nowhere(batch, step_id)
                turn.has_work |= gone > 0
                return gone
            if not _claim(batch, step, only):
                return 0
            turn.has_work = True
            eligibility.screen(batch)
            if step is not None:
                KINDS[step.kind].run(batch)
            # Past the last step of the trunk there is nothing: the walk ends there too.
            batch.execute("update batch set decision = 'finish' where decision = 'continue' and next_step_id is null")
            exits.finish_into(batch)
            return _write(batch, step)


def _leave_nowhere(batch: Batch, step_id: int) -> int:
    """A step that is gone otherwise than by editing moves nobody on: who stands there drops out, and is told of."""
    batch.execute(ON_NO_STEP, gone=step_id)
    ids = [row[0] for row in batch.cursor.fetchall()]
    if not ids:
        return 0
    place = f"account {batch.account_id} flow {batch.flow.pk} step {step_id}"
    logger.error("%s is gone: %s participants who stood there drop out", place, len(ids))
    gone = lifecycle.take_out(
        batch.cursor,
        "drop_out",
        account_id=batch.account_id,
        flow_id=batch.flow.pk,
        reason="step_gone",
        now=batch.now,
        participant_ids=ids,
    )
    release(ids)
    return gone


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
        params: dict[str, Any] = {"places": places, "account": turn.account_id, "flow": turn.flow_id, "now": now()}
        cursor.execute(DUE_PLACES, params)
        found = [row[0] for row in cursor.fetchall()]
        if not found:
            cursor.execute(DUE_NOWHERE, params)
            found = [row[0] for row in cursor.fetchall()]
        return found
