"""Which days an operator about dates means: from where on, and before where, as text that compares with stored values.

A span is [start, end). Stored dates are "YYYY-MM-DD" and stored moments "YYYY-MM-DDTHH:MM:SSZ", so texts compare like
the times they say. A week begins on Monday. In a month without that day, its last one stands for it.
"""

from calendar import isleap, monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduling.zones import midnight, resolve

from .operators import OPERATORS, Takes
from .values import JsonValue

EARLIEST, LATEST = "0", ":"  # before and after every digit, in the order of bytes; what is no date begins otherwise
Span = tuple[str, str]
Days = tuple[int, int]  # ordinals; 0 and those beyond the calendar are before and after everything
ALWAYS = date.max.toordinal() + 1


def span(name: str, operands: list[JsonValue], *, today: date, zone: ZoneInfo, is_date: bool) -> Span:
    """From which text on, and before which, a stored date (`is_date`) or moment meets the operator.

    `today` is the day of the question on the wall of `zone`.
    """

    def edge(ordinal: int) -> str:
        return _edge(ordinal, zone, is_date)

    operator = OPERATORS[name]
    if operator.is_relative:
        count = int(str(operands[0])) if operator.takes is Takes.DAYS else 0
        first, after = relative_days(name, today, count)
        return edge(first), edge(after)
    starts, ends = zip(*(_day_or_second(str(operand), edge, zone) for operand in operands), strict=True)
    start, end = starts[0], ends[-1]
    return {
        "eq": (start, end),
        "between": (start, end),
        "lt": (EARLIEST, start),
        "lte": (EARLIEST, end),
        "gt": (end, LATEST),
        "gte": (start, LATEST),
    }[name]


def relative_days(name: str, today: date, count: int) -> Days:
    """The first day that meets a relative operator, and the one after the last."""
    now = today.toordinal()
    if "_days" in name or name.startswith("days_"):
        return _counted_days(name, now, count)
    return {
        "is_today": lambda: (now, now + 1),
        "is_yesterday": lambda: (now - 1, now),
        "is_tomorrow": lambda: (now + 1, now + 2),
        "in_last_weeks": lambda: (now - 7 * count, now + 1),
        "in_next_weeks": lambda: (now, now + 7 * count + 1),
        "in_last_months": lambda: (_months_from(today, -count), now + 1),
        "in_next_months": lambda: (now, _months_from(today, count) + 1),
    }.get(name, lambda: _calendar_days(name, today))()


def anniversaries(today: date, days: int) -> list[str]:
    """The days "MM-DD" that have their anniversary from today to that many days on.

    Born on 29 February, a person has their day on the 28th of a short year.
    """
    found = set()
    for offset in range(min(days, 366) + 1):
        day = date.fromordinal(min(today.toordinal() + offset, ALWAYS - 1))
        found.add(f"{day:%m-%d}")
        if (day.month, day.day) == (2, 28) and not isleap(day.year):
            found.add("02-29")
    return sorted(found)


def as_moment(text: str) -> datetime | str:
    """An edge of a span of moments for a column that holds moments."""
    if text in (EARLIEST, LATEST):
        return "-infinity" if text == EARLIEST else "infinity"
    is_after_the_second = text.endswith("~")
    at = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    try:
        return at + timedelta(seconds=1) if is_after_the_second else at
    except OverflowError:
        return "infinity"


def _counted_days(name: str, now: int, count: int) -> Days:
    return {
        "in_last_days": (now - count, now + 1),
        "in_next_days": (now, now + count + 1),
        "days_ago": (now - count, now - count + 1),
        "days_ahead": (now + count, now + count + 1),
        "before_days_ago": (0, now - count),
        "after_days_ago": (now - count + 1, ALWAYS),
        "before_days_ahead": (0, now + count),
        "after_days_ahead": (now + count + 1, ALWAYS),
    }[name]


def _calendar_days(name: str, today: date) -> Days:
    """ "this_week", "last_quarter" and so on."""
    which, _, unit = name.partition("_")
    shift = {"last": -1, "this": 0, "next": 1}[which]
    if unit == "week":
        monday = today.toordinal() - today.weekday() + 7 * shift
        return monday, monday + 7
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = today.replace(day=1, month=(today.month - 1) // months * months + 1)
    return _months_from(first, shift * months), _months_from(first, (shift + 1) * months)


def _months_from(day: date, months: int) -> int:
    """The ordinal of the same day of another month, or of the last one there."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return 0 if year < 1 else ALWAYS
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1])).toordinal()


def _edge(ordinal: int, zone: ZoneInfo, is_date: bool) -> str:
    """Where a day begins."""
    if not 1 <= ordinal < ALWAYS:
        return LATEST if ordinal >= ALWAYS else EARLIEST
    day = date.fromordinal(ordinal)
    try:
        return day.isoformat() if is_date else f"{midnight(day, zone).replace(tzinfo=None).isoformat()}Z"
    except OverflowError:
        return LATEST if day.year > 5_000 else EARLIEST


def _day_or_second(text: str, edge: Callable[[int], str], zone: ZoneInfo) -> Span:
    """A day stands for all of it, a moment for its second; one without an offset is what the clock of `zone` shows."""
    if len(text) == len("YYYY-MM-DD"):
        ordinal = date.fromisoformat(text).toordinal()
        return edge(ordinal), edge(ordinal + 1)
    if not text.endswith("Z"):
        text = f"{resolve(datetime.fromisoformat(text), zone).at.replace(tzinfo=None).isoformat()}Z"
    return text, f"{text[:-1]}~"  # "2027-01-31T10:00:00~" comes after "...00Z" and before "...01Z"
