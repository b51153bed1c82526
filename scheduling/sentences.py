"""A recurrence in words: its sentence, and warnings about runs that come otherwise than one may expect."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling import words
from scheduling.dates import period_number
from scheduling.reading import LAST_DAY
from scheduling.recurrence import Recurrence, Run, next_run, runs_between
from scheduling.zones import ONE_DAY, clock_changes, local_date, midnight

MOST_EXCLUDED_DATES = 3  # more are counted, not named
SHORT_MONTHS = {29: {2}, 30: {2}, 31: {2, 4, 6, 9, 11}}  # which months lack the day; 29: outside leap years


@dataclass(frozen=True)
class ScheduleWarning:
    """`code`: no_more_runs, months_without_run, only_leap_years or clock_change. `text`: for people."""

    code: str
    text: str


def sentence(recurrence: Recurrence) -> str:
    """The recurrence in the active language: "Every last Friday of the month at 15:00, Europe/Oslo"."""
    text = _("{when} at {times}, {zone}").format(
        when=_WHEN[recurrence.frequency](recurrence),
        times=words.clock_times(recurrence.times),
        zone=recurrence.time_zone,
    )
    for clause in _clauses(recurrence):
        text = _("{sentence}, {clause}").format(sentence=text, clause=clause)
    return text


def warnings(recurrence: Recurrence, after: datetime, *, years: int = 2) -> list[ScheduleWarning]:
    """What to know before turning it on; clock changes within `years` from `after`."""
    following = next_run(recurrence, after)
    if following is None:
        return [ScheduleWarning("no_more_runs", _("This schedule has no more runs"))]
    date_of_next = local_date(following, recurrence.zone)
    return [*_missing_dates(recurrence, date_of_next), *_clock_changes(recurrence, after, years)]


def _daily(recurrence: Recurrence) -> str:
    match recurrence.interval:
        case 1:
            return _("Every day")
        case 2:
            return _("Every second day")
        case interval:
            return _("Every {rank} day").format(rank=words.rank(interval))


def _weekly(recurrence: Recurrence) -> str:
    weekdays = words.weekday_names(recurrence.weekdays)
    match recurrence.interval:
        case 1:
            every_day = len(recurrence.weekdays) == 7
            return _("Every day") if every_day else _("Every {weekdays}").format(weekdays=weekdays)
        case 2:
            return _("Every second week on {weekdays}").format(weekdays=weekdays)
        case interval:
            return _("Every {rank} week on {weekdays}").format(rank=words.rank(interval), weekdays=weekdays)


def _monthly(recurrence: Recurrence) -> str:
    if recurrence.flexible:
        return _monthly_flexible(recurrence)
    days = words.listed(words.nth(day) for day in recurrence.days)
    match recurrence.interval:
        case 1:
            return _("Every month on the {days}").format(days=days)
        case 2:
            return _("Every second month on the {days}").format(days=days)
        case interval:
            return _("Every {rank} month on the {days}").format(rank=words.rank(interval), days=days)


def _monthly_flexible(recurrence: Recurrence) -> str:
    choices = words.listed(words.flexible_day(choice) for choice in recurrence.flexible)
    match recurrence.interval:
        case 1:
            return _("Every {flexible_days} of the month").format(flexible_days=choices)
        case 2:
            return _("Every second month on the {flexible_days}").format(flexible_days=choices)
        case interval:
            phrase = _("Every {rank} month on the {flexible_days}")
            return phrase.format(rank=words.rank(interval), flexible_days=choices)


def _yearly(recurrence: Recurrence) -> str:
    day = words.day_of_year(recurrence.month or 1, recurrence.day or 1)
    match recurrence.interval:
        case 1:
            return _("Every year on {date}").format(date=day)
        case 2:
            return _("Every second year on {date}").format(date=day)
        case interval:
            return _("Every {rank} year on {date}").format(rank=words.rank(interval), date=day)


def _once(recurrence: Recurrence) -> str:
    return _("Once on {date}").format(date=words.full_date(recurrence.on) if recurrence.on else "")


_WHEN = {"daily": _daily, "weekly": _weekly, "monthly": _monthly, "yearly": _yearly, "once": _once}


def _clauses(recurrence: Recurrence) -> list[str]:
    """What follows the time zone, each after a comma."""
    clauses = []
    if recurrence.short_month == "last_day" and max(recurrence.days_of_month, default=0) > 28:
        if recurrence.frequency == "monthly":
            clauses.append(_("in shorter months on the last day"))
        elif recurrence.month == 2:
            clauses.append(_("in other years on {date}").format(date=words.day_of_year(2, 28)))
    if recurrence.starts_on:
        clauses.append(_("from {date}").format(date=recurrence.starts_on))
    if recurrence.ends_on:
        clauses.append(_("until {date}").format(date=recurrence.ends_on))
    excluded = sorted(recurrence.excluded_dates)
    if len(excluded) > MOST_EXCLUDED_DATES:
        phrase = ngettext("except on {count} date", "except on {count} dates", len(excluded))
        clauses.append(phrase.format(count=len(excluded)))
    elif excluded:
        clauses.append(_("except {dates}").format(dates=words.listed(day.isoformat() for day in excluded)))
    return clauses


def _missing_dates(recurrence: Recurrence, following: date) -> Iterable[ScheduleWarning]:
    """Dates that do not exist and are skipped; `following` is the date of the next run."""
    if recurrence.short_month == "last_day":
        return
    if (recurrence.month, recurrence.day) == (2, 29):
        next_date = words.full_date(following)
        text = _("29 February comes only in leap years: the next run is on {date}").format(date=next_date)
        yield ScheduleWarning("only_leap_years", text)
    months_ahead = _months_ahead(recurrence, following) if recurrence.days else set()
    for day in recurrence.days:
        months = sorted(months_ahead & SHORT_MONTHS.get(day, set()))
        if months and day == 29:
            yield ScheduleWarning("only_leap_years", _("In February the 29th comes only in leap years"))
        elif months and len(recurrence.days) == 1:
            text = _("No run in {months}").format(months=words.short_months(months))
            yield ScheduleWarning("months_without_run", text)
        elif months:
            text = _("No run on the {day} in {months}")
            text = text.format(day=words.nth(day), months=words.short_months(months))
            yield ScheduleWarning("months_without_run", text)


def _months_ahead(recurrence: Recurrence, following: date) -> set[int]:
    """The months, 1 to 12, that a monthly recurrence comes to, from its next run to its end."""
    first = period_number("monthly", following)
    last = min(first + 11 * recurrence.interval, period_number("monthly", recurrence.ends_on or LAST_DAY))
    return {number % 12 + 1 for number in range(first, last + 1, recurrence.interval)}


def _clock_changes(recurrence: Recurrence, after: datetime, years: int) -> Iterable[ScheduleWarning]:
    first = local_date(after, recurrence.zone)
    for day in clock_changes(recurrence.zone, first, first + timedelta(days=366 * years)):
        # To the end of the next day: where the clock skips the hour before midnight, the runs land there.
        start, end = midnight(day, recurrence.zone), midnight(day + 2 * ONE_DAY, recurrence.zone)
        runs = [run for run in runs_between(recurrence, start, end, limit=200) if run.at > after]
        shifted, repeated = [run for run in runs if run.shifted], [run for run in runs if run.repeated]
        if shifted:
            phrase = ngettext(
                "The run on {date} falls in a clock change: it runs at {times}",
                "The runs on {date} fall in a clock change: they run at {times}",
                len(shifted),
            )
            yield _clock_change(phrase, shifted)
        if repeated:
            phrase = ngettext(
                "On {date} the clock shows {times} twice: the run is made once, the first time",
                "On {date} the clock shows {times} twice: each run is made once, the first time",
                len(repeated),
            )
            yield _clock_change(phrase, repeated)


def _clock_change(phrase: str, runs: list[Run]) -> ScheduleWarning:
    times: Iterable[time] = (run.local.time() for run in runs)
    text = phrase.format(date=words.full_date(runs[0].local.date()), times=words.clock_times(times))
    return ScheduleWarning("clock_change", text)
