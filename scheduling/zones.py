"""Wall-clock times as instants: what a clock change makes of a local date and time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Instant:
    """When a wall-clock time happens: `at` in UTC.

    `shifted`: the clock skipped that time, and `at` lies the skipped length later (02:30 -> 03:30).
    `repeated`: the clock shows that time twice, and `at` is the first.
    """

    at: datetime
    shifted: bool
    repeated: bool


def resolve(local: datetime, zone: ZoneInfo) -> Instant:
    """The instant of the naive wall-clock time `local` in `zone`."""
    first = local.replace(tzinfo=zone, fold=0)
    offset, later_offset = first.utcoffset(), first.replace(fold=1).utcoffset()
    if offset is None or later_offset is None:
        raise ValueError(f"{zone} gives no offset for {local}.")
    return Instant(
        at=(local - offset).replace(tzinfo=UTC),
        shifted=offset < later_offset,
        repeated=offset > later_offset,
    )


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which the local `day` begins."""
    return resolve(datetime.combine(day, time.min), zone).at


def day_exists(day: date, zone: ZoneInfo) -> bool:
    """False for a day that the zone left out entirely, as Pacific/Apia did with 30 December 2011."""
    ends = (datetime.combine(day, clock) for clock in (time.min, time.max))
    return not all(resolve(end, zone).shifted for end in ends)


def clock_changes(zone: ZoneInfo, first: date, last: date) -> list[date]:
    """The days from `first` to `last` on which the clock of `zone` changes."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 2)]
    offsets = [datetime.combine(day, time.min, zone).utcoffset() for day in days]
    return [day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after]


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """The date on the wall in `zone` at the aware moment `at`."""
    if at.tzinfo is None:
        raise ValueError("A moment needs a time zone.")
    return at.astimezone(zone).date()
