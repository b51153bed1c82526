"""What a flow is asked from outside: whom to enrol, and who is to leave. Rows, each dealt with under its own lock.

A transaction holds one flow's lock, so a step or an enrolment of one flow never touches another: it writes an event,
the matcher makes an intake of it, and the other flow drains that.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from accounts.faults import blames_nobody, traced
from accounts.tenancy import account_scope, current_account_id
from flows.exits import HANDED_OVER
from flows.locks import try_intake, try_shared
from flows.models import Flow, FlowStatus
from records.models import Event
from scheduling.clock import now

from . import intake_failures, lifecycle, onward
from .enrolment import LIST, TAKES_OUT, Counts, enrol_each, enrol_matching
from .halving import Halving
from .leaving import release
from .models import Intake, ListEnrolment, Participant, ParticipantStatus, Wish

logger = logging.getLogger(__name__)

SLICE: Final = 2.0  # seconds after which other work gets its turn
DEEPEST: Final = 10  # flows that led one into the next; a longer chain is cut
KINDS: Final = frozenset({HANDED_OVER, TAKES_OUT})
# The unique key of an intake makes one event ask once. A flow's own doing never leads into itself. Who is not in a flow
# is not asked to leave it as the matcher comes, and who is leaves that walk: a wish that is kept until a paused flow is
# resumed would meet a later one. One look at the flows tells whom they take and whom not: between two, one may start.
TAKE_IN: Final = """
with asked as (
  select e.id, e.record_id, e.flow_id as source, e.depth,
    case e.kind when %(handed_over)s then 'enrol' else 'leave' end as wish,
    case e.kind when %(handed_over)s then 'hand_over' else 'added_to_flow' end as cause,
    target.id::bigint as flow_id
  from records_event e
  cross join lateral jsonb_array_elements_text(
    case e.kind when %(handed_over)s then jsonb_build_array(e.detail->'flow') else e.detail->'flows' end) target(id)
  where e.account_id = %(account)s and e.id = any(%(events)s)
),
known as (
  select asked.*, f.status = 'not_running' as is_off
  from asked join flows_flow f on f.account_id = %(account)s and f.id = asked.flow_id and f.deleted_at is null
  where f.id is distinct from asked.source
),
taken as (
  insert into participants_intake
    (account_id, flow_id, record_id, wish, participant_id, cause, cause_key, depth, at)
  select %(account)s, known.flow_id, known.record_id, known.wish, walk.id, known.cause, 'event:' || known.id,
    known.depth + 1, %(now)s
  from known
  left join participants_participant walk on known.wish = 'leave' and walk.account_id = %(account)s
    and walk.record_id = known.record_id and walk.flow_id = known.flow_id and walk.status = 'active'
  where not known.is_off and (known.wish = 'enrol' or walk.id is not null)
  order by known.flow_id, known.record_id, known.id
  on conflict do nothing returning flow_id
)
select distinct flow_id, null::bigint from taken
union all
select flow_id, id from known where is_off and wish = 'enrol'
"""

DROP = """
with gone as (
  delete from participants_intake where account_id = %(account)s and id = any(array(
    select id from participants_intake where account_id = %(account)s and flow_id = %(flow)s limit %(limit)s))
  returning cause, cause_key
),
told as (
  update participants_listenrolment asked set left_out = asked.left_out
    || jsonb_build_object('flow_ended', coalesce((asked.left_out ->> 'flow_ended')::int, 0) + counted.n)
  from (select cause_key, count(*) as n from gone group by cause_key) counted
  where asked.account_id = %(account)s and asked.flow_id = %(flow)s and asked.cause_key = counted.cause_key
)
select cause_key from gone where cause = 'hand_over'
"""


def take_in(happened: Sequence[Event]) -> set[int]:
    """Make intake of the events by which flows hand people over or take them out; returns the flows that are asked.

    Called by the matcher, in the transaction that deletes the pending rows.
    """
    asking = [event for event in happened if event.kind in KINDS]
    cut = [event for event in asking if event.kind == HANDED_OVER and event.depth + 1 > DEEPEST]
    for event in cut:
        logger.warning("flow %s: a chain of more than %s flows was cut (event %s)", event.flow_id, DEEPEST, event.pk)
    refused: dict[int, dict[int, str]] = defaultdict(dict)  # the flow that does not take them: event -> why
    for event in cut:
        target = event.detail.get("flow")
        if isinstance(target, int) and target != event.flow_id:
            refused[target][event.pk] = "chain_too_long"
    taking: set[int] = set()
    for flow_id, refused_id in _ask([event.pk for event in asking if event not in cut]):
        if refused_id is None:
            taking.add(flow_id)
        else:
            refused[flow_id][refused_id] = "not_running"
    for flow_id in sorted(refused):
        onward.refuse(flow_id, refused[flow_id])
    return taking


def _ask(event_ids: Sequence[int]) -> list[tuple[int, int | None]]:
    """Make the intake; answers with the flows that take somebody, and with each hand-over to one that is off."""
    if not event_ids:
        return []
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"account": current_account_id(), "events": event_ids}
        cursor.execute(TAKE_IN, {**params, "handed_over": HANDED_OVER, "now": now()})
        return list(cursor.fetchall())


def drain(account_id: int, flow_id: int, *, limit: int = 5000, seconds: float = SLICE) -> bool:
    """Do for about `seconds` what a flow's intake asks, in its order; True when there is more.

    A flow that ended takes nobody: its intake is dropped.
    """
    until = monotonic() + seconds
    while more := _drain_some(account_id, flow_id, limit):
        if monotonic() >= until:
            break
    return more


def drop(flow_id: int, *, limit: int) -> None:
    """Let some of those who wait to come into a flow that has ended wait no longer.

    Inside the account's scope.
    """
    with connection.cursor() as cursor:
        cursor.execute(DROP, {"account": current_account_id(), "flow": flow_id, "limit": limit})
        asked = onward.asked_by(row[0] for row in cursor.fetchall())
    onward.refuse(flow_id, dict.fromkeys(asked, "flow_ended"))


def _drain_some(account_id: int, flow_id: int, limit: int) -> bool:
    """A row that the database refuses is found by halving and set aside; the others come in, or leave."""
    try:
        return _drain_alike(account_id, flow_id, limit)
    except Exception as error:
        if blames_nobody(error):
            raise
        place = f"account {account_id} flow {flow_id}"
        logger.warning("%s: intake failed, looking for the culprit: %s", place, traced(error))
    with account_scope(account_id, durable=True):
        waiting = _waiting(flow_id, Flow.objects.filter(pk=flow_id).first(), limit)
        ids = [each.pk for each in _alike(waiting)] if waiting else []
    search = Halving(partial(_drain_alike, account_id, flow_id, limit), until=monotonic() + SLICE)
    search.run(ids)
    with account_scope(account_id, durable=True):
        for each in intake_failures.set_aside(flow_id, search.failing, search.untried):
            _tell(flow_id, [each], Counts(left_out={"enrolment_failed": 1}))
    return True


def _drain_alike(account_id: int, flow_id: int, limit: int, only: Sequence[int] | None = None) -> bool:
    """One wish for one cause in a transaction: two statements that enrol, each in the order of the records, would
    together have no order, and meet others who enrol in a deadlock. One worker at a time, so that the order holds."""
    with account_scope(account_id, durable=True):
        if not (try_shared(flow_id) and try_intake(flow_id)):
            return False
        flow = Flow.objects.filter(pk=flow_id).first()
        waiting = _waiting(flow_id, flow, limit, only)
        if not waiting:
            return False
        alike = _alike(waiting)
        first = alike[0]
        Intake.objects.filter(pk__in=[each.pk for each in alike]).delete()
        if first.wish == Wish.ENROL:
            _tell(flow_id, alike, _enrol(flow, alike))
        elif flow is not None and flow.status != FlowStatus.NOT_RUNNING:
            _take_out(flow, alike, reason=first.cause)
    return len(alike) < len(waiting) or len(waiting) == limit


def _waiting(flow_id: int, flow: Flow | None, limit: int, only: Sequence[int] | None = None) -> list[Intake]:
    """Rows whose turn it is, locked, in their order."""
    rows = Intake.objects.filter(Q(retry_at=None) | Q(retry_at__lte=now()), flow_id=flow_id)
    if only is not None:
        rows = rows.filter(pk__in=only)
    if flow is not None and flow.status == FlowStatus.PAUSED:
        rows = rows.filter(wish=Wish.ENROL)  # nobody moves: they leave when it is resumed
    return list(rows.order_by("pk").select_for_update(skip_locked=True)[:limit])


def _alike(waiting: Sequence[Intake]) -> list[Intake]:
    """Those that go in one statement with the first of them. Only what is asked about one record has an order."""
    first = waiting[0]
    alike: list[Intake] = []
    later: set[int] = set()  # records of which something else is asked before
    for each in waiting:
        if (each.wish, _kind(each)) == (first.wish, _kind(first)) and each.record_id not in later:
            alike.append(each)
        else:
            later.add(each.record_id)
    return alike


def _kind(each: Intake) -> tuple[str, int, str]:
    """Of one kind is what goes in one statement: a list by itself, for its figures."""
    return each.cause, each.depth, each.cause_key if each.cause == LIST else ""


def _enrol(flow: Flow | None, alike: Sequence[Intake]) -> Counts:
    first, nobody = alike[0], len(alike)
    if flow is None or flow.status == FlowStatus.NOT_RUNNING:
        return Counts(left_out={"flow_ended": nobody})
    if flow.enrolment_ends_at and flow.enrolment_ends_at <= now():
        return Counts(left_out={"enrolment_closed": nobody})
    records = sorted({each.record_id for each in alike})
    if first.cause == onward.HAND_OVER:
        return enrol_each(flow, records, cause=first.cause, depth=first.depth)
    params = {"records": records}
    return enrol_matching(flow, where="r.id = any(%(records)s)", params=params, cause=first.cause, depth=first.depth)


def _tell(flow_id: int, alike: Sequence[Intake], counts: Counts) -> None:
    """Who of a list, or of those handed over, came in and who did not.

    Also while the flow is ended, which tells of others of the list in the same row.
    """
    if alike[0].cause == onward.HAND_OVER:
        onward.refuse(flow_id, _who_did_not(alike, counts))
    if alike[0].cause != LIST:
        return
    mine = ListEnrolment.objects.filter(flow_id=flow_id, cause_key=alike[0].cause_key)
    told = mine.select_for_update(no_key=True).first()
    if told is None:  # asked by an older Flyt
        return
    told.enrolled += counts.enrolled
    gone = len(alike) - counts.enrolled - sum(counts.left_out.values())
    for reason, n in ({**counts.left_out, "not_found": gone} if gone else counts.left_out).items():
        told.left_out[reason] = told.left_out.get(reason, 0) + n
    told.save(update_fields=["enrolled", "left_out"])


def _who_did_not(alike: Sequence[Intake], counts: Counts) -> dict[int, str]:
    """The event that asked -> why not. Of two that ask for one record, the first brings it in."""
    refused: dict[int, str] = {}
    entered: set[int] = set()
    for each in alike:
        outcome = counts.each.get(each.record_id) or next(iter(counts.left_out), "not_found")
        if outcome == "enrolled" and each.record_id in entered:
            outcome = "already_active"
        if outcome == "enrolled":
            entered.add(each.record_id)
        else:
            refused |= dict.fromkeys(onward.asked_by([each.cause_key]), outcome)
    return refused


def _take_out(flow: Flow, asked: Sequence[Intake], *, reason: str) -> None:
    """Whoever is still on the walk that was meant; on any, where a wish of an older Flyt does not say which."""
    walks = [each.participant_id for each in asked if each.participant_id]
    people = [each.record_id for each in asked if each.participant_id is None]
    meant = Q(pk__in=walks) | Q(record_id__in=people) if people else Q(pk__in=walks)
    active = Participant.objects.filter(meant, flow=flow, status=ParticipantStatus.ACTIVE)
    ids = list(active.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        lifecycle.take_out(
            cursor,
            "drop_out",
            account_id=current_account_id(),
            flow_id=flow.pk,
            reason=reason,
            now=now(),
            participant_ids=ids,
        )
    release(ids)
