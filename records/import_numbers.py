"""Which mark parts the decimals of a file's numbers: "12,500" is twelve and a half, or twelve thousand five hundred."""

import csv
import re
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Final

from babel import Locale
from babel.core import UnknownLocaleError
from babel.numbers import get_decimal_symbol

from accounts.models import Account
from accounts.tenancy import current_account_id

from .import_mapping import Target
from .import_reading import RowsFrom
from .import_types import GUESSED_FROM
from .models import DecimalMark, Import, Property, PropertyType
from .values import GROUPED_NUMBER, PLAIN_NUMBER

OF: Final = {",": DecimalMark.COMMA, ".": DecimalMark.POINT}
OTHER: Final = {",": DecimalMark.POINT, ".": DecimalMark.COMMA}
# One mark and three digits behind it: of thousands, unless it is the decimal mark.
UNDECIDED = re.compile(r"[+\-\N{MINUS SIGN}]?[1-9][0-9]{0,2}([.,])[0-9]{3}")
CURRENCY: Final = r"(?:kr\.?|nok|sek|dkk|eur|usd|gbp|[€$£])"
SIGN: Final = r"[+\-\N{MINUS SIGN}]"
# An amount: a currency before it or behind it, not both, and ",-" or, in Sweden, ":-" for no hundredths.
AMOUNT = re.compile(
    rf"(?:(?P<sign>{SIGN}?)(?P<before>{CURRENCY})\s*)?"
    rf"(?P<number>{SIGN}?[0-9](?:[0-9.,\s'’]*[0-9])?)(?P<whole>[,:][-–])?"
    rf"(?(before)|(?:\s*{CURRENCY})?)",
    re.IGNORECASE,
)


def as_meant(text: str, mark: str) -> str:
    """An amount without its currency, and a number without the mark of its thousands, where only the decimal mark of
    the file tells that it is one. What is neither stays as it is."""
    text = without_currency(text)
    found = UNDECIDED.fullmatch(text)
    return text.replace(found[1], "") if found and OF[found[1]] != mark else text


def without_currency(text: str) -> str:
    """The number in an amount such as "kr 12 500", "-$1,234.50" or "1.200,-", which is 1.200,00. Else as it is."""
    if not (found := AMOUNT.fullmatch(text)):
        return text
    number = (found["sign"] or "") + found["number"] + (",00" if found["whole"] else "")
    return number if _is_number(number) else text


def guess_mark(source: Import) -> str:
    """What most numbers of the first rows say of themselves, else what is usual where the account is.

    Asked are the columns of numbers, and those that belong nowhere yet and hold nothing but numbers.
    """
    said: Counter[str] = Counter()
    for told in _told(source).values():
        said.update(told)
    if said[DecimalMark.COMMA] != said[DecimalMark.POINT]:
        return said.most_common(1)[0][0]
    return usual_mark(Account.objects.get(pk=current_account_id()))


def told_by(text: str) -> str | None:
    """The decimal mark that a number has beyond doubt: "1.234,5", "3,75" and "1.234.567" have a comma."""
    text = without_currency(text).replace("\N{MINUS SIGN}", "-")
    if UNDECIDED.fullmatch(text):
        return None
    if PLAIN_NUMBER.fullmatch(text):
        return next((mark.value for character, mark in OF.items() if character in text), None)
    if not (found := GROUPED_NUMBER.fullmatch(text)):
        return None
    if found["mark"] in OTHER:
        return OTHER[found["mark"]].value
    decimals = found["decimals"]
    return OF[text[-len(decimals) - 1]].value if decimals else None


def usual_mark(account: Account) -> str:
    """The decimal mark of the account's country, else of its language."""
    try:
        locale = Locale.parse(f"und_{account.country}" if account.country else account.language)
    except (UnknownLocaleError, ValueError):
        locale = Locale.parse("en")
    return (DecimalMark.COMMA if get_decimal_symbol(locale) == "," else DecimalMark.POINT).value


def _columns(source: Import) -> set[str]:
    """Those that go to numbers, or nowhere."""
    numbers = Property.objects.filter(object_type=source.object_type, archived_at=None, type=PropertyType.NUMBER)
    keys = set(numbers.values_list("key", flat=True))
    return {header for header in source.columns if _may_be_number(source.mapping.get(header), keys)}


def _may_be_number(target: Target | None, keys: set[str]) -> bool:
    return target is None or target.get("property") in keys or target.get("type") == PropertyType.NUMBER


def _told(source: Import) -> Mapping[str, Counter[str]]:
    """How many numbers of the first rows tell which mark, by column; of a column that belongs nowhere only when all of
    it is numbers. Counted row by row: a thousand rows may be long ones."""
    found: dict[str, Counter[str]] = {header: Counter() for header in _columns(source)}
    mixed = set[str]()
    try:
        for cells in islice(RowsFrom(source, source.next_byte), GUESSED_FROM):
            for header, cell in zip(source.columns, cells, strict=False):
                if header in found and (text := cell.strip()):
                    found[header].update(filter(None, [told_by(text)]))
                    if not source.mapping.get(header) and not _is_number(without_currency(text)):
                        mixed.add(header)
    except csv.Error:
        pass  # told where the file is looked at; what came before it may be numbers
    return {header: told for header, told in found.items() if header not in mixed}


def _is_number(text: str) -> bool:
    text = text.replace("\N{MINUS SIGN}", "-")
    return bool(PLAIN_NUMBER.fullmatch(text) or GROUPED_NUMBER.fullmatch(text))
