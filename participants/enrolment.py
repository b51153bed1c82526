"""Enrolment: the one door into a flow. Whoever comes in, by schedule, by hand or from a list, passes this pipeline.

Flow running or paused, then for the whole set at once: the flow's filter, exclusion lists, unenrolment criteria, only
once (not for a schedule), already active. The checks give the reasons; unique indexes hold the truth.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.history import NotAllowed, record
from accounts.tenancy import account_scope
from flows.locks import try_shared
from flows.models import Flow, FlowStatus
from flows.path import Path
from records import criteria
from records.criteria import Condition
from records.events import heard_sql
from records.models import List
from scheduling.clock import now

from . import statistics
from .eligibility import EXCLUDED, exclusion_lists
from .models import Intake, ListEnrolment, ParticipantStatus

TAKES_OUT = "flow_takes_out"
LIST = "list"  # the cause of whoever comes with a whole list
EVERYBODY, NOBODY = Condition("true", {}), Condition("false", {})

# Told only where something in the account listens: that somebody has come in, and which flows they leave for it.
ENTERED = """
  select record_id, 'flow_enrolled' as kind, %(depth)s as depth,
    jsonb_build_object('flow', %(flow)s::bigint, 'participant', id, 'cause', %(cause)s::text) as detail
  from entered
  union all
  select record_id, %(takes_out)s, %(depth)s,
    jsonb_build_object('flows', %(leave_flows)s::jsonb, 'participant', id)
  from entered where %(leave_flows)s::jsonb <> '[]'::jsonb
"""
ENROL = (
    """
with candidate as materialized (
  select r.id as record_id, case
      when not ({filter}) then 'filtered'
      when {excluded} then 'excluded'
      when {unenrolment} then 'unenrolment'
      when {earlier} then 'only_once' end as reason
  from records_record r
  where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null and ({where})
),
entered as (
  insert into participants_participant
    (account_id, flow_id, record_id, status, reason, step_id, hop, arrived_at, due_at, failures, succeeded,
     success_criterion, cause, occurrence_id, only_once, depth, enrolled_at)
  select %(account)s, %(flow)s, record_id, 'active', '', %(step)s, 0, %(now)s, %(now)s, 0, false,
     '', %(cause)s, %(occurrence)s, %(only_once)s, %(depth)s, %(now)s
  from candidate where reason is null
  order by record_id -- as everywhere: two enrolments of the same people in different orders deadlock
  on conflict do nothing returning record_id, id
),
"""
    + heard_sql(ENTERED)
    + """
"""
)
COUNT = """
select 'enrolled', count(*) from entered
union all
select coalesce(reason, 'matched'), count(*) from candidate group by reason
"""
EACH = """
select c.record_id, coalesce(c.reason, case when e.record_id is null then 'already_active' else 'enrolled' end)
from candidate c left join entered e using (record_id)
"""
EARLIER_WALK = """exists (
    select 1 from participants_participant earlier
    where earlier.account_id = %(account)s and earlier.flow_id = %(flow)s and earlier.record_id = r.id
      and earlier.status <> 'active')"""


@dataclass(frozen=True)
class Counts:
    """What became of the records that were considered."""

    matched: int = 0
    enrolled: int = 0
    left_out: dict[str, int] = field(default_factory=dict)  # reason -> how many
    each: dict[int, str] = field(default_factory=dict)  # record -> "enrolled" or the reason, where it was asked for


def enrol_matching(
    flow: Flow,
    *,
    where: str,
    params: dict[str, Any],
    cause: str,
    occurrence_id: int | None = None,
    moment: datetime | None = None,
    depth: int = 0,
) -> Counts:
    """Enrol every record that meets `where`, SQL over the alias r of records_record.

    Called inside the flow's shared lock, with the flow read after it and found running or paused. `moment` is the
    one that relative dates in the flow's own criteria count from, `depth` the number of flows that led here one
    after the other.
    """
    entry = _Entry.into(flow, cause=cause, occurrence_id=occurrence_id, moment=moment, depth=depth)
    with connection.cursor() as cursor:
        cursor.execute(entry.sql(where) + COUNT, {**entry.params, **params})
        found = {reason: int(n) for reason, n in cursor.fetchall()}
    enrolled, open_to = found.pop("enrolled", 0), found.pop("matched", 0)
    if open_to > enrolled:
        found["already_active"] = open_to - enrolled
    entry.count(enrolled)
    return Counts(
        matched=open_to + sum(found.values()) - found.get("already_active", 0),
        enrolled=enrolled,
        left_out=found,
    )


def enrol_each(flow: Flow, record_ids: list[int], *, cause: str, depth: int = 0) -> Counts:
    """Enrol these records, and say of each what became of it. Called as `enrol_matching` is."""
    entry = _Entry.into(flow, cause=cause, depth=depth)
    with connection.cursor() as cursor:
        cursor.execute(entry.sql("r.id = any(%(records)s)") + EACH, {**entry.params, "records": record_ids})
        found: dict[int, str] = dict(cursor.fetchall())
    outcomes = {record_id: found.get(record_id, "not_found") for record_id in record_ids}
    left_out = Counter(outcomes.values())
    enrolled = left_out.pop("enrolled", 0)
    entry.count(enrolled)
    return Counts(matched=len(found), enrolled=enrolled, left_out=dict(left_out), each=outcomes)


def enrol_records(
    account_id: int, flow_id: int, record_ids: list[int], *, cause: str = "by_hand", by: Actor
) -> dict[int, str]:
    """Enrol records by hand: per record id "enrolled" or the reason why not (participants/reasons.py).

    Opens its own durable scope. Raises `Flow.DoesNotExist`, or `NotAllowed` when the flow takes nobody.
    """
    with account_scope(account_id, durable=True):
        flow = lock_open_flow(flow_id)
        counts = enrol_each(flow, record_ids, cause=cause)
        record(flow, "enrolled_by_hand", by=by, detail={"enrolled": counts.enrolled, "asked": len(record_ids)})
    return counts.each


def enrol_list(account_id: int, flow_id: int, list_id: int, *, by: Actor) -> ListEnrolment:
    """Ask for everyone in a list to be enrolled. The flow drains its intake in chunks.

    Opens its own durable scope. Raises `Flow.DoesNotExist`, `List.DoesNotExist`, or `NotAllowed`.
    """
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        flow = lock_open_flow(flow_id)
        chosen = List.objects.get(pk=list_id, object_type_id=flow.object_type_id)
        key = f"list:{chosen.pk}:{token_hex(8)}"
        cursor.execute(
            """
            insert into participants_intake (account_id, flow_id, record_id, wish, cause, cause_key, depth, at)
            select %(account)s, %(flow)s, record_id, 'enrol', %(cause)s, %(key)s, 0, %(now)s
            from records_listentry where account_id = %(account)s and list_id = %(list)s
            on conflict do nothing
            """,
            {
                "account": account_id,
                "flow": flow.pk,
                "list": chosen.pk,
                "cause": LIST,
                "key": key,
                "now": now(),
            },
        )
        asked = cursor.rowcount
        record(flow, "enrolled_list", by=by, detail={"list": chosen.pk, "name": chosen.name, "asked": asked})
        return ListEnrolment.objects.create(
            flow=flow, list_id=chosen.pk, list_name=chosen.name, cause_key=key, asked=asked
        )


def list_enrolments(flow: Flow) -> QuerySet[ListEnrolment]:
    """The lists that were enrolled in a flow, the latest first; `is_under_way` while some of the people wait."""
    waiting = Intake.objects.filter(flow_id=OuterRef("flow_id"), cause_key=OuterRef("cause_key"))
    found: QuerySet[ListEnrolment] = ListEnrolment.objects.filter(flow=flow).order_by("-pk")
    return found.annotate(is_under_way=Exists(waiting))


def lock_open_flow(flow_id: int) -> Flow:
    """Take the flow's lock shared, then read the flow; raises `NotAllowed` unless it is running or paused."""
    if not try_shared(flow_id):
        raise NotAllowed("busy", _("The flow is busy. Try again in a moment."))
    flow = Flow.objects.select_related("outbox").get(pk=flow_id)
    if flow.status == FlowStatus.NOT_RUNNING:
        raise NotAllowed("not_running", _("Turn the flow on first: it takes nobody while it is not running."))
    if flow.enrolment_ends_at and flow.enrolment_ends_at <= now():
        raise NotAllowed("enrolment_closed", _("Enrolment in this flow has ended."))
    return flow


@dataclass(frozen=True)
class _Entry:
    """The pipeline of one flow, as SQL with its parameters."""

    flow: Flow
    step_id: int | None
    conditions: dict[str, Condition]
    check_once: bool
    params: dict[str, Any]

    @classmethod
    def into(
        cls,
        flow: Flow,
        *,
        cause: str,
        occurrence_id: int | None = None,
        moment: datetime | None = None,
        depth: int = 0,
    ) -> "_Entry":
        at = now()
        running = flow.status == FlowStatus.RUNNING and not (flow.starts_at and flow.starts_at > at)
        step_id = Path.of(flow).first() if running else None  # otherwise the queue
        once = flow.only_once and cause != "schedule"
        conditions = {"filter": EVERYBODY, "unenrolment": NOBODY}
        for name, tree in (("filter", flow.filter), ("unenrolment", flow.unenrolment)):
            if tree:
                conditions[name] = criteria.compile(
                    tree,
                    object_type_id=flow.object_type_id,
                    moment=moment or at,
                    zone=flow.time_zone,
                    prefix=name,
                )
        params = {
            "account": flow.account_id,
            "flow": flow.pk,
            "object_type": flow.object_type_id,
            "exclusions": exclusion_lists(flow.pk),
            "step": step_id,
            "now": at,
            "cause": cause,
            "occurrence": occurrence_id,
            "only_once": once,
            "depth": depth,
            "takes_out": TAKES_OUT,
            "leave_flows": json.dumps(flow.leave_flows),
        }
        for condition in conditions.values():
            params |= condition.params
        return cls(flow, step_id, conditions, once, params)

    def sql(self, where: str) -> str:
        return ENROL.format(
            filter=self.conditions["filter"].sql,
            excluded=EXCLUDED if self.params["exclusions"] else "false",
            unenrolment=self.conditions["unenrolment"].sql,
            earlier=EARLIER_WALK if self.check_once else "false",
            where=where,
        )

    def count(self, enrolled: int) -> None:
        place = self.step_id or 0
        statistics.add(
            self.flow.pk,
            [(0, "enrolled", enrolled), (0, ParticipantStatus.ACTIVE, enrolled), (place, "on", enrolled)],
        )
