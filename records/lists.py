"""Lists of records: making them, putting records in and taking them out, each change with its event."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from scheduling.clock import now

from . import criteria, list_entries
from .list_sizes import size as size
from .list_sizes import sizes as sizes
from .models import List, ListFolder, ListKind, ObjectType
from .refusals import Error, Invalid

LONGEST_NAME, LONGEST_DESCRIPTION = 200, 500
# With more records of the type than these, `add_matching` leaves the work to records/list_refresh.py.
MOST_AT_ONCE = 20_000
RECORDS = """
select r.id from records_record r
where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null and ({where})
"""
IS_LARGE = """
select count(*) > %(most)s from (
  select 1 from records_record r
  where r.account_id = %(account)s and r.object_type_id = %(object_type)s limit %(most)s + 1) looked_at
"""


def create_static(
    name: str, object_type: ObjectType, *, folder: ListFolder | None = None, description: str = ""
) -> List:
    """A new, empty list that records are put into. Raises `Invalid` when the name is missing, too long or taken."""
    return make(List(name=name, object_type=object_type, folder=folder, description=description))


def make(new: List) -> List:
    """Save a new list whose name is free. Raises `Invalid`."""
    new.name, new.description = new.name.strip(), new.description.strip()
    _refuse(new)
    if new.is_hidden:
        new.save(force_insert=True)
        return new
    # Of two who choose the same name at once, one is refused.
    fields = {
        name: getattr(new, name) for name in ("kind", "object_type", "criteria", "folder", "description", "refresh_at")
    }
    made, is_new = List.objects.get_or_create(name=new.name, is_hidden=False, defaults=fields)
    if not is_new:
        raise Invalid([_taken(new.name)])
    return made


def change(list: List, *, name: str, description: str, folder: ListFolder | None) -> None:
    """Give a list another name, description and folder. Raises `Invalid`."""
    list.name, list.description, list.folder = name.strip(), description.strip(), folder
    _refuse(list)
    try:
        with transaction.atomic():
            list.save(update_fields=["name", "description", "folder"])
    except IntegrityError:  # only the database knows without a race
        raise Invalid([_taken(list.name)]) from None


def rename(list: List, name: str) -> None:
    """Give a list another name. Raises `Invalid` when it is missing, too long or taken."""
    change(list, name=name, description=list.description, folder=list.folder)


def free_name(name: str) -> str:
    """`name`, or "name 2", "name 3" ... when a list has it already."""
    stem = name.strip()[: LONGEST_NAME - 8]
    taken = set(List.objects.filter(name__startswith=stem, is_hidden=False).values_list("name", flat=True))
    number, candidate = 2, stem
    while candidate in taken:
        number, candidate = number + 1, f"{stem} {number}"
    return candidate


def add(list: List, record_ids: Iterable[int], *, with_events: bool = True) -> int:
    """Put records in; returns how many were not in it. Ids that are no records of the list's type are passed over."""
    _refuse_dynamic(list)
    params = {"object_type": list.object_type_id, "ids": sorted(set(record_ids))}
    found = RECORDS.format(where="r.id = any(%(ids)s::bigint[])")
    return list_entries.put_in(list.pk, found, params, with_events=with_events)


def add_matching(list: List, tree: object, *, moment: datetime, zone: str | ZoneInfo) -> int | None:
    """Put in every record that meets the criteria now; returns how many were not in it. Raises `Invalid`.

    None when there are so many records to look at that a worker does it, chunk by chunk; until it has, more criteria
    are refused.
    """
    _refuse_dynamic(list)
    condition = criteria.compile(tree, object_type_id=list.object_type_id, moment=moment, zone=zone)
    params = {"account": list.account_id, "object_type": list.object_type_id}
    with connection.cursor() as cursor:
        cursor.execute(IS_LARGE, {**params, "most": MOST_AT_ONCE})
        is_large = cursor.fetchone()[0]
    if is_large:
        _add_later(list, tree)
        return None
    found = RECORDS.format(where=condition.sql)
    return list_entries.put_in(list.pk, found, {**condition.params, **params})


def remove(list: List, record_ids: Iterable[int]) -> int:
    """Take records out; returns how many were in it."""
    _refuse_dynamic(list)
    params = {"ids": sorted(set(record_ids))}
    return list_entries.take_out(list.pk, "e.record_id = any(%(ids)s::bigint[])", params)


def freeze(dynamic: List, name: str) -> List:
    """A static copy of a list as it is now. Raises `Invalid`."""
    copy = create_static(name, dynamic.object_type, folder=dynamic.folder, description=dynamic.description)
    moment = now()
    add_matching(copy, {"list": dynamic.pk, "operator": "in"}, moment=moment, zone="UTC")  # no date is asked
    return copy


def _add_later(list: List, tree: Any) -> None:
    """Leave it to a worker, unless one is at it for this list already."""
    free = List.objects.filter(pk=list.pk, criteria__isnull=True)
    if not free.update(criteria=tree, refresh_at=now(), refresh_cursor=None):
        message = _("Records are being put into this list by criteria. Wait until that is done.")
        raise Invalid([Error("criteria", message)])
    list.refresh_from_db(fields=["criteria", "refresh_at", "refresh_cursor"])


def _refuse(list: List) -> None:
    if not 0 < len(list.name) <= LONGEST_NAME or "\x00" in list.name:
        raise Invalid([Error("name", _("Enter a name of 1 to {most} characters.").format(most=LONGEST_NAME))])
    if len(list.description) > LONGEST_DESCRIPTION or "\x00" in list.description:
        message = _("Enter at most {most} characters.").format(most=LONGEST_DESCRIPTION)
        raise Invalid([Error("description", message)])


def _taken(name: str) -> Error:
    return Error("name", _("There is a list “{name}” already.").format(name=name))


def _refuse_dynamic(list: List) -> None:
    if list.kind != ListKind.STATIC:
        raise Invalid([Error("list", _("Its criteria say who is in this list. Change those instead."))])
