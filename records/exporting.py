"""The records that a search finds as CSV, as a stream: memory does not grow with them."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import formats, timezone, translation

from accounts import members
from accounts.models import Account
from accounts.tenancy import account_scope

from . import searching
from .export_header import header_of
from .import_refusals import as_csv
from .leaves import is_column
from .models import ObjectType, Property, PropertyType, Record
from .searching import Wanted
from .values import JsonValue

AT_ONCE: Final = 1_000


def lines(
    account: Account, object_type: ObjectType, wanted: Wanted, *, language: str, for_spreadsheets: bool = False
) -> Iterator[str]:
    """The records as CSV, piece by piece; each opens a short scope of its own, as the stream outlives the view.

    Spreadsheets in a language with a decimal comma part columns by semicolons, and take 1.5 for the first of May;
    programs get commas and points in every language.
    The first records are looked for before anything is told: raises `searching.TooSlow`.
    """
    with account_scope(account.pk):
        first = searching.ids(wanted, limit=AT_ONCE)
    mark = str(formats.get_format("DECIMAL_SEPARATOR", lang=language)) if for_spreadsheets else "."
    return _pieces(account, object_type, wanted, first, language, mark)


def _pieces(
    account: Account, object_type: ObjectType, wanted: Wanted, ids: list[int], language: str, mark: str
) -> Iterator[str]:
    zone = ZoneInfo(account.time_zone)  # the view's own is over by now
    with account_scope(account.pk), translation.override(language):
        head = header_of(object_type)
        columns = [each for each in head.values() if each]
        owners = members.addresses() if any(each.type == PropertyType.OWNER for each in columns) else {}
    delimiter = ";" if mark == "," else ","
    yield "\ufeff" + as_csv([list(head)], delimiter)  # the mark tells spreadsheets that it is UTF-8
    while ids:
        with account_scope(account.pk), timezone.override(zone):
            found = searching.records(ids)  # without those erased meanwhile
            rows = [[each.pk, *(cell(each, column, owners) for column in columns)] for each in found]
            ids = searching.ids(wanted, limit=AT_ONCE, after=ids[-1])
        yield as_csv(rows, delimiter, mark)


def cell(record: Record, column: Property, owners: dict[int, str]) -> Any:
    """A value as an import reads it again; moments in the account's zone, owners who are here by their e-mail."""
    if is_column(column):
        value = getattr(record, column.key)
        return timezone.localtime(value).isoformat(timespec="seconds") if isinstance(value, datetime) else _plain(value)
    value = record.properties.get(column.key)
    if column.type == PropertyType.OWNER and isinstance(value, int):
        return owners.get(value, "")
    return _plain(value)


def _plain(value: JsonValue) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _written_out(value)
    return "; ".join(value) if isinstance(value, list) else value


def _written_out(value: float) -> str | Decimal:
    """A number without an exponent, and with a fourth decimal after three, which would look like thousands."""
    number = Decimal(repr(value))
    if number.as_tuple().exponent == -3:
        return number.quantize(Decimal("0.0001"))
    text = f"{number:f}"
    return number if str(number) == text else text  # as a number no apostrophe goes before its minus
