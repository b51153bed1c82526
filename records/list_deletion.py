"""Deleting a list: gone at once for everybody, its entries cleared away in chunks by a worker."""

from datetime import timedelta
from typing import Final

from django.db import connection

from accounts.actors import Actor
from accounts.history import NotAllowed, record
from accounts.tenancy import account_scope, current_account_id, every_account
from scheduling.clock import now

from . import list_refresh
from .models import Import, List
from .used_by import in_use, told, users_of_list

CHUNK: Final = 10_000
UNTOUCHED_FOR: Final = timedelta(minutes=1)  # whoever was about to put somebody in has committed by then
ENTRIES = """
delete from records_listentry where account_id = %(account)s and list_id = %(list)s and record_id = any(array(
  select record_id from records_listentry where account_id = %(account)s and list_id = %(list)s
  order by record_id limit %(chunk)s for update))
"""
LIST = (  # the list first, as whoever rolls its tally up does
    "delete from records_list where account_id = %(account)s and id = %(list)s and deleted_at is not null",
    "delete from records_listtally where account_id = %(account)s and list_id = %(list)s",
)


def delete(chosen: List, *, by: Actor) -> None:
    """Delete a list, in constant time. Nobody leaves it: there is nothing to leave any more.

    Raises `NotAllowed` (list_in_use, with `used_by`) while flows or other lists use it.
    """
    list_refresh.lock([chosen.pk])
    if users := users_of_list(chosen):
        raise NotAllowed("list_in_use", in_use(users), used_by=told(users))
    List.objects.filter(pk=chosen.pk).update(
        deleted_at=now(), is_hidden=True, folder=None, refresh_at=None, refresh_cursor=None
    )
    Import.objects.filter(list_id=chosen.pk).update(list=None)
    record(chosen, "delete", by=by, detail={"name": chosen.name})


def to_clear_away(limit: int) -> list[tuple[int, int]]:
    """Deleted lists of all accounts, as (account id, list id)."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(
            "select account_id, id from records_list where deleted_at < %(before)s order by deleted_at limit %(limit)s",
            {"before": now() - UNTOUCHED_FOR, "limit": limit},
        )
        return [(account_id, list_id) for account_id, list_id in cursor.fetchall()]


def clear_away(account_id: int, list_id: int) -> bool:
    """Delete some entries of a deleted list, and with the last the list itself; True when there is more to do."""
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        params = {"account": current_account_id(), "list": list_id, "chunk": CHUNK}
        cursor.execute(
            "select 1 from records_list where account_id = %(account)s and id = %(list)s and deleted_at is not null",
            params,
        )
        if not cursor.fetchone():
            return False
        cursor.execute(ENTRIES, params)
        if cursor.rowcount:
            return True
        for statement in LIST:
            cursor.execute(statement, params)
        return False
