"""A file of refused rows that comes back mended: its numbers and dates mean what they meant where they were refused."""

from django.db.models import Q

from .import_dates import guess_order
from .import_numbers import guess_mark
from .import_refusals import ADDED
from .models import Import


def earlier(source: Import) -> Import | None:
    """The latest import that refused rows of these columns, when the file is one of refused rows."""
    said, columns = source.columns[: len(ADDED)], source.columns[len(ADDED) :]
    if tuple(said) != ADDED:
        return None
    refused = Import.objects.filter(object_type=source.object_type, refused__gt=0).exclude(pk=source.pk)
    return refused.filter(Q(columns=columns) | Q(columns=source.columns)).order_by("-pk").first()


def decimal_mark(source: Import) -> str:
    """As it was then, perhaps chosen by hand; of other files as most of their numbers have it."""
    before = earlier(source)
    return before.decimal_mark if before else guess_mark(source)


def date_order(source: Import) -> str:
    """As it was then; of other files as most of their dates can only be meant."""
    before = earlier(source)
    return before.date_order if before else guess_order(source)
