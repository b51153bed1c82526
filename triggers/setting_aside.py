"""Events whose consequences fail although they stand alone: out of the way of the others, and tried again ever later.

Nothing here tells whose fault it was, the event's or this code's. So one is given up only after days, in which somebody
may mend what is broken; until then operators see how many there are (`events_set_aside` in running/engine_status.py).
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import connection

from accounts.tenancy import current_account_id
from flows.exits import HANDED_OVER
from participants import onward
from participants.halving import MOST_IN_A_ROW, RETRY_AFTER
from records.leaves import MOST_IDS
from records.models import Event
from scheduling.clock import now

from .models import EventSetAside

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(days=3)
# At once, and too few to end a search for culprits by themselves (participants/halving.py). Thousands, being the
# oldest, would be all that the matcher sees, and keep what happened since from having its consequences.
MOST_BACK: Final = MOST_IN_A_ROW - 1
# Only what is pending still: another matcher may have dealt with it, or set it aside.
SET_ASIDE: Final = """
with taken as (
  delete from records_eventpending p using unnest(%(events)s::bigint[], %(failed)s::int[]) asked(event_id, failed)
  where p.account_id = %(account)s and p.event_id = asked.event_id returning p.event_id, asked.failed
)
insert into triggers_eventsetaside as a (account_id, event_id, failures, retry_at, set_aside_at)
select %(account)s, event_id, failed, %(now)s + (%(gaps)s::interval[])[1], %(now)s from taken
on conflict (account_id, event_id) do update set failures = a.failures + excluded.failures,
  retry_at = %(now)s + (%(gaps)s::interval[])[greatest(least(a.failures + excluded.failures, %(most)s), 1)]
"""
GIVE_UP: Final = """
delete from triggers_eventsetaside
where account_id = %(account)s and event_id = any(%(events)s) and set_aside_at < %(before)s returning event_id
"""
# An event that was erased or pruned meanwhile leaves nothing to do.
PUT_BACK: Final = """
with due as (
  select a.event_id, exists (
    select 1 from records_event e where e.account_id = %(account)s and e.id = a.event_id) as is_there
  from triggers_eventsetaside a where a.account_id = %(account)s and a.retry_at <= %(now)s
  order by a.retry_at, a.event_id limit greatest(0, %(most)s - (
    select count(*) from triggers_eventsetaside w where w.account_id = %(account)s and w.retry_at is null))
),
gone as (
  delete from triggers_eventsetaside a using due
  where a.account_id = %(account)s and a.event_id = due.event_id and not due.is_there
),
tried as (
  update triggers_eventsetaside a set retry_at = null from due
  where a.account_id = %(account)s and a.event_id = due.event_id and due.is_there
),
pending as (
  insert into records_eventpending (account_id, event_id)
  select %(account)s, event_id from due where is_there on conflict do nothing
)
select count(*) from due
"""
# Also of those that were erased while they were pending again.
FORGET: Final = """
delete from triggers_eventsetaside a where a.account_id = %(account)s and a.retry_at is null and not exists (
  select 1 from records_eventpending p where p.account_id = %(account)s and p.event_id = a.event_id)
"""


def set_aside(failing: Mapping[int, str], untried: Sequence[int]) -> None:
    """Put events off, each with what went wrong, for the log; `untried` without it counting against them.

    Inside the account's scope.
    """
    happened = Event.objects.in_bulk(failing)
    account_id, moment = current_account_id(), now()
    params: dict[str, Any] = {"account": account_id, "now": moment, "events": [*failing, *untried]}
    params |= {"failed": [1] * len(failing) + [0] * len(untried), "gaps": list(RETRY_AFTER), "most": len(RETRY_AFTER)}
    with connection.cursor() as cursor:
        cursor.execute(SET_ASIDE, params)
        cursor.execute(GIVE_UP, {"account": account_id, "events": list(failing), "before": moment - PATIENCE})
        given_up = {row[0] for row in cursor.fetchall()}
    _refuse(happened[event_id] for event_id in given_up & happened.keys())
    for event_id, error in failing.items():
        what = "is given up" if event_id in given_up else "is set aside"
        kind = happened[event_id].kind if event_id in happened else None
        logger.error("account %s event %s (%s) %s: %s", account_id, event_id, kind, what, error)


def _refuse(given_up: Iterable[Event]) -> None:
    """Whoever was to go on in another flow does not come in, and their story says so."""
    refused: dict[int, dict[int, str]] = defaultdict(dict)
    for event in given_up:
        asked = event.detail.get("flow")
        if event.kind == HANDED_OVER and isinstance(asked, int) and 0 < asked < MOST_IDS:
            refused[asked][event.pk] = "enrolment_failed"
    for flow_id in sorted(refused):
        onward.refuse(flow_id, refused[flow_id])


def among(event_ids: Sequence[int]) -> set[int]:
    """Those of the events that are set aside. Inside the account's scope."""
    return set(EventSetAside.objects.filter(event_id__in=event_ids).values_list("event_id", flat=True))


def put_back() -> bool:
    """Make some of those pending again whose turn has come; True when there may be more. Inside the account's scope."""
    with connection.cursor() as cursor:
        cursor.execute(PUT_BACK, {"account": current_account_id(), "now": now(), "most": MOST_BACK})
        return bool(cursor.fetchone()[0] == MOST_BACK)


def forget() -> None:
    """Those that are pending no more have had their consequences, if the transaction commits. Inside the scope."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"account": current_account_id()})
