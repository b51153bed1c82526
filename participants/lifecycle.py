"""The lifecycle of a participant: active -> finished | finished_with_success | dropped_out | cancelled, all final.

The only writer of a participant's status. Everything here is a set statement: the engine moves a batch, the verbs of
people move those they name. Each writes the step log and the tally in the same statement.
"""

from datetime import datetime
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from records.events import heard_sql

from .models import ParticipantStatus

MOVES: Final = {
    "finish": ({ParticipantStatus.ACTIVE}, ParticipantStatus.FINISHED),  # reached the end
    "succeed": (
        {ParticipantStatus.ACTIVE},
        ParticipantStatus.FINISHED_WITH_SUCCESS,
    ),  # and met a success criterion
    "drop_out": (
        {ParticipantStatus.ACTIVE},
        ParticipantStatus.DROPPED_OUT,
    ),  # failed a check or left; has a reason
    "cancel": ({ParticipantStatus.ACTIVE}, ParticipantStatus.CANCELLED),  # the flow was ended
}

# How a walk ended, told only where something in the account listens to it.
ENDED: Final = """
  select record_id, 'flow_' || status as kind, depth,
    jsonb_build_object('flow', %(flow)s::bigint, 'participant', id, 'reason', reason) as detail
  from moved where status <> 'active'
"""
LOG_AND_TALLY: Final = (
    """
logged as (
  insert into participants_steplog
    (account_id, participant_id, hop, flow_id, step_id, outcome, reason, branch_id, arrived_at, at)
  select %(account)s, id, hop, %(flow)s, coalesce(stood_on, 0), outcome, reason, branch_id, arrived_at, %(now)s
  from moved
),
tallied as (
  insert into participants_tally (account_id, flow_id, step_id, what, n)
  select %(account)s, %(flow)s, coalesce(stood_on, 0), 'on', -count(*) from moved group by stood_on
  union all
  select %(account)s, %(flow)s, coalesce(stood_on, 0), 'passed', count(*) from moved
  where outcome = 'continued' group by stood_on
  union all
  select %(account)s, %(flow)s, branch_id, 'took', count(*) from moved
  where branch_id is not null group by branch_id
  union all
  select %(account)s, %(flow)s, coalesce(stands_on, 0), 'on', count(*) from moved where status = 'active'
  group by stands_on
  union all
  select %(account)s, %(flow)s, 0, 'active', -count(*) from moved where status <> 'active' having count(*) > 0
  union all
  select %(account)s, %(flow)s, 0, status, count(*) from moved where status <> 'active' group by status
),
"""
    + heard_sql(ENDED)
    + """
select count(*) from moved
"""
)

# The claim has locked the rows of the batch in this very transaction: nobody has moved or taken out anyone since.
MOVE_BATCH: Final = (
    """
with moved as (
  update participants_participant p set
    status = case b.decision
      when 'finish' then case when b.succeeded then 'finished_with_success' else 'finished' end
      when 'drop_out' then 'dropped_out' else 'active' end,
    step_id = case b.decision when 'continue' then b.next_step_id else p.step_id end,
    hop = p.hop + 1, arrived_at = %(now)s, wait_until = null, failures = 0,
    due_at = case b.decision when 'continue' then %(now)s end,
    ended_at = case b.decision when 'continue' then null else %(now)s end,
    succeeded = b.succeeded, success_criterion = b.success_criterion,
    reason = case b.decision when 'drop_out' then b.reason else '' end
  from batch b
  where p.id = b.id and p.account_id = %(account)s and b.decision <> 'wait'
  returning p.id, p.record_id, p.depth, b.hop, %(step)s::bigint as stood_on, p.step_id as stands_on,
    p.status, b.reason, b.branch_id, b.arrived_at,
    case b.decision when 'continue' then 'continued' when 'finish' then 'finished'
                  else 'dropped_out' end as outcome
),"""
    + LOG_AND_TALLY
)

HOLD_BATCH: Final = """
update participants_participant p set wait_until = b.wait_until, due_at = b.due_at,
  succeeded = b.succeeded, success_criterion = b.success_criterion, failures = 0
from batch b where p.id = b.id and p.account_id = %(account)s and b.decision = 'wait'
"""

TAKE_OUT: Final = (
    """
with leaving as (
  select id, hop, step_id, arrived_at from participants_participant
  where account_id = %(account)s and flow_id = %(flow)s and status = 'active' {which}
  order by id limit %(limit)s for no key update
),
moved as (
  update participants_participant p set status = %(status)s, hop = p.hop + 1, due_at = null, wait_until = null,
    ended_at = %(now)s, reason = %(reason)s
  from leaving where p.id = leaving.id and p.account_id = %(account)s
  returning p.id, p.record_id, p.depth, leaving.hop, leaving.step_id as stood_on, null::bigint as stands_on,
    p.status, p.reason,
    null::bigint as branch_id, leaving.arrived_at, p.status as outcome
),"""
    + LOG_AND_TALLY
)


def move_batch(cursor: CursorWrapper, *, account_id: int, flow_id: int, step_id: int | None, now: datetime) -> int:
    """Move everyone in the temporary table `batch` by their decisions; returns how many moved.

    Whoever waits keeps their hop and leaves no log row: a look that changes nothing is no hop.
    """
    params = {"account": account_id, "flow": flow_id, "step": step_id, "now": now}
    cursor.execute(MOVE_BATCH, params)
    return int(cursor.fetchone()[0])


def hold_batch(cursor: CursorWrapper, *, account_id: int) -> None:
    """Keep those who wait where they are, with the moment to look again."""
    cursor.execute(HOLD_BATCH, {"account": account_id})


def take_out(
    cursor: CursorWrapper,
    verb: str,
    *,
    account_id: int,
    flow_id: int,
    reason: str,
    now: datetime,
    participant_ids: list[int] | None = None,
    limit: int = 10_000,
) -> int:
    """Take active participants of a flow out by `drop_out` or `cancel`; returns how many went (at most `limit`)."""
    which = "" if participant_ids is None else "and id = any(%(ids)s)"
    params: dict[str, Any] = {
        "account": account_id,
        "flow": flow_id,
        "status": MOVES[verb][1],
        "reason": reason,
        "now": now,
        "ids": participant_ids,
        "limit": limit,
    }
    cursor.execute(TAKE_OUT.format(which=which), params)
    return int(cursor.fetchone()[0])
