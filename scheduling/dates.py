"""The local dates of a recurrence, in order, by counting days, weeks, months or years from its start date."""

import calendar
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from scheduling.parsing import FLEXIBLE_DAYS, ORDINALS, FlexibleDay
from scheduling.reading import LAST_DAY

if TYPE_CHECKING:
    from scheduling.recurrence import Recurrence


def dates_from(recurrence: "Recurrence", start: date) -> Iterator[date]:
    """The dates on which `recurrence` runs, from `start` on; dates that do not exist are not among them."""
    if recurrence.on is not None:
        yield from [recurrence.on] if recurrence.on >= start else []
        return
    first = max(start, recurrence.starts_on or start)
    last = recurrence.ends_on or LAST_DAY
    number = period_number(recurrence.frequency, first)
    anchor = period_number(recurrence.frequency, recurrence.starts_on or first)
    number += (anchor - number) % recurrence.interval
    while number <= period_number(recurrence.frequency, last):
        for day in _dates_in(recurrence, number):
            if first <= day <= last and day not in recurrence.excluded_dates:
                yield day
        number += recurrence.interval


def period_number(frequency: str, day: date) -> int:
    """The running number of the day, week (from Monday), month or year that holds `day`."""
    return {
        "daily": day.toordinal(),
        "weekly": (day.toordinal() - 1) // 7,  # 0001-01-01 was a Monday
        "monthly": day.year * 12 + day.month - 1,
        "yearly": day.year,
    }[frequency]


def _dates_in(recurrence: "Recurrence", number: int) -> list[date]:
    """The dates of `recurrence` in the period `number`, in order."""
    match recurrence.frequency:
        case "daily":
            return [date.fromordinal(number)]
        case "weekly":
            return [date.fromordinal(number * 7 + 1 + weekday) for weekday in recurrence.weekdays]
        case "monthly":
            year, month = number // 12, number % 12 + 1
        case _:
            year, month = number, recurrence.month or 1
    days = {_day_of_month(year, month, day, recurrence.short_month) for day in recurrence.days_of_month}
    days |= {_flexible_day(year, month, choice) for choice in recurrence.flexible}
    return [date(year, month, day) for day in sorted(day for day in days if day is not None)]


def _day_of_month(year: int, month: int, day: int, short_month: str) -> int | None:
    length = calendar.monthrange(year, month)[1]
    if day <= length:
        return day
    return length if short_month == "last_day" else None


def _flexible_day(year: int, month: int, choice: FlexibleDay) -> int:
    first_weekday, length = calendar.monthrange(year, month)
    weekdays = FLEXIBLE_DAYS[choice.day]
    days = [day for day in range(1, length + 1) if (first_weekday + day - 1) % 7 in weekdays]
    return days[-1] if choice.ordinal == "last" else days[ORDINALS.index(choice.ordinal)]
