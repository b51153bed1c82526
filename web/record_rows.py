"""Finding records by what people know of them, and what a table says about each."""

from typing import Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from records import searching
from records.models import ObjectType, Property, Record
from records.searching import Wanted

OFFERED: Final = 10  # records that a picker shows
TOO_SLOW: Final = _("Looking takes too long. Narrow the search or the filter.")
MOST_FOUND: Final = 5_000  # the latest made of those that a picker chooses from


def records_of(object_type: ObjectType, search: str = "") -> QuerySet[Record]:
    """The records of a type that are not archived; with `search`, those in which each of its words is found."""
    found: QuerySet[Record] = Record.objects.filter(object_type=object_type, archived_at=None)
    if wanted := clean(search):
        try:
            return found.filter(pk__in=searching.ids(Wanted(object_type, wanted), limit=MOST_FOUND))
        except searching.TooSlow:
            return found.none()
    return found


def clean(search: str | None) -> str:
    """What somebody searches for, fit for the database."""
    return (search or "").replace("\x00", "").strip()[:200]


def chosen_type(key: str | None) -> ObjectType | None:
    """The object type that an address names, else the first: contacts."""
    types = {each.key: each for each in ObjectType.objects.filter(archived_at=None).order_by("pk")}
    return types.get(key or "") or next(iter(types.values()), None)


def find_record(record_id: int) -> Record:
    """A record of the account with its object type; raises Http404."""
    found: Record = get_object_or_404(Record.objects.select_related("object_type"), pk=record_id)
    return found


def properties_of(object_type: ObjectType) -> list[Property]:
    """The properties of a type that are in use, in the order they were made."""
    return list(Property.objects.filter(object_type=object_type, archived_at=None).order_by("pk"))
