"""What a recurrence's JSON may say, and what it is told when it says something else."""

from typing import Any

import pytest

from scheduling.recurrence import Recurrence, RecurrenceError
from tests.scheduling.schedules import recurrence, settings

MONDAY = {"ordinal": "first", "day": "monday"}


def paths(data: object) -> list[str]:
    with pytest.raises(RecurrenceError) as caught:
        Recurrence.parse(data)
    return [path for path, message in caught.value.errors if message]


def test_defaults_are_filled_in() -> None:
    data = settings(frequency="monthly", days=[31, 1, 31])
    assert Recurrence.parse(data).as_json() == {
        "frequency": "monthly",
        "times": ["15:00"],
        "time_zone": "Europe/Oslo",
        "interval": 1,
        "excluded_dates": [],
        "days": [1, 31],
        "short_month": "skip",
    }


@pytest.mark.parametrize(
    "given",
    [
        {
            "times": ["15:00", "08:00", "08:00"],
            "interval": 2,
            "starts_on": "2027-01-01",
            "ends_on": "2027-12-31",
        },
        {"excluded_dates": ["2027-12-25", "2027-12-24"]},
        {"frequency": "weekly", "weekdays": ["sunday", "monday"]},
        {"frequency": "monthly", "days": [31], "short_month": "last_day"},
        {"frequency": "monthly", "flexible": MONDAY},
        {"frequency": "monthly", "flexible": [MONDAY, {"ordinal": "last", "day": "working_day"}]},
        {"frequency": "yearly", "month": 2, "day": 29, "short_month": "last_day"},
        {"frequency": "once", "on": "2027-01-31"},
    ],
)
def test_json_comes_back_equal(given: dict[str, Any]) -> None:
    parsed = recurrence(**given)
    assert Recurrence.parse(parsed.as_json()) == parsed


def test_a_single_flexible_choice_stays_a_single_one() -> None:
    assert recurrence(frequency="monthly", flexible=MONDAY).as_json()["flexible"] == MONDAY


def test_empty_and_neutral_settings_of_other_frequencies_are_taken_for_missing() -> None:
    empty = {"weekdays": [], "days": None, "flexible": "", "month": None, "on": "", "short_month": "skip"}
    assert recurrence(**empty, starts_on="", ends_on=None) == recurrence()
    once = {"frequency": "once", "on": "2027-01-31"}
    assert recurrence(**once, interval=1, short_month="skip", excluded_dates=[]) == recurrence(**once)


REFUSED = [
    ("nothing at all", {}, ["frequency", "times", "time_zone"]),
    ("no object", [], [""]),
    ("an unknown key", settings(weekday="monday"), ["weekday"]),
    ("an unknown frequency", settings(frequency="hourly"), ["frequency"]),
    ("no times", settings(times=[]), ["times"]),
    ("times that are no list", settings(times="15:00"), ["times"]),
    ("bad times", settings(times=["15:00", "24:00", "8:00", 900]), ["times.1", "times.2", "times.3"]),
    ("times with other digits", settings(times=["1\N{ARABIC-INDIC DIGIT FIVE}:00"]), ["times.0"]),
    ("too many times", settings(times=["15:00"] * 97), ["times"]),
    ("two times once", settings(frequency="once", on="2027-01-31", times=["08:00", "09:00"]), ["times"]),
    ("an unknown zone", settings(time_zone="Europe/Olso"), ["time_zone"]),
    ("a folder of zones", settings(time_zone="Europe"), ["time_zone"]),
    ("a path", settings(time_zone="../UTC"), ["time_zone"]),
    ("a zone that is no text", settings(time_zone=1), ["time_zone"]),
    ("weekly without weekdays", settings(frequency="weekly"), ["weekdays"]),
    ("an unknown weekday", settings(frequency="weekly", weekdays=["monday", "mon"]), ["weekdays.1"]),
    ("weekdays of a daily one", settings(weekdays=["monday"]), ["weekdays"]),
    ("monthly without days", settings(frequency="monthly"), ["days"]),
    ("monthly with both kinds of days", settings(frequency="monthly", days=[1], flexible=MONDAY), ["days"]),
    ("days out of range", settings(frequency="monthly", days=[0, 31, 32, "1", True]),
     ["days.0", "days.2", "days.3", "days.4"]),
    ("a fifth Monday", settings(frequency="monthly", flexible={"ordinal": "fifth", "day": "monday"}),
     ["flexible.ordinal"]),
    ("bad choices in a list",
     settings(frequency="monthly", flexible=[MONDAY, {"ordinal": "first"}, "monday"]),
     ["flexible.1.day", "flexible.2"]),
    ("a stranger in a choice", settings(frequency="monthly", flexible={**MONDAY, "week": 1}),
     ["flexible.week"]),
    ("short months of flexible days",
     settings(frequency="monthly", flexible=MONDAY, short_month="last_day"), ["short_month"]),
    ("an unknown rule for short months", settings(frequency="monthly", days=[31], short_month="clamp"),
     ["short_month"]),
    ("yearly without date", settings(frequency="yearly"), ["month", "day"]),
    ("a month out of range", settings(frequency="yearly", month=13, day=1), ["month"]),
    ("30 February", settings(frequency="yearly", month=2, day=30), ["day"]),
    ("30 February although short months take the last day",
     settings(frequency="yearly", month=2, day=30, short_month="last_day"), ["day"]),
    ("31 April", settings(frequency="yearly", month=4, day=31), ["day"]),
    ("once without date", settings(frequency="once"), ["on"]),
    ("once on no date", settings(frequency="once", on="2027-02-30"), ["on"]),
    ("once every second day", settings(frequency="once", on="2027-02-01", interval=2, ends_on="2027-03-01"),
     ["ends_on", "interval"]),
    ("an interval without start", settings(interval=2), ["starts_on"]),
    ("intervals out of range", settings(interval=0), ["interval"]),
    ("an interval that is true", settings(interval=True, starts_on="2027-01-01"), ["interval"]),
    ("a huge interval", settings(interval=10**9, starts_on="2027-01-01"), ["interval"]),
    ("dates in other forms", settings(starts_on="1.1.2027", ends_on="20271231"), ["starts_on", "ends_on"]),
    ("a date far away", settings(ends_on="3000-01-01"), ["ends_on"]),
    ("an end before the start", settings(starts_on="2027-01-02", ends_on="2027-01-01"), ["ends_on"]),
    ("bad excluded dates", settings(excluded_dates=["2027-12-24", "24 Dec"]), ["excluded_dates.1"]),
    ("leap days only in years without",
     settings(frequency="yearly", month=2, day=29, interval=4, starts_on="2027-01-01"), ["interval"]),
    ("the 31st only in Februaries",
     settings(frequency="monthly", days=[31], interval=12, starts_on="2027-02-01"), ["interval"]),
    ("many faults at once",
     {"frequency": "weekly", "times": ["x"], "weekdays": ["x"], "interval": "2", "odd": 1},
     ["odd", "times.0", "time_zone", "weekdays.0", "interval"]),
]  # fmt: skip


@pytest.mark.parametrize(("label", "data", "expected"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_fault_is_told_with_its_path(label: str, data: object, expected: list[str]) -> None:
    assert paths(data) == expected, label


def test_the_error_reads_as_one_line() -> None:
    with pytest.raises(RecurrenceError, match=r"times\.0: Write a time such as .*; starts_on: Choose the start"):
        Recurrence.parse(settings(times=["3 pm"], interval=2))
