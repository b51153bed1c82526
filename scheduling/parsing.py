"""Checks the JSON of a recurrence and turns it into the values of `scheduling.recurrence.Recurrence`."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Any
from zoneinfo import available_timezones

from django.utils.dates import MONTHS
from django.utils.translation import gettext as _

from scheduling.reading import WEEKDAYS, Reader

ORDINALS = ("first", "second", "third", "fourth", "last")
FLEXIBLE_DAYS = {
    "day": range(7),
    **{name: range(number, number + 1) for number, name in enumerate(WEEKDAYS)},
    "working_day": range(5),
}
LARGEST_INTERVALS = {"daily": 366, "weekly": 104, "monthly": 120, "yearly": 20}
OWN_SETTINGS = {
    "daily": (),
    "weekly": ("weekdays",),
    "monthly": ("days", "flexible", "short_month"),
    "yearly": ("month", "day", "short_month"),
    "once": ("on",),
}
SETTINGS_OF_ALL = ("frequency", "times", "time_zone")
SETTINGS_OF_REPEATING = ("interval", "starts_on", "ends_on", "excluded_dates")
SETTINGS_OF_SOME = {*SETTINGS_OF_REPEATING, *(name for own in OWN_SETTINGS.values() for name in own)}
NEUTRAL = {"interval": 1, "short_month": "skip"}  # says nothing, so a form may always send it
MOST_TIMES, MOST_EXCLUDED_DATES = 96, 500


@dataclass(frozen=True)
class FlexibleDay:
    """A day counted within its month, such as the last Friday; `day` is a key of FLEXIBLE_DAYS."""

    ordinal: str
    day: str


def read(data: object) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The values of a `Recurrence` and every fault of `data` as (path, message); with any, use no value."""
    reader = Reader()
    settings = reader.known(data, {*SETTINGS_OF_ALL, *SETTINGS_OF_SOME})
    given = {name: value for name, value in settings.items() if value not in (None, "", [])}
    if not isinstance(data, dict):
        return {}, reader.errors
    frequency = reader.choice("frequency", given.get("frequency"), OWN_SETTINGS)
    values: dict[str, Any] = {
        "frequency": frequency,
        "times": _times(reader, given, most=1 if frequency == "once" else MOST_TIMES),
        "time_zone": _time_zone(reader, given.get("time_zone")),
    }
    if frequency is not None:
        _refuse_foreign(reader, given, frequency)
        values |= _OWN[frequency](reader, given)
        values |= _repeating(reader, given, frequency) if frequency != "once" else {}
    return values, reader.errors


def _times(reader: Reader, given: Mapping[str, object], *, most: int) -> tuple[object, ...]:
    times = reader.several("times", given.get("times", []), reader.clock_time, most=most)
    return tuple(sorted(set(times)))


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone(reader: Reader, value: object) -> str | None:
    if isinstance(value, str) and value in _time_zones():
        return value
    reader.refuse("time_zone", _("Choose a time zone such as Europe/Oslo."))
    return None


def _refuse_foreign(reader: Reader, given: Mapping[str, object], frequency: str) -> None:
    """A setting of another frequency would be dropped in silence, so it is refused."""
    own = {*OWN_SETTINGS[frequency], *(SETTINGS_OF_REPEATING if frequency != "once" else ())}
    for name in sorted((SETTINGS_OF_SOME - own) & given.keys()):
        if given[name] != NEUTRAL.get(name):
            message = _('Leave this out: it has no meaning when the frequency is "{frequency}".')
            reader.refuse(name, message.format(frequency=frequency))


def _repeating(reader: Reader, given: Mapping[str, object], frequency: str) -> dict[str, Any]:
    highest = LARGEST_INTERVALS[frequency]
    interval = reader.whole_number("interval", given.get("interval", 1), low=1, high=highest)
    starts_on, ends_on = (_optional_day(reader, given, name) for name in ("starts_on", "ends_on"))
    if interval is not None and interval > 1 and "starts_on" not in given:
        reader.refuse("starts_on", _("Choose the start date that the interval is counted from."))
    if starts_on and ends_on and ends_on < starts_on:
        reader.refuse("ends_on", _("The end must not be before the start."))
    excluded = (
        reader.several("excluded_dates", given["excluded_dates"], reader.day, most=MOST_EXCLUDED_DATES)
        if "excluded_dates" in given
        else []
    )
    return {
        "interval": interval,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "excluded_dates": frozenset(excluded),
    }


def _optional_day(reader: Reader, given: Mapping[str, object], name: str) -> date | None:
    return reader.day(name, given[name]) if name in given else None


def _daily(reader: Reader, given: Mapping[str, object]) -> dict[str, Any]:
    return {}


def _weekly(reader: Reader, given: Mapping[str, object]) -> dict[str, Any]:
    weekdays = reader.several("weekdays", given.get("weekdays", []), partial(_weekday, reader), most=7)
    return {"weekdays": tuple(sorted(set(weekdays)))}


def _weekday(reader: Reader, path: str, value: object) -> int | None:
    name = reader.choice(path, value, WEEKDAYS)
    return None if name is None else WEEKDAYS.index(name)


def _monthly(reader: Reader, given: Mapping[str, object]) -> dict[str, Any]:
    if ("days" in given) == ("flexible" in given):
        reader.refuse("days", _("Choose either days of the month or flexible days."))
        return {}
    if "days" in given:
        read_day = partial(reader.whole_number, low=1, high=31)
        days = sorted(set(reader.several("days", given["days"], read_day, most=31)))
        return {"days": tuple(days), "short_month": _short_month(reader, given)}
    if given.get("short_month", "skip") != "skip":
        reader.refuse("short_month", _("Leave this out: every month has its flexible days."))
    return {"flexible": _flexible(reader, given["flexible"])}


def _flexible(reader: Reader, value: object) -> tuple[FlexibleDay, ...]:
    """One choice, or a list of them, in the order of writing."""
    if not isinstance(value, list):
        choice = _flexible_day(reader, "flexible", value)
        return (choice,) if choice else ()
    choices = reader.several("flexible", value, partial(_flexible_day, reader), most=10)
    return tuple(dict.fromkeys(choices))


def _flexible_day(reader: Reader, path: str, value: object) -> FlexibleDay | None:
    data = reader.known(value, ("ordinal", "day"), path=path)
    if not isinstance(value, dict):
        return None
    ordinal = reader.choice(f"{path}.ordinal", data.get("ordinal"), ORDINALS)
    day = reader.choice(f"{path}.day", data.get("day"), FLEXIBLE_DAYS)
    return FlexibleDay(ordinal, day) if ordinal and day else None


def _yearly(reader: Reader, given: Mapping[str, object]) -> dict[str, Any]:
    month = reader.whole_number("month", given.get("month"), low=1, high=12)
    day = reader.whole_number("day", given.get("day"), low=1, high=31)
    if month and day and day > calendar.monthrange(2000, month)[1]:  # 2000: the longest February
        reader.refuse("day", _("There is no day {day} in {month}.").format(day=day, month=MONTHS[month]))
    return {"month": month, "day": day, "short_month": _short_month(reader, given)}


def _short_month(reader: Reader, given: Mapping[str, object]) -> str | None:
    return reader.choice("short_month", given.get("short_month", "skip"), ("skip", "last_day"))


def _once(reader: Reader, given: Mapping[str, object]) -> dict[str, Any]:
    return {"on": reader.day("on", given.get("on"))}


_OWN = {"daily": _daily, "weekly": _weekly, "monthly": _monthly, "yearly": _yearly, "once": _once}
