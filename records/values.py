"""One value of a property, checked and normalised by its type, so that comparing needs no cast that can fail.

Numbers become JSON numbers, dates "YYYY-MM-DD", moments "YYYY-MM-DDTHH:MM:SSZ" in UTC, addresses lower case, multiple
choices lists in the order of the options, owners ids of members.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling.zones import resolve

from . import phones
from .models import PropertyType

JsonValue = str | int | float | bool | list[str] | None
Members = Mapping[int | str, int]  # `accounts.members.by_id_address_and_name()`

LONGEST_TEXT = 10_000  # characters; long text takes ten times as many
LONGEST_ADDRESS = 254
LARGEST_NUMBER = 10**15  # beyond it a JSON number loses its last digits on the way through a browser

YES = frozenset({"1", "true", "yes", "y", "ja", "j", "on", "sann", "sant"})
NO = frozenset({"0", "false", "no", "n", "nei", "nej", "off", "usann", "usant", "falsk", "falskt"})

YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(.+))?")
DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[T ]+(.+))?")
ENDING = re.compile(r"(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)", re.IGNORECASE)
WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+\.[^\s/?#]+[^\s]*", re.IGNORECASE)
HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
WRITTEN_ID = re.compile(r"[0-9]{1,19}")  # as many digits as the database can hold
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
GROUPED_NUMBER = re.compile(
    r"(?P<whole>[+-]?[0-9]{1,3}(?P<mark>[.,\s'’])[0-9]{3}(?:(?P=mark)[0-9]{3})*)"
    r"(?:(?!(?P=mark))[.,](?P<decimals>[0-9]+))?"
)


class Typed(Protocol):
    """What cleaning needs to know of a property; `records.models.Property` is one."""

    @property
    def type(self) -> str: ...

    @property
    def options(self) -> list[str]: ...


def clean(
    property: Typed,
    value: object,
    *,
    region: str | None = None,
    zone: ZoneInfo | None = None,
    members: Members | None = None,
) -> JsonValue:
    """`value` as it is stored, or None when it is blank.

    `region` (such as "NO") is where a phone number without a country code belongs (records/phones.py).
    `zone` is where a moment without an offset was meant; UTC without one. `members` are those who may be owners, once
    for many values; without them an id is taken as it is, which is right only for what was checked before.
    Raises ValueError with a sentence.
    """
    if isinstance(value, str):
        value = _trimmed(value)
    if value is None or value == "":
        return None
    if property.type == PropertyType.PHONE:
        return phones.clean(_text(value), region)
    if property.type == PropertyType.DATETIME:
        return _moment(value, zone)
    if property.type == PropertyType.CHOICE:
        return _choice(value, property.options)
    if property.type == PropertyType.MULTIPLE_CHOICE:
        return _choices(value, property.options)
    if property.type == PropertyType.OWNER:
        return _owner(value, members)
    return _CLEANERS[property.type](value)


def day_or_moment(value: object) -> str:
    """A day as "YYYY-MM-DD" when `value` has no time of day, otherwise a moment as it is stored; one without an offset
    as the clock shows it, "YYYY-MM-DDTHH:MM:SS", for whoever knows the zone."""
    trimmed = _trimmed(value) if isinstance(value, str) else value
    _day, clock = _day_and_clock(trimmed)
    if clock is None:
        return _date(trimmed)
    moment = _moment(trimmed, None)
    return moment if clock.tzinfo else moment.removesuffix("Z")


def _trimmed(value: str) -> str:
    if value.isascii() and "\x00" not in value:
        return value.strip()
    if "\x00" in value:
        raise ValueError(_("The value holds a NUL character, which no text can hold."))
    if HALF_A_CHARACTER.search(value):
        raise ValueError(_("The value holds half a character. Send it as valid Unicode."))
    return value.strip()


def _text(value: object, longest: int = LONGEST_TEXT) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(_("Enter a text."))
    text = str(value)
    if len(text) > longest:
        raise ValueError(_("The text is too long: at most {most} characters.").format(most=longest))
    return text


def _long_text(value: object) -> str:
    return _text(value, LONGEST_TEXT * 10)


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError(_("Enter a number."))
    try:
        number = Decimal(_plain_digits(value) if isinstance(value, str) else str(value))
    except InvalidOperation:
        raise ValueError(_("“{value}” is not a number.").format(value=value)) from None
    if not number.is_finite() or abs(number) >= LARGEST_NUMBER:
        raise ValueError(_("The number is too large."))
    return int(number) if number == number.to_integral_value() else float(number)


def _plain_digits(text: str) -> str:
    """ "1234,5", "1 234,5", "1.234,5" and "1,234.5" as "1234.5"."""
    text = text.replace("\N{MINUS SIGN}", "-")
    if PLAIN_NUMBER.fullmatch(text):
        return text.replace(",", ".")
    if not (found := GROUPED_NUMBER.fullmatch(text)):
        raise InvalidOperation
    whole = found["whole"].replace(found["mark"], "")
    return f"{whole}.{found['decimals'] or 0}"


def _date(value: object) -> str:
    day, clock = _day_and_clock(value)
    if clock and clock.replace(tzinfo=None) != time.min:
        raise ValueError(_("This is a date without a time: leave out {clock}.").format(clock=clock))
    return day.isoformat()


def _moment(value: object, zone: ZoneInfo | None) -> str:
    if isinstance(value, datetime):
        local = value
    else:
        day, clock = _day_and_clock(value)
        local = datetime.combine(day, clock or time.min)
    try:
        at = local.astimezone(UTC) if local.tzinfo else resolve(local, zone or ZoneInfo("UTC")).at
    except OverflowError:
        raise ValueError(_("The year must lie between 1 and 9999.")) from None
    if not date.min < at.date() < date.max:  # elsewhere on earth it is a day that no calendar here has
        raise ValueError(_("The year must lie between 1 and 9999."))
    return f"{at.replace(tzinfo=None, microsecond=0).isoformat()}Z"


def _day_and_clock(value: object) -> tuple[date, time | None]:
    if isinstance(value, datetime):
        return value.date(), value.timetz()
    if isinstance(value, date):
        return value, None
    if not isinstance(value, str):
        raise ValueError(_("Enter a date such as 2027-01-31 or 31.01.2027."))
    if found := YEAR_FIRST.fullmatch(value):
        year, month, day, clock = found.groups()
    elif found := DAY_FIRST.fullmatch(value):
        day, month, year, clock = found.groups()
    else:
        raise ValueError(_("“{value}” is not a date. Write it as 2027-01-31 or 31.01.2027.").format(value=value))
    try:
        return date(int(year), int(month), int(day)), _clock(clock) if clock else None
    except ValueError:
        raise ValueError(_("{value} does not exist in the calendar.").format(value=value)) from None


def _clock(text: str) -> time:
    return time.fromisoformat(f"0{text}" if text[1:2] == ":" else text)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError(_("“{value}” is neither yes nor no. Write yes or no.").format(value=value))


def _choice(value: object, options: list[str]) -> str:
    wanted = _text(value).casefold()
    for option in options:
        if option.casefold() == wanted:
            return option
    raise ValueError(
        _("“{value}” is not one of the choices: {choices}.").format(value=value, choices=", ".join(options))
    )


def _choices(value: object, options: list[str]) -> list[str] | None:
    """Text is taken apart at semicolons, or at commas without one, unless it is an option as it stands."""
    if isinstance(value, str):
        value = _parted(value, {option.casefold() for option in options})
    if not isinstance(value, list):
        raise ValueError(_("Give a list of choices."))
    chosen = {_choice(_trimmed(each) if isinstance(each, str) else each, options) for each in value if each != ""}
    return [option for option in options if option in chosen] or None


def _parted(text: str, options: set[str]) -> list[str]:
    """The choices in a text; an option with the mark in it that parts them is one choice."""
    if text.casefold() in options:
        return [text]
    mark = ";" if ";" in text else ","
    most = 1 + max((option.count(mark) for option in options), default=0)
    parts, found = text.split(mark), list[str]()
    while parts:
        several = (n for n in range(min(most, len(parts)), 1, -1) if _joined(parts, mark, n).casefold() in options)
        n = next(several, 1)
        found.append(_joined(parts, mark, n))
        del parts[:n]
    return found


def _joined(parts: list[str], mark: str, n: int) -> str:
    return mark.join(parts[:n]).strip()


def _owner(value: object, members: Members | None) -> int:
    key = int(value) if isinstance(value, str) and WRITTEN_ID.fullmatch(value) else value
    wanted = key.lower() if isinstance(key, str) else key
    if not isinstance(wanted, bool) and isinstance(wanted, int | str):
        if members is None and isinstance(wanted, int) and 0 < wanted < 2**63:
            return wanted
        if members is not None and wanted in members:
            return members[wanted]
    raise ValueError(
        _("“{value}” is no member of the account. Give the id, the e-mail or a name that only one has.").format(
            value=value
        )
    )


def _email(value: object) -> str:
    address = _text(value).lower()
    local, at, domain = address.rpartition("@")
    if any(not character.isprintable() or character.isspace() for character in address):
        raise ValueError(_("An e-mail address has no spaces in it."))
    if not at or not local or "@" in local:
        raise ValueError(_("An e-mail address has one @ with a name before it."))
    start, dot, ending = domain.rpartition(".")
    if not dot or not ENDING.fullmatch(ending):
        raise ValueError(_("The address needs an ending, such as .no."))
    if not all(part.strip("-") == part != "" for part in start.split(".")) or ".." in local:
        raise ValueError(_("The address has a dot or a hyphen too many."))
    if re.search(r"[<>()\[\],;:\\\"]", address) or local[0] == "." or local[-1] == ".":
        raise ValueError(_("The address holds a character that does not belong there."))
    if len(local) > 64 or len(address) > LONGEST_ADDRESS:
        raise ValueError(_("The address is too long."))
    return address


def _url(value: object) -> str:
    address = _text(value, 2_000)
    if "://" not in address:
        address = f"https://{address}"
    if not WEB_ADDRESS.fullmatch(address) or not _can_be_split(address):
        raise ValueError(_("Enter a web address such as https://example.com."))
    return address


def _can_be_split(address: str) -> bool:
    """False where its host is none, as in https://[firma.no]."""
    try:
        urlsplit(address)
    except ValueError:
        return False
    return True


_CLEANERS: dict[str, Callable[[object], JsonValue]] = {
    PropertyType.TEXT: _text,
    PropertyType.LONG_TEXT: _long_text,
    PropertyType.NUMBER: _number,
    PropertyType.DATE: _date,
    PropertyType.BOOLEAN: _boolean,
    PropertyType.EMAIL: _email,
    PropertyType.URL: _url,
}
