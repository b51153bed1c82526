"""Dates, days and lists in the words of the active language, for the sentences about schedules."""

from collections.abc import Iterable
from datetime import date, time

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from scheduling.parsing import FlexibleDay


def listed(items: Iterable[str]) -> str:
    """The items as in "A", "A and B" or "A, B and C"."""
    *others, last = items
    return _("{items} and {last}").format(items=", ".join(others), last=last) if others else last


def clock_times(times: Iterable[time]) -> str:
    """Times of day as in "08:00 and 15:30"."""
    return listed(clock.isoformat("minutes") for clock in times)


def weekday_names(weekdays: Iterable[int]) -> str:
    """Weekdays, Monday is 0, as in "Monday and Thursday"."""
    return listed(str(WEEKDAYS[weekday]) for weekday in weekdays)


def nth(number: int) -> str:
    """A day of the month, or a rank without a word of its own, as in "1st", "2nd" or "23rd"."""
    tail = 0 if number % 100 in (11, 12, 13) else number % 10
    ending = {
        1: _("{number}st"),
        2: _("{number}nd"),
        3: _("{number}rd"),
    }.get(tail, _("{number}th"))
    return ending.format(number=number)


def rank(interval: int) -> str:
    "X has phrases of its own, because Swedish and Norwegian inflect it."
    words = {
        3: pgettext("every … month", "third"),
        4: pgettext("every … month", "fourth"),
        5: pgettext("every … month", "fifth"),
        6: pgettext("every … month", "sixth"),
    }
    return words.get(interval) or nth(interval)


def day_of_year(month: int, day: int) -> str:
    """A day of every year, as in "4 July"."""
    return _("{day} {month}").format(day=day, month=MONTHS[month])


def full_date(day: date) -> str:
    """A date as in "28 March 2027"."""
    return _("{day} {month} {year}").format(day=day.day, month=MONTHS[day.month], year=day.year)


def flexible_day(choice: FlexibleDay) -> str:
    """A day counted within its month, as in "last Friday"."""
    ordinals = {
        "first": pgettext("… Friday of the month", "first"),
        "second": pgettext("… Friday of the month", "second"),
        "third": pgettext("… Friday of the month", "third"),
        "fourth": pgettext("… Friday of the month", "fourth"),
        "last": pgettext("… Friday of the month", "last"),
    }
    days = {
        "day": pgettext("the last … of the month", "day"),
        "monday": pgettext("the last … of the month", "Monday"),
        "tuesday": pgettext("the last … of the month", "Tuesday"),
        "wednesday": pgettext("the last … of the month", "Wednesday"),
        "thursday": pgettext("the last … of the month", "Thursday"),
        "friday": pgettext("the last … of the month", "Friday"),
        "saturday": pgettext("the last … of the month", "Saturday"),
        "sunday": pgettext("the last … of the month", "Sunday"),
        "working_day": pgettext("the last … of the month", "working day"),
    }
    return _("{ordinal} {day}").format(ordinal=ordinals[choice.ordinal], day=days[choice.day])


def short_months(months: Iterable[int]) -> str:
    """Months, 1 to 12, as in "Feb, Apr, Jun"."""
    names = (
        pgettext("short month", "Jan"),
        pgettext("short month", "Feb"),
        pgettext("short month", "Mar"),
        pgettext("short month", "Apr"),
        pgettext("short month", "May"),
        pgettext("short month", "Jun"),
        pgettext("short month", "Jul"),
        pgettext("short month", "Aug"),
        pgettext("short month", "Sep"),
        pgettext("short month", "Oct"),
        pgettext("short month", "Nov"),
        pgettext("short month", "Dec"),
    )
    return ", ".join(names[month - 1] for month in months)
