"""Erasing records for good: with everything that was stored about the person, in every package.

Asking marks a record: it is archived at once, and nothing takes it out again. Then its walks go, flow by flow, each
under that flow's lock in a transaction of its own, and the rest with the record in one. All of it may be done again:
a worker that dies leaves the mark. A while after, when whoever was at work meanwhile has committed (an enrolment, a
message on its way), the same is done once more, and the mark goes.

Higher packages register what they keep about records as their apps are made ready.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import connection

from accounts import history
from accounts.actors import Actor
from accounts.tenancy import account_scope, current_account_id, every_account
from scheduling.clock import now

from . import erasing_refused, events, list_entries, unique_values
from .models import Association, Erasure, Record

CHUNK: Final = 200
AT_ONCE: Final = 50  # records: of more a worker erases all
SETTLED_AFTER: Final = timedelta(minutes=1)  # whoever was about to write something has committed by then
MARK: Final = """
with chosen as (
  select id from records_record where account_id = %(account)s and id = any(%(records)s::bigint[])
  order by id for no key update
), archived as (
  update records_record r set archived_at = coalesce(r.archived_at, %(now)s) from chosen
  where r.account_id = %(account)s and r.id = chosen.id
)
insert into records_erasure (account_id, record_id, suppresses, asked_at)
select %(account)s, id, %(suppresses)s, %(now)s from chosen
on conflict (account_id, record_id) do nothing returning record_id
"""
LOCK: Final = """
select id, email from records_record where account_id = %(account)s and id = any(%(records)s::bigint[])
order by id for update
"""
# What the matcher has at hand it may finish: it waits for entries of lists that are gone here. What it leaves behind of
# an event that is gone it takes away itself.
OWN: Final = (
    """
    delete from records_eventpending p using (
      select w.event_id from records_eventpending w join records_event e on e.id = w.event_id
      where w.account_id = %(account)s and e.account_id = %(account)s and e.record_id = any(%(records)s::bigint[])
      for update of w skip locked
    ) waiting
    where p.account_id = %(account)s and p.event_id = waiting.event_id
    """,
    """
    delete from records_eventclientid c using records_event e
    where e.account_id = %(account)s and e.record_id = any(%(records)s::bigint[])
      and c.account_id = %(account)s and c.event_id = e.id
    """,
    "delete from records_event where account_id = %(account)s and record_id = any(%(records)s::bigint[])",
    "delete from records_record where account_id = %(account)s and id = any(%(records)s::bigint[])",
)
OTHERS: Final = """
select distinct record_id from records_association
where account_id = %(account)s and other_id = any(%(records)s::bigint[])
  and not record_id = any(%(records)s::bigint[])
"""
TO_DO: Final = """
select distinct account_id from records_erasure where erased_at is null or erased_at < %(before)s limit %(limit)s
"""


@dataclass(frozen=True)
class Doomed:
    """Records about to go. `addresses`: all theirs; `suppressed`: those that are to get nothing more."""

    records: list[int]
    addresses: list[str]
    suppressed: list[str]


Eraser = Callable[[Doomed], None]
WalksEraser = Callable[[int, Sequence[int]], bool]
_erasers: dict[str, Eraser] = {}
_walks_erasers: list[WalksEraser] = []


def register_eraser(kind: str, eraser: Eraser) -> None:
    """Let `eraser` delete what its package keeps about records, in the transaction in which they go; safe to repeat.

    Called once, as the app of the package is made ready.
    """
    if kind in _erasers:
        raise ValueError(f"There is an eraser of {kind} already.")
    _erasers[kind] = eraser


def register_walks_eraser(eraser: WalksEraser) -> None:
    """Let `eraser`, given an account and records, do first what needs transactions of its own; True when busy."""
    _walks_erasers.append(eraser)


def ask(record_ids: Iterable[int], *, by: Actor, suppresses: bool = True) -> int:
    """Mark records to be erased, and archive them; how many were not marked yet. Inside the account's scope.

    `suppresses`: their addresses, unless somebody else has one too, get nothing more even if they are imported anew.
    """
    with connection.cursor() as cursor:
        ids = sorted(set(record_ids))
        params: dict[str, Any] = {"account": current_account_id(), "records": ids, "suppresses": suppresses}
        params["now"] = now()
        cursor.execute(MARK, params)
        marked = [row[0] for row in cursor.fetchall()]
    history.record_all((Record(pk=each) for each in marked), "erase", by=by)
    return len(marked)


def erase(account_id: int, record_ids: Sequence[int], *, by: Actor, suppresses: bool = True) -> int:
    """Erase records for good; how many. A few go before this returns, if no flow of theirs is busy; many soon.

    Opens durable scopes of its own.
    """
    with account_scope(account_id, durable=True):
        marked = ask(record_ids, by=by, suppresses=suppresses)
        waiting = Erasure.objects.filter(erased_at=None)[: AT_ONCE + 1].count()
    if waiting <= AT_ONCE:
        work(account_id)
    return marked


def to_do(limit: int) -> list[int]:
    """Accounts with records to erase."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(TO_DO, {"before": now() - SETTLED_AFTER, "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def work(account_id: int) -> bool:
    """Erase some records, or look again after some that went a while ago; True when there is more to do at once."""
    with account_scope(account_id, durable=True):
        fresh = Erasure.objects.filter(erased_at=None)
        ids = _some(fresh)
        is_last = not ids
        if is_last:
            ids = _some(Erasure.objects.filter(erased_at__lt=now() - SETTLED_AFTER))
    if not ids or any([eraser(account_id, ids) for eraser in _walks_erasers]):
        return False
    with account_scope(account_id, durable=True):
        _delete(ids)
        marks = Erasure.objects.filter(record_id__in=ids)
        if is_last:
            marks.delete()
        else:
            marks.update(erased_at=now())
    return len(ids) == CHUNK or not is_last


def _some(marks: Any) -> list[int]:
    return list(marks.order_by("record_id").values_list("record_id", flat=True)[:CHUNK])


def _delete(record_ids: list[int]) -> None:
    params: dict[str, Any] = {"account": current_account_id(), "records": record_ids}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, params)
        addresses = {id: email for id, email in cursor.fetchall() if email}
        marks = Erasure.objects.filter(record_id__in=list(addresses), suppresses=True)
        suppressed = {addresses[id] for id in marks.values_list("record_id", flat=True)}
        doomed = Doomed(record_ids, sorted(set(addresses.values())), sorted(suppressed))
        for eraser in _erasers.values():
            eraser(doomed)
        list_entries.remove_everywhere(record_ids)
        unique_values.forget_records(record_ids)
        erasing_refused.delete_rows_about(record_ids)
        _dissociate(params)
        for statement in OWN:
            cursor.execute(statement, params)


def _dissociate(params: dict[str, Any]) -> None:
    """The others hear that somebody is gone, so that lists that look across follow; not who."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, params)
        others = [row[0] for row in cursor.fetchall()]
    Association.objects.filter(record_id__in=params["records"]).delete()
    Association.objects.filter(other_id__in=params["records"]).delete()
    events.record_events("association_removed", others, {"erased": True})
