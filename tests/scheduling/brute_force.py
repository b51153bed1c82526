"""A slow second opinion on recurrences, from their JSON: it asks every day whether it counts.

It shares nothing with the package, so that a fault would have to be made twice.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

DAY_NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}


def runs(data: dict[str, Any], first: date, last: date) -> dict[datetime, datetime]:
    """Each instant (UTC) from the local dates `first` to `last`, and the naive local time asked for."""
    found: dict[datetime, datetime] = {}
    zone = ZoneInfo(data["time_zone"])
    offsets = _offsets(zone, first, last)
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        if counts(data, day) and _exists(day, zone, offsets):
            for clock in data["times"]:
                wanted = datetime.combine(day, time.fromisoformat(clock))
                found[instant(wanted, zone, offsets)] = wanted
    return found


def counts(data: dict[str, Any], day: date) -> bool:
    """Whether the recurrence has the local date `day`."""
    text = day.isoformat()
    if data["frequency"] == "once":
        return data["on"] == text
    if text < data.get("starts_on", "") or text > data.get("ends_on", "9") or text in data.get("excluded_dates", []):
        return False
    if not _in_turn(data, day):
        return False
    match data["frequency"]:
        case "daily":
            return True
        case "weekly":
            return DAY_NAMES[day.weekday()] in data["weekdays"]
        case "yearly":
            return day.month == data["month"] and _is_day(data, day, data["day"])
        case _:
            if "days" in data:
                return any(_is_day(data, day, number) for number in data["days"])
            return any(_is_flexible(day, choice) for choice in data["flexible"])


def _in_turn(data: dict[str, Any], day: date) -> bool:
    """Whether the interval, walked period by period from the start, meets the period of `day`."""
    interval = data.get("interval", 1)
    if interval == 1:
        return True
    start = date.fromisoformat(data["starts_on"])
    match data["frequency"]:
        case "daily":
            return (day - start).days % interval == 0
        case "weekly":
            monday = start
            while monday.weekday() != 0:
                monday -= timedelta(days=1)
            return (day - monday).days // 7 % interval == 0
        case "monthly":
            return ((day.year - start.year) * 12 + day.month - start.month) % interval == 0
        case _:
            return (day.year - start.year) % interval == 0


def _is_day(data: dict[str, Any], day: date, number: int) -> bool:
    is_last_of_month = (day + timedelta(days=1)).day == 1
    clamped = data.get("short_month") == "last_day" and is_last_of_month and day.day < number
    return day.day == number or clamped


def _is_flexible(day: date, choice: dict[str, str]) -> bool:
    month = [date(day.year, day.month, number) for number in range(1, 29)]
    while (month[-1] + timedelta(days=1)).month == day.month:
        month.append(month[-1] + timedelta(days=1))
    wanted = choice["day"]
    matching = [
        each
        for each in month
        if wanted == "day" or (wanted == "working_day" and each.weekday() < 5) or DAY_NAMES[each.weekday()] == wanted
    ]
    return matching[ORDINALS[choice["ordinal"]]] == day


def instant(wanted: datetime, zone: ZoneInfo, offsets: set[timedelta]) -> datetime:
    """The first instant at which the wall shows `wanted`; in a gap as long after its start as `wanted` is."""
    shown = _showing(wanted, zone, offsets)
    if shown:
        return min(shown)
    before = wanted
    while not (shown := _showing(before, zone, offsets)):
        before -= timedelta(minutes=1)
    return max(shown) + (wanted - before)


def _showing(wanted: datetime, zone: ZoneInfo, offsets: set[timedelta]) -> list[datetime]:
    candidates = [(wanted - offset).replace(tzinfo=UTC) for offset in offsets]
    return [at for at in candidates if at.astimezone(zone).replace(tzinfo=None) == wanted]


def _exists(day: date, zone: ZoneInfo, offsets: set[timedelta]) -> bool:
    quarters = [datetime.combine(day, time(quarter // 4, quarter % 4 * 15)) for quarter in range(96)]
    return any(_showing(quarter, zone, offsets) for quarter in quarters)


def _offsets(zone: ZoneInfo, first: date, last: date) -> set[timedelta]:
    """Every distance from UTC that the zone keeps around these dates."""
    noon = datetime.combine(first, time(12), UTC) - timedelta(days=3)
    moments = [noon + timedelta(days=number) for number in range((last - first).days + 7)]
    return {offset for moment in moments if (offset := moment.astimezone(zone).utcoffset()) is not None}


def are_increasing(moments: list[datetime]) -> bool:
    """Strictly."""
    return all(earlier < later for earlier, later in pairwise(moments))
