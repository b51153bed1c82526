"""Which dates a recurrence gives, in labelled tables, and which of them are asked for."""

from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest

from scheduling.recurrence import next_run, runs_after, runs_between
from tests.scheduling.schedules import NEW_YEAR, instants, local_times, recurrence, utc

EVERY_DAY_31 = ["01-31", "03-31", "05-31", "07-31", "08-31", "10-31", "12-31"]
EVERY_LAST_DAY = [
    "01-31", "02-28", "03-31", "04-30", "05-31", "06-30",
    "07-31", "08-31", "09-30", "10-31", "11-30", "12-31",
]  # fmt: skip


def monthly(**given: Any) -> dict[str, Any]:
    return {"frequency": "monthly", **given}


def flexible(ordinal: str, day: str, **given: Any) -> dict[str, Any]:
    return monthly(flexible={"ordinal": ordinal, "day": day}, **given)


DATES_IN_2027 = [
    ("the 31st is skipped in shorter months", monthly(days=[31]), EVERY_DAY_31),
    ("the 31st or else the last day", monthly(days=[31], short_month="last_day"), EVERY_LAST_DAY),
    ("the last day", flexible("last", "day"), EVERY_LAST_DAY),
    ("the first day", flexible("first", "day"), [f"{month:02}-01" for month in range(1, 13)]),
    ("the first Monday", flexible("first", "monday"), ["01-04", "02-01", "03-01", "04-05", "05-03", "06-07"]),
    ("the last Friday", flexible("last", "friday"), ["01-29", "02-26", "03-26", "04-30", "05-28", "06-25"]),
    (
        "the last working day",
        flexible("last", "working_day"),
        ["01-29", "02-26", "03-31", "04-30", "05-31", "06-30"],
    ),
    (
        "the first working day",
        flexible("first", "working_day"),
        ["01-01", "02-01", "03-01", "04-01", "05-03", "06-01"],
    ),
    ("the second Tuesday", flexible("second", "tuesday"), ["01-12", "02-09", "03-09"]),
    ("the third Sunday", flexible("third", "sunday"), ["01-17", "02-21", "03-21"]),
    ("the fourth day", flexible("fourth", "day"), ["01-04", "02-04"]),
    ("the fourth Thursday", flexible("fourth", "thursday"), ["01-28", "02-25", "03-25"]),
    (
        "two choices of a month, one date when they meet",
        monthly(flexible=[{"ordinal": "first", "day": "friday"}, {"ordinal": "first", "day": "working_day"}]),
        ["01-01", "02-01", "02-05", "03-01", "03-05"],
    ),
    (
        "several days of a month",
        monthly(days=[31, 1, 15]),
        ["01-01", "01-15", "01-31", "02-01", "02-15", "03-01"],
    ),
    ("the 30th never comes in February", monthly(days=[30]), ["01-30", "03-30"]),
    (
        "the 29th to 31st meet on the last day",
        monthly(days=[29, 30, 31], short_month="last_day"),
        ["01-29", "01-30", "01-31", "02-28", "03-29"],
    ),
    (
        "every quarter, counted from its start date",
        monthly(days=[15], interval=3, starts_on="2027-02-20"),
        ["05-15", "08-15", "11-15"],
    ),
    (
        "every quarter on the 31st",
        monthly(days=[31], interval=3, starts_on="2027-01-01"),
        ["01-31", "07-31", "10-31"],
    ),
    ("every third day", {"interval": 3, "starts_on": "2026-12-31"}, ["01-03", "01-06", "01-09"]),
    (
        "weekdays in the order of the week",
        {"frequency": "weekly", "weekdays": ["thursday", "monday"]},
        ["01-04", "01-07", "01-11", "01-14"],
    ),
    (
        "every second week counts from the Monday of its start, a Sunday",
        {"frequency": "weekly", "weekdays": ["monday", "sunday"], "interval": 2, "starts_on": "2027-01-10"},
        ["01-10", "01-18", "01-24", "02-01"],
    ),
    (
        "every second week starting on a Monday",
        {"frequency": "weekly", "weekdays": ["monday", "sunday"], "interval": 2, "starts_on": "2027-01-11"},
        ["01-11", "01-17", "01-25", "01-31"],
    ),
    ("yearly", {"frequency": "yearly", "month": 7, "day": 4}, ["07-04"]),
    ("once", {"frequency": "once", "on": "2027-01-31"}, ["01-31"]),
    (
        "start and end belong to it",
        {"starts_on": "2027-06-29", "ends_on": "2027-07-01"},
        ["06-29", "06-30", "07-01"],
    ),
    (
        "excluded dates are left out",
        {"starts_on": "2027-12-23", "excluded_dates": ["2027-12-24", "2027-12-25"]},
        ["12-23", "12-26", "12-27"],
    ),
    (
        "an excluded date does not shift the interval",
        {"interval": 2, "starts_on": "2027-03-01", "excluded_dates": ["2027-03-03"]},
        ["03-01", "03-05", "03-07"],
    ),
]


@pytest.mark.parametrize(("label", "given", "dates"), DATES_IN_2027, ids=[row[0] for row in DATES_IN_2027])
def test_the_dates_of_2027(label: str, given: dict[str, Any], dates: list[str]) -> None:
    runs = runs_after(recurrence(**given), NEW_YEAR, limit=len(dates))
    assert local_times(runs) == [f"2027-{day} 15:00" for day in dates], label


OTHER_YEARS = [
    (
        "29 February comes in leap years",
        {"frequency": "yearly", "month": 2, "day": 29},
        ["2028-02-29", "2032-02-29", "2036-02-29"],
    ),
    (
        "29 February or else the 28th",
        {"frequency": "yearly", "month": 2, "day": 29, "short_month": "last_day"},
        ["2027-02-28", "2028-02-29", "2029-02-28"],
    ),
    (
        "29 February every third year",
        {"frequency": "yearly", "month": 2, "day": 29, "interval": 3, "starts_on": "2027-01-01"},
        ["2036-02-29", "2048-02-29", "2060-02-29"],
    ),
    (
        "every second year from an odd one",
        {"frequency": "yearly", "month": 7, "day": 4, "interval": 2, "starts_on": "2025-08-01"},
        ["2027-07-04", "2029-07-04"],
    ),
    (
        "every fifth month across years",
        {"frequency": "monthly", "days": [1], "interval": 5, "starts_on": "2026-10-01"},
        ["2027-03-01", "2027-08-01", "2028-01-01"],
    ),
    (
        "weeks counted across a change of year",
        {"frequency": "weekly", "weekdays": ["friday"], "interval": 3, "starts_on": "2026-12-18"},
        ["2027-01-08", "2027-01-29"],
    ),
    (
        "2100 has no leap day",
        {"frequency": "yearly", "month": 2, "day": 29, "starts_on": "2095-01-01"},
        ["2096-02-29", "2104-02-29"],
    ),
]


@pytest.mark.parametrize(("label", "given", "dates"), OTHER_YEARS, ids=[row[0] for row in OTHER_YEARS])
def test_dates_across_years(label: str, given: dict[str, Any], dates: list[str]) -> None:
    runs = runs_after(recurrence(**given), NEW_YEAR, limit=len(dates))
    assert local_times(runs) == [f"{day} 15:00" for day in dates], label


def test_the_next_run_lies_strictly_after() -> None:
    schedule = recurrence(times=["08:00", "15:00"])
    at_eight = utc("2027-01-01T07:00")
    assert next_run(schedule, at_eight - timedelta(microseconds=1)) == at_eight
    assert next_run(schedule, at_eight) == utc("2027-01-01T14:00")


def test_a_moment_in_any_zone_is_understood_and_the_answer_is_utc() -> None:
    after = datetime.fromisoformat("2027-01-01T15:30:00+02:00")
    answer = next_run(recurrence(), after)
    assert answer == utc("2027-01-01T14:00")
    assert answer is not None and answer.tzinfo is UTC


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        next_run(recurrence(), datetime(2027, 1, 1))  # noqa: DTZ001


def test_a_recurrence_ends() -> None:
    schedule = recurrence(ends_on="2027-01-02")
    assert local_times(runs_after(schedule, NEW_YEAR, limit=10)) == ["2027-01-01 15:00", "2027-01-02 15:00"]
    assert next_run(schedule, utc("2027-01-02T14:00")) is None
    assert next_run(recurrence(frequency="once", on="2027-01-01"), utc("2027-01-01T14:00")) is None


def test_excluding_every_date_leaves_no_run() -> None:
    schedule = recurrence(starts_on="2027-01-01", ends_on="2027-01-02", excluded_dates=["2027-01-01", "2027-01-02"])
    assert next_run(schedule, NEW_YEAR) is None


def test_runs_between_takes_both_ends_oldest_first() -> None:
    runs = runs_between(recurrence(), utc("2027-01-01T14:00"), utc("2027-01-03T14:00"), limit=10)
    assert instants(runs) == ["2027-01-01 14:00", "2027-01-02 14:00", "2027-01-03 14:00"]


def test_runs_between_keeps_the_newest_when_there_are_more() -> None:
    runs = runs_between(recurrence(), utc("2026-01-01"), utc("2027-01-03T13:59"), limit=2)
    assert instants(runs) == ["2027-01-01 14:00", "2027-01-02 14:00"]


def test_runs_between_of_an_empty_span_is_empty() -> None:
    assert runs_between(recurrence(), utc("2027-01-01T14:01"), utc("2027-01-02T13:59"), limit=5) == []


@pytest.mark.parametrize("given", [row[1] for row in DATES_IN_2027 + OTHER_YEARS])
def test_the_next_run_is_found_in_about_a_millisecond(given: dict[str, Any]) -> None:
    schedule = recurrence(**given)
    durations = []
    for hours in range(20):
        began = perf_counter()
        next_run(schedule, NEW_YEAR + timedelta(hours=hours))
        durations.append(perf_counter() - began)
    assert min(durations) < 0.001


def test_a_recurrence_that_lost_its_dates_is_given_up_in_bounded_time() -> None:
    schedule = recurrence(excluded_dates=[date(2027, 1, day).isoformat() for day in range(1, 32)], ends_on="2027-01-31")
    assert next_run(schedule, NEW_YEAR) is None
    assert next_run(recurrence(), utc("2999-12-31T14:00")) is None
