"""Any recurrence agrees with a slow second opinion, run for run."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.recurrence import Recurrence, RecurrenceError, next_run, runs_after, runs_between
from tests.scheduling import brute_force

ZONES = [
    "UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo",
    "America/Nuuk", "America/Havana", "America/Sao_Paulo", "Asia/Kathmandu", "Africa/Casablanca",
]  # fmt: skip
SPAN = timedelta(days=400)
dates = st.dates(date(2009, 1, 1), date(2031, 12, 31)) | st.dates(date(2011, 11, 1), date(2012, 1, 31))
near_midnight_or_night = st.sampled_from([time(0), time(0, 30), time(1, 45), time(2), time(2, 30), time(23, 30)])
clock_times = (near_midnight_or_night | st.times()).map(lambda clock: clock.strftime("%H:%M"))
choices = st.fixed_dictionaries(
    {
        "ordinal": st.sampled_from(list(brute_force.ORDINALS)),
        "day": st.sampled_from(["day", "working_day", *brute_force.DAY_NAMES]),
    }
)
short_months = st.sampled_from(["skip", "last_day"])


@st.composite
def recurrences(draw: st.DrawFn) -> tuple[dict[str, Any], date]:
    """The JSON of a recurrence and a date near which it has something to show."""
    frequency = draw(st.sampled_from(["daily", "weekly", "monthly", "flexible", "yearly", "once"]))
    around = draw(dates)
    data: dict[str, Any] = {"frequency": frequency, "time_zone": draw(st.sampled_from(ZONES))}
    data["times"] = draw(st.lists(clock_times, min_size=1, max_size=1 if frequency == "once" else 3))
    match frequency:
        case "weekly":
            data["weekdays"] = draw(st.lists(st.sampled_from(brute_force.DAY_NAMES), min_size=1, max_size=3))
        case "monthly":
            days = st.integers(1, 31) | st.integers(28, 31)
            data |= {"days": draw(st.lists(days, min_size=1, max_size=3)), "short_month": draw(short_months)}
        case "flexible":
            data |= {"frequency": "monthly", "flexible": draw(st.lists(choices, min_size=1, max_size=3))}
        case "yearly":
            leap_day = draw(st.booleans())
            day = date(2028, 2, 29) if leap_day else draw(dates)
            data |= {"month": day.month, "day": day.day, "short_month": draw(short_months)}
        case "once":
            return {**data, "on": (around + timedelta(days=draw(st.integers(0, 3)))).isoformat()}, around
    offset = st.integers(-500, 30).map(lambda days: around + timedelta(days=days))
    if draw(st.booleans()):
        data |= {"interval": draw(st.integers(1, 5)), "starts_on": draw(offset).isoformat()}
    if draw(st.booleans()):
        end = (around + timedelta(days=draw(st.integers(0, 300)))).isoformat()
        data["ends_on"] = max(end, data.get("starts_on", ""))
    excluded = draw(st.lists(st.integers(0, 30), max_size=5))
    data["excluded_dates"] = [(around + timedelta(days=days)).isoformat() for days in excluded]
    return data, around


@settings(max_examples=150, deadline=None)
@given(recurrences())
def test_runs_are_those_of_the_second_opinion(drawn: tuple[dict[str, Any], date]) -> None:
    data, around = drawn
    start = datetime.combine(around, time(), UTC)
    end = start + SPAN
    wanted = brute_force.runs(data, around - timedelta(days=2), (end + timedelta(days=2)).date())
    expected = sorted(at for at in wanted if start <= at <= end)
    try:
        recurrence = Recurrence.parse(data)
    except RecurrenceError as error:
        assert [path for path, _ in error.errors] == ["interval"] and not expected
        return
    found = runs_between(recurrence, start, end, limit=10_000)
    assert [run.at for run in found] == expected
    assert brute_force.are_increasing([run.at for run in found])
    for run in found:
        assert run.at == run.local.astimezone(UTC)
        assert run.shifted or run.local.replace(tzinfo=None, fold=0) == wanted[run.at]


@settings(max_examples=100, deadline=None)
@given(recurrences(), st.timedeltas(timedelta(0), SPAN))
def test_step_by_step_gives_the_same_runs_as_all_at_once(drawn: tuple[dict[str, Any], date], into: timedelta) -> None:
    data, around = drawn
    try:
        recurrence = Recurrence.parse(data)
    except RecurrenceError:
        return
    moment: datetime | None = datetime.combine(around, time(), UTC) + into
    at_once = runs_after(recurrence, moment, limit=5) if moment else []
    one_by_one = []
    while moment is not None and len(one_by_one) < 5:
        moment = next_run(recurrence, moment)
        one_by_one += [moment] if moment else []
    assert one_by_one == [run.at for run in at_once]


@settings(max_examples=100, deadline=None)
@given(recurrences())
def test_json_survives_a_round_trip(drawn: tuple[dict[str, Any], date]) -> None:
    try:
        recurrence = Recurrence.parse(drawn[0])
    except RecurrenceError:
        return
    assert Recurrence.parse(recurrence.as_json()) == recurrence
