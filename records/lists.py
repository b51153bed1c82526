"""Lists of records: making them, putting records in and taking them out, each change with its event."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.translation import gettext as _

from accounts.tenancy import current_account_id
from scheduling.clock import now

from . import criteria, events
from .models import List, ListEntry, ListKind, ObjectType
from .refusals import Error, Invalid

LONGEST_NAME = 200
JOIN = """
joined as (
  insert into records_listentry (account_id, list_id, record_id, added_at)
  select %(account)s, %(list)s, r.id, %(now)s
  from records_record r
  where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null and ({where})
  order by r.id
  on conflict do nothing returning record_id
)
"""
LEAVE = """
gone as (
  delete from records_listentry
  where account_id = %(account)s and list_id = %(list)s and record_id = any(%(ids)s::bigint[])
  returning record_id
)
"""
SOURCE = "select record_id, jsonb_build_object('list', %(list)s::bigint) as detail, 0 as depth from {changed}"


def create_static(name: str, object_type: ObjectType) -> List:
    """A new, empty list that records are put into. Raises `Invalid` when the name is missing, too long or taken."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid([Error("name", _("Enter a name of 1 to {most} characters.").format(most=LONGEST_NAME))])
    made, is_new = List.objects.get_or_create(name=name, defaults={"object_type": object_type})
    if not is_new:
        raise Invalid([Error("name", _("There is a list “{name}” already.").format(name=name))])
    return made


def rename(list: List, name: str) -> None:
    """Give a list another name. Raises `Invalid` when it is missing, too long or taken."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid([Error("name", _("Enter a name of 1 to {most} characters.").format(most=LONGEST_NAME))])
    if List.objects.filter(name=name).exclude(pk=list.pk).exists():
        raise Invalid([Error("name", _("There is a list “{name}” already.").format(name=name))])
    list.name = name
    list.save(update_fields=["name"])


def free_name(name: str) -> str:
    """`name`, or "name 2", "name 3" ... when a list has it already."""
    stem = name.strip()[: LONGEST_NAME - 8]
    taken = set(List.objects.filter(name__startswith=stem).values_list("name", flat=True))
    number, candidate = 2, stem
    while candidate in taken:
        number, candidate = number + 1, f"{stem} {number}"
    return candidate


def add(list: List, record_ids: Iterable[int], *, with_events: bool = True) -> int:
    """Put records in; returns how many were not in it. Ids that are no records of the list's type are passed over."""
    return _join(list, "r.id = any(%(ids)s::bigint[])", {"ids": sorted(set(record_ids))}, with_events)


def add_matching(list: List, tree: object, *, moment: datetime, zone: str | ZoneInfo) -> int:
    """Put in every record that meets the criteria now; returns how many were not in it. Raises `Invalid`."""
    condition = criteria.compile(tree, object_type_id=list.object_type_id, moment=moment, zone=zone)
    return _join(list, condition.sql, condition.params, True)


def remove(list: List, record_ids: Iterable[int]) -> int:
    """Take records out; returns how many were in it."""
    _refuse_dynamic(list)
    params = {"account": current_account_id(), "list": list.pk, "ids": sorted(set(record_ids))}
    return _change("list_left", LEAVE, "gone", params)


def size(list: List) -> int:
    """How many records are in it."""
    return ListEntry.objects.filter(list=list).count()


def _join(list: List, where: str, params: dict[str, Any], with_events: bool) -> int:
    _refuse_dynamic(list)
    own: dict[str, Any] = {
        "account": current_account_id(),
        "list": list.pk,
        "object_type": list.object_type_id,
        "now": now(),
    }
    join = JOIN.format(where=where)
    if with_events:
        return _change("list_joined", join, "joined", own | params)
    with connection.cursor() as cursor:
        cursor.execute(f"with {join} select count(*) from joined", own | params)
        return int(cursor.fetchone()[0])


def _change(kind: str, change: str, changed: str, params: dict[str, Any]) -> int:
    """Run the change and write an event for each record that it really changed."""
    sql, own = events.insert_sql(kind, SOURCE.format(changed=changed), before=change)
    with connection.cursor() as cursor:
        cursor.execute(sql, own | params)
        return int(cursor.fetchone()[0])


def _refuse_dynamic(list: List) -> None:
    if list.kind != ListKind.STATIC:
        raise Invalid([Error("list", _("Its criteria say who is in this list. Change those instead."))])
