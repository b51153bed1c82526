"""Evaluating a list wholly: chunk by chunk of record ids, each with its place in one transaction, so a crash resumes.

Whoever evaluates a dynamic list holds its lock and reads afterwards: of an evaluation of everybody and one of a few
whose events came (records/list_matching.py) the later always sees what the earlier saw, and more. A change that
commits after a chunk was read has a pending event and so is evaluated after it.

A static list with criteria is being filled: the same way, only nobody is taken out.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection, transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Least
from psycopg2.errors import QueryCanceled

from accounts.models import Account
from accounts.tenancy import account_scope, current_account_id, every_account
from scheduling.clock import now
from scheduling.zones import ONE_DAY, local_date, midnight

from . import criteria, list_entries
from .chunks import chunk_end
from .criteria import Condition
from .models import List, ListFailure, ListKind
from .refusals import Invalid

logger = logging.getLogger(__name__)

CHUNK: Final = 20_000  # records of the list's object type that are looked at in one transaction, at most
LEAST_CHUNK: Final = 100  # where not even so few can be looked at, the criteria are too dear
EVERY: Final = timedelta(hours=1)  # lists on which time has an effect; at midnight of the account's zone too
POSTPONED: Final = timedelta(hours=1)  # a list that could not be evaluated
PATIENCE: Final = 10_000  # milliseconds for a chunk: criteria can be dear, and others wait for the worker
LAST: Final = 2**63 - 1
DUE = """
select account_id, id from (
  select account_id, id, row_number() over (partition by account_id order by refresh_at) as place
  from records_list where refresh_at <= %(now)s and deleted_at is null
) due
order by place limit %(limit)s
"""
LOCK = """
select pg_advisory_xact_lock(hashtextextended('list', id))
from (select unnest(%(ids)s::bigint[]) as id) wanted
"""
# A transaction that was open as the list began to listen may have written what no event told of. When every
# transaction is over that was there as this row was written (the row's xmin), all of it can be read.
SETTLED = """
select age(xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)
from records_list where account_id = %(account)s and id = %(list)s
"""
MATCHES = """
select {what} from records_record r
where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null
  and {about} and ({where})
"""


def ask(list_ids: Iterable[int] | None = None) -> int:
    """Have dynamic lists, by default all of the current account, evaluated wholly as soon as a worker comes by.

    Returns how many.
    """
    asked = List.objects.filter(kind=ListKind.DYNAMIC)
    if list_ids is not None:
        asked = asked.filter(pk__in=list_ids)
    with transaction.atomic():
        # In id order, as everybody locks rows.
        ids = list(asked.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
        return int(List.objects.filter(pk__in=ids).update(refresh_at=now()))


def due(limit: int) -> list[tuple[int, int]]:
    """Lists of all accounts whose time has come, as (account id, list id), taking turns."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(DUE, {"now": now(), "limit": limit})
        return [(account_id, list_id) for account_id, list_id in cursor.fetchall()]


def lock(list_ids: Iterable[int]) -> None:
    """Be the only one who evaluates these lists until the transaction ends. What is read afterwards is fresh."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"ids": sorted(list_ids)})


def work(account_id: int, list_id: int) -> bool:
    """Evaluate the next chunk of a list; True when there is more to do now."""
    try:
        return _begin(account_id, list_id) or _work_chunk(account_id, list_id)
    except Invalid:
        logger.warning("list %s: its criteria name what is gone", list_id)
        _give_up(account_id, list_id)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return _take_fewer(account_id, list_id)
        logger.info("list %s: again", list_id, exc_info=True)
    except Exception:
        # One list that cannot be evaluated must not come back at once for ever; the log says what it was.
        logger.exception("list %s could not be evaluated", list_id)
        _put_off(account_id, list_id, ListFailure.ERROR)
    return False


def settle(
    chosen: List, about: str, params: Mapping[str, Any], *, zone: str, depths: Mapping[int, int] | None = None
) -> int:
    """Put in those who meet the criteria and take out those who do not; returns how many came and went.

    `about` says which records, of an id written {id}. The caller holds the list's lock. Raises `Invalid`.
    """
    condition = _condition(chosen, zone)
    given = {
        **condition.params,
        **params,
        "account": current_account_id(),
        "object_type": chosen.object_type_id,
    }
    found = MATCHES.format(what="r.id", about=about.format(id="r.id"), where=condition.sql)
    changed = list_entries.put_in(chosen.pk, found, given, depths=depths)
    if chosen.kind == ListKind.DYNAMIC:
        matches = MATCHES.format(what="1", about="r.id = e.record_id", where=condition.sql)
        # Looked up entry by entry: joined, an account that no statistics know yet would be read whole for each of them.
        which = f"{about.format(id='e.record_id')} and not exists ({matches} offset 0)"
        changed += list_entries.take_out(chosen.pk, which, given, depths=depths)
    return changed


def account_zone() -> str:
    """The time zone in which lists of the current account count days."""
    return str(Account.objects.values_list("time_zone", flat=True).get(pk=current_account_id()))


def _condition(chosen: List, zone: str) -> Condition:
    return criteria.compile(chosen.criteria, object_type_id=chosen.object_type_id, moment=now(), zone=zone)


def _begin(account_id: int, list_id: int) -> bool:
    """Start at the first record, when the time has come and nobody did; True when this did."""
    with account_scope(account_id, durable=True):
        moment = now()
        waiting = List.objects.filter(pk=list_id, refresh_cursor=None, refresh_at__lte=moment)
        # `refresh_at` equals `refreshed_at` until somebody asks anew.
        return bool(waiting.update(refresh_cursor=0, refresh_at=moment, refreshed_at=moment))


def _work_chunk(account_id: int, list_id: int) -> bool:
    with account_scope(account_id, durable=True):
        lock([list_id])
        chosen = List.objects.filter(pk=list_id).first()
        if chosen is None or chosen.refresh_cursor is None:
            return False
        if chosen.refresh_cursor == 0 and not _is_settled(chosen):
            return False
        zone, end = account_zone(), _chunk_end(chosen)
        about = "{id} > %(start)s and {id} <= %(end)s"
        _limit_time()
        settle(chosen, about, {"start": chosen.refresh_cursor, "end": end or LAST}, zone=zone)
        if end is None:
            _finish(chosen, zone)
            return False
        List.objects.filter(pk=list_id).update(refresh_cursor=end)
        return True


def _limit_time() -> None:
    """From here on no statement of the transaction takes longer than `PATIENCE`."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [str(PATIENCE)])


def _is_settled(chosen: List) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(SETTLED, {"account": current_account_id(), "list": chosen.pk})
        return bool(cursor.fetchone()[0])


def _chunk_end(chosen: List) -> int | None:
    """The record id up to which the next chunk goes, counted along the account's own records; None for the last."""
    size = min(chosen.refresh_chunk, CHUNK)
    return chunk_end(chosen.object_type_id, after=chosen.refresh_cursor or 0, last=LAST, size=size)


def _finish(chosen: List, zone: str) -> None:
    """Whoever asked meanwhile, as an import at its end, is served next."""
    is_filled = chosen.kind == ListKind.STATIC
    timer = None if is_filled else next_refresh(chosen.criteria, zone)
    List.objects.filter(pk=chosen.pk).update(
        refresh_cursor=None,
        refresh_chunk=Least(F("refresh_chunk") * 2, CHUNK),
        refresh_failure="",
        refresh_at=Case(
            When(refresh_at=F("refreshed_at"), then=Value(timer, DateTimeField())), default=F("refresh_at")
        ),
        **({"criteria": None} if is_filled else {}),
    )


def next_refresh(tree: object, zone: str) -> datetime | None:
    """When a list must be evaluated wholly though nothing happens; None for never."""
    if not criteria.is_time_dependent(tree):
        return None
    moment, local = now(), ZoneInfo(zone)
    return min(moment + EVERY, midnight(local_date(moment, local) + ONE_DAY, local))


def _take_fewer(account_id: int, list_id: int) -> bool:
    """A chunk took too long: go on with half as many records. False when there are too few to halve."""
    logger.warning("list %s: a chunk took longer than %s ms", list_id, PATIENCE)
    with account_scope(account_id):
        halved = List.objects.filter(pk=list_id, refresh_chunk__gte=2 * LEAST_CHUNK)
        if halved.update(refresh_chunk=F("refresh_chunk") / 2):
            return True
    _put_off(account_id, list_id, ListFailure.TOO_SLOW)
    return False


def _put_off(account_id: int, list_id: int, failure: ListFailure) -> None:
    """Begin anew in an hour; until then its page says why."""
    with account_scope(account_id):
        later = now() + POSTPONED
        List.objects.filter(pk=list_id).update(refresh_cursor=None, refresh_at=later, refresh_failure=failure)


def _give_up(account_id: int, list_id: int) -> None:
    """Never again by itself. What was to be put into a static list is left at that."""
    with account_scope(account_id):
        given_up = List.objects.filter(pk=list_id)
        given_up.update(refresh_cursor=None, refresh_at=None)
        given_up.filter(kind=ListKind.STATIC).update(criteria=None)
