"""The append-only log of what happened to records, and which of it still has consequences to come.

An event row is written with the change. It is also made pending when something in the account listens to its kind
(`ListenedKind`); a matcher deletes the pending row in the transaction of its consequences, so each happens exactly
once, without depending on the order of ids (a serial id is not commit order).
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from accounts.tenancy import current_account_id
from scheduling.clock import now

from .models import Event, ListenedKind

WRITE = """
with {before}
event as (
  insert into records_event (account_id, record_id, kind, detail, flow_id, depth, at)
  select %(event_account)s, source.record_id, %(event_kind)s, source.detail, %(event_flow)s, source.depth, %(event_at)s
  from ({source}) source
  returning id
),
pending as (
  insert into records_eventpending (account_id, event_id)
  select %(event_account)s, event.id from event
  where exists (select 1 from records_listenedkind k
                where k.account_id = %(event_account)s and k.kind = %(event_kind)s)
)
select count(*) from event
"""

HEARD = """
heard_event as (
  insert into records_event (account_id, record_id, kind, detail, flow_id, depth, at)
  select %(account)s, source.record_id, source.kind, source.detail, %(flow)s, source.depth, %(now)s
  from ({source}) source
  join records_listenedkind k on k.account_id = %(account)s and k.kind = source.kind
  order by source.record_id
  returning id
),
heard_pending as (
  insert into records_eventpending (account_id, event_id) select %(account)s, id from heard_event
)
"""


def heard_sql(source: str) -> str:
    """Common table expressions that write an event for every row of `source`, only of kinds that are listened to.

    For what happens so often that an event nobody waits for would cost too much. `source` is a SELECT of record_id,
    kind, detail (jsonb) and depth; the statement around it has the parameters account, flow and now.
    """
    return HEARD.replace("{source}", source).strip()


def insert_sql(kind: str, source: str, *, flow_id: int | None = None, before: str = "") -> tuple[str, dict[str, Any]]:
    """One statement that writes an event for every row of `source`, and makes it pending where it is listened to.

    `source` is a SELECT of record_id (bigint), detail (jsonb) and depth (int); it may name common table expressions
    given in `before` ("a as (...), b as (...)"). Returns the SQL, which answers with the number of events, and its
    own parameters, all named event_*; the caller adds those of `source` and `before`.
    """
    params = {"event_account": current_account_id(), "event_kind": kind, "event_flow": flow_id, "event_at": now()}
    return WRITE.format(before=f"{before.strip()}," if before else "", source=source), params


def record_events(
    kind: str,
    record_ids: Iterable[int],
    detail: dict[str, Any] | None = None,
    *,
    flow_id: int | None = None,
    depth: int = 0,
) -> None:
    """Write the same event for some records of the current account."""
    sql, params = insert_sql(
        kind,
        "select unnest(%(record_ids)s::bigint[]) as record_id, %(detail)s::jsonb as detail, %(depth)s as depth",
        flow_id=flow_id,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql, {**params, "record_ids": list(record_ids), "detail": json.dumps(detail or {}), "depth": depth}
        )


def listen(kinds: Iterable[str]) -> None:
    """From now on events of these kinds have consequences in the current account.

    Nobody stops listening when a list or a flow goes: a kind that is listened to in vain costs a pending row per event,
    while one that is taken back too early, as somebody else begins to listen, loses events.
    """
    ListenedKind.objects.bulk_create([ListenedKind(kind=kind) for kind in sorted(set(kinds))], ignore_conflicts=True)


def claim_pending(limit: int, only: list[int] | None = None) -> Sequence[Event]:
    """Take up to `limit` pending events, or of those `only`, oldest id first; commit them with their consequences.

    The caller holds the account's matcher lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            # Materialized: a plan that runs the inner select once for each row would take more than the limit.
            """
            with taken as materialized (
              select event_id from records_eventpending where account_id = %(account)s
                and (%(only)s::bigint[] is null or event_id = any(%(only)s::bigint[]))
              order by event_id limit %(limit)s for update skip locked
            )
            delete from records_eventpending p using taken
            where p.account_id = %(account)s and p.event_id = taken.event_id returning p.event_id
            """,
            {"account": current_account_id(), "limit": limit, "only": only},
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(Event.objects.filter(pk__in=ids).order_by("pk"))
