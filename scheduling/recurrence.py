"""When a schedule runs: a recurrence of local dates and times in a time zone, and the runs it gives."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling.dates import dates_from
from scheduling.parsing import FlexibleDay, read
from scheduling.reading import FIRST_DAY, WEEKDAYS, ReadingError
from scheduling.zones import ONE_DAY, day_exists, local_date, resolve


class RecurrenceError(ReadingError):
    """A recurrence that cannot be read; `errors` holds (path, message), a path being such as "times.0"."""


@dataclass(frozen=True)
class Recurrence:
    """A checked recurrence. Its JSON, with every setting that a frequency knows:

        {"frequency": "daily" | "weekly" | "monthly" | "yearly" | "once",
         "times": ["15:00", ...],                      one for "once"
         "time_zone": "Europe/Oslo",
         "weekdays": ["monday", ...],                  weekly
         "days": [1, ..., 31],                         monthly: either these
         "flexible": {"ordinal": "first" | "second" | "third" | "fourth" | "last",
                      "day": "day" | "monday" | ... | "sunday" | "working_day"},
                                                       monthly: or this, or a list of such choices
         "month": 1-12, "day": 1-31,                   yearly
         "on": "2027-01-31",                           once
         "short_month": "skip" | "last_day",           monthly with days, and yearly; "skip" when missing
         and all but "once":
         "interval": 1,                                every n days, weeks (from Monday), months or years,
         "starts_on": "2027-01-01",                    counted from this date; needed when n > 1
         "ends_on": "2027-12-31", "excluded_dates": ["2027-12-24", ...]}

    Start, end and excluded dates are local and inclusive. A date that does not exist is skipped unless
    `short_month` says last day. A time that the clock skips runs later by the skipped length, one that it
    shows twice runs the first time, and a day that the zone left out has no runs.
    """

    frequency: str
    times: tuple[time, ...]
    time_zone: str
    weekdays: tuple[int, ...] = ()  # Monday is 0
    days: tuple[int, ...] = ()
    flexible: tuple[FlexibleDay, ...] = ()
    month: int | None = None
    day: int | None = None
    on: date | None = None
    short_month: str = "skip"
    interval: int = 1
    starts_on: date | None = None
    ends_on: date | None = None
    excluded_dates: frozenset[date] = frozenset()

    @classmethod
    def parse(cls, data: object) -> "Recurrence":
        """The recurrence that the JSON `data` describes. Raises RecurrenceError with every fault at once."""
        values, errors = read(data)
        if errors:
            raise RecurrenceError(errors)
        recurrence = cls(**values)
        if not recurrence.has_dates:
            raise RecurrenceError([("interval", _("This never runs: none of its dates exists in any year."))])
        return recurrence

    def as_json(self) -> dict[str, Any]:
        """The JSON that `parse()` reads back to an equal recurrence, defaults filled in."""
        choices = [{"ordinal": choice.ordinal, "day": choice.day} for choice in self.flexible]
        own: dict[str, Any] = {
            "weekdays": [WEEKDAYS[weekday] for weekday in self.weekdays],
            "days": list(self.days),
            "flexible": choices[0] if len(choices) == 1 else choices,
            "month": self.month,
            "day": self.day,
            "on": self.on and self.on.isoformat(),
            "short_month": self.short_month if self.days_of_month else None,
            "starts_on": self.starts_on and self.starts_on.isoformat(),
            "ends_on": self.ends_on and self.ends_on.isoformat(),
        }
        repeating = {
            "interval": self.interval,
            "excluded_dates": [day.isoformat() for day in sorted(self.excluded_dates)],
        }
        return {
            "frequency": self.frequency,
            "times": [clock.isoformat("minutes") for clock in self.times],
            "time_zone": self.time_zone,
            **({} if self.frequency == "once" else repeating),
            **{name: value for name, value in own.items() if value},
        }

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that dates and times are local to."""
        return ZoneInfo(self.time_zone)

    @property
    def days_of_month(self) -> tuple[int, ...]:
        """The days, 1 to 31, named by number: of a monthly or a yearly recurrence."""
        return self.days if self.day is None else (self.day,)

    @property
    def has_dates(self) -> bool:
        """False when none of its dates can exist, as with 29 February every fourth year from 2027."""
        endless = replace(self, ends_on=None, excluded_dates=frozenset())
        return next(dates_from(endless, self.starts_on or FIRST_DAY), None) is not None


@dataclass(frozen=True)
class Run:
    """One moment of a recurrence: `at` in UTC, `local` the same moment in its time zone.

    `shifted`: the clock skipped the time asked for. `repeated`: the clock shows it twice, this is the first.
    """

    at: datetime
    local: datetime
    shifted: bool
    repeated: bool


def next_run(recurrence: Recurrence, after: datetime) -> datetime | None:
    """The first moment (UTC) strictly after `after`, or None when there is no more."""
    run = next(_runs_after(recurrence, after), None)
    return None if run is None else run.at


def runs_after(recurrence: Recurrence, after: datetime, *, limit: int) -> list[Run]:
    """The first `limit` runs strictly after `after`."""
    return list(islice(_runs_after(recurrence, after), limit))


def runs_between(recurrence: Recurrence, start: datetime, end: datetime, *, limit: int) -> list[Run]:
    """The runs from `start` to `end`, both included, oldest first; of more than `limit` the newest."""
    runs = (run for run in _runs(recurrence, local_date(start, recurrence.zone) - ONE_DAY) if run.at >= start)
    return list(deque(takewhile(lambda run: run.at <= end, runs), maxlen=limit))


def _runs_after(recurrence: Recurrence, after: datetime) -> Iterator[Run]:
    # A day back: a run whose time fell into a gap across midnight belongs to yesterday's date.
    start = local_date(after, recurrence.zone) - ONE_DAY
    return (run for run in _runs(recurrence, start) if run.at > after)


def _runs(recurrence: Recurrence, start: date) -> Iterator[Run]:
    """Every run of the dates from `start` on, in the order of their instants."""
    held: list[Run] = []
    for day in dates_from(recurrence, start):
        runs = _runs_on(recurrence, day)
        if held and runs and runs[0].at <= held[-1].at:  # a gap across midnight carried a run into this day
            held = _in_order(held + runs)
        else:
            yield from held
            held = runs
    yield from held


def _runs_on(recurrence: Recurrence, day: date) -> list[Run]:
    zone = recurrence.zone
    runs = []
    for clock in recurrence.times:
        instant = resolve(datetime.combine(day, clock), zone)
        if instant.shifted and not day_exists(day, zone):
            return []
        runs.append(Run(instant.at, instant.at.astimezone(zone), instant.shifted, instant.repeated))
    return _in_order(runs)


def _in_order(runs: list[Run]) -> list[Run]:
    """Sorted by instant. Two that land on one instant are one run, shifted if either is."""
    single: dict[datetime, Run] = {}
    for run in runs:
        if run.at not in single or run.shifted:
            single[run.at] = run
    return [single[at] for at in sorted(single)]
