"""When a flow may act: the sending window of its weekdays, and the dates on which its actions pause."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling.reading import WEEKDAYS, Reader, ReadingError
from scheduling.zones import ONE_DAY, day_exists, local_date, midnight, resolve

MOST_RANGES = 10
SEARCHED_DAYS = 22  # two weeks and a day would do: a clock change can swallow a range once
MOST_PAUSE_DATES = 300  # fewer than a year has days, so that a free day always comes


class WindowError(ReadingError):
    """A sending window that cannot be read; `errors` holds (path, message), as in ("monday.0.end", ...)."""


class PauseDatesError(ReadingError):
    """Pause dates that cannot be read; `errors` holds (path, message), as in ("0.date", ...)."""


@dataclass(frozen=True, order=True)
class TimeRange:
    """Local times of day, `end` excluded; an `end` before `start` lies on the next day."""

    start: time
    end: time

    def as_json(self) -> dict[str, str]:
        """The JSON it was read from."""
        return {"start": self.start.isoformat("minutes"), "end": self.end.isoformat("minutes")}


@dataclass(frozen=True)
class SendingWindow:
    """The hours in which a flow sends: {"monday": [{"start": "08:00", "end": "17:00"}], ...}."""

    ranges: tuple[tuple[TimeRange, ...], ...]  # by weekday, Monday first

    @classmethod
    def parse(cls, data: object) -> "SendingWindow":
        """The window that the JSON `data` describes. Raises WindowError with every fault at once."""
        reader = Reader()
        given = reader.known(data, WEEKDAYS)
        ranges = tuple(
            tuple(sorted(reader.several(name, given[name], partial(_time_range, reader), most=MOST_RANGES)))
            if given.get(name)
            else ()
            for name in WEEKDAYS
        )
        if not reader.errors and not any(ranges):
            reader.refuse("", _("Choose hours on at least one weekday."))
        if reader.errors:
            raise WindowError(reader.errors)
        return cls(ranges)

    def as_json(self) -> dict[str, Any]:
        """The JSON that `parse()` reads back to an equal window."""
        by_name = zip(WEEKDAYS, self.ranges, strict=True)
        return {name: [each.as_json() for each in ranges] for name, ranges in by_name if ranges}

    def next_open(self, at: datetime, zone: ZoneInfo) -> datetime:
        """`at` (UTC) while the window is open in `zone`, else the moment it opens next."""
        yesterday = local_date(at, zone) - ONE_DAY  # its hours may reach over midnight
        days = (yesterday + ONE_DAY * number for number in range(SEARCHED_DAYS))
        openings = (opening for day in days for opening in self._openings(day, zone))
        ahead = (max(opens, at) for opens, closes in openings if opens < closes and closes > at)
        return min(ahead).astimezone(UTC)

    def _openings(self, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
        if not day_exists(day, zone):
            return []
        return [
            (
                resolve(datetime.combine(day, each.start), zone).at,
                resolve(datetime.combine(day if each.start < each.end else day + ONE_DAY, each.end), zone).at,
            )
            for each in self.ranges[day.weekday()]
        ]


def _time_range(reader: Reader, path: str, value: object) -> TimeRange | None:
    data = reader.known(value, ("start", "end"), path=path)
    if not isinstance(value, dict):
        return None
    start = reader.clock_time(f"{path}.start", data.get("start"))
    end = reader.clock_time(f"{path}.end", data.get("end"))
    if start is None or end is None:
        return None
    if start == end:
        reader.refuse(f"{path}.end", _("The end must differ from the start."))
    return TimeRange(start, end)


@dataclass(frozen=True)
class PauseDate:
    """One local day, or with `every_year` that day in every year."""

    day: date
    every_year: bool

    def covers(self, day: date) -> bool:
        """Whether `day` is the day."""
        same_day = (self.day.month, self.day.day) == (day.month, day.day)
        return same_day and (self.every_year or self.day.year == day.year)


@dataclass(frozen=True)
class PauseDates:
    """Local days on which actions wait: [{"date": "2027-12-24", "every_year": true}, ...]."""

    dates: tuple[PauseDate, ...] = ()

    @classmethod
    def parse(cls, data: object) -> "PauseDates":
        """The dates that the JSON `data` describes. Raises PauseDatesError with every fault at once."""
        reader = Reader()
        read_date = partial(_pause_date, reader)
        dates = reader.several("", data, read_date, most=MOST_PAUSE_DATES) if data != [] else []
        if reader.errors:
            raise PauseDatesError(reader.errors)
        return cls(tuple(dates))

    def as_json(self) -> list[dict[str, Any]]:
        """The JSON that `parse()` reads back to equal dates."""
        return [{"date": each.day.isoformat(), "every_year": each.every_year} for each in self.dates]

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether the local day of `at` in `zone` is a pause date."""
        return self._covers(local_date(at, zone))

    def next_free(self, at: datetime, zone: ZoneInfo) -> datetime:
        """`at` (UTC) when no pause date holds it, else the start of the next local day that is free."""
        if not self.holds(at, zone):
            return at.astimezone(UTC)
        day = local_date(at, zone)
        while self._covers(day) or not day_exists(day, zone):
            day += ONE_DAY
        return midnight(day, zone)

    def _covers(self, day: date) -> bool:
        return any(each.covers(day) for each in self.dates)


def _pause_date(reader: Reader, path: str, value: object) -> PauseDate | None:
    data = reader.known(value, ("date", "every_year"), path=path)
    if not isinstance(value, dict):
        return None
    day = reader.day(f"{path}.date", data.get("date"))
    every_year = data.get("every_year", False)
    if not isinstance(every_year, bool):
        reader.refuse(f"{path}.every_year", _("Write true or false."))
    return None if day is None else PauseDate(day, every_year is True)
