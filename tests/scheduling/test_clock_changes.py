"""What happens to runs where a clock skips or repeats an hour, or a zone leaves out a day."""

from datetime import timedelta

import pytest

from scheduling.recurrence import next_run, runs_after, runs_between
from tests.scheduling.schedules import recurrence, utc

CLOCK_CHANGES = [  # label, zone, times, day before, (UTC, local, mark) of the runs that follow
    (
        "Oslo in spring: 02:30 does not exist",
        "Europe/Oslo", ["02:30"], "2027-03-27",
        [("27 01:30", "27 02:30", ""), ("28 01:30", "28 03:30", "shifted"), ("29 00:30", "29 02:30", "")],
    ),
    (
        "Oslo in autumn: 02:30 comes twice",
        "Europe/Oslo", ["02:30"], "2027-10-30",
        [("30 00:30", "30 02:30", ""), ("31 00:30", "31 02:30", "repeated"), ("01 01:30", "01 02:30", "")],
    ),
    (
        "09:00 stays 09:00",
        "Europe/Oslo", ["09:00"], "2027-03-27",
        [("27 08:00", "27 09:00", ""), ("28 07:00", "28 09:00", ""), ("29 07:00", "29 09:00", "")],
    ),
    (
        "two times that land on one instant are one run",
        "Europe/Oslo", ["02:30", "03:30"], "2027-03-28",
        [("28 01:30", "28 03:30", "shifted"), ("29 00:30", "29 02:30", ""), ("29 01:30", "29 03:30", "")],
    ),
    (
        "a shifted run takes its place among the others",
        "Europe/Oslo", ["02:30", "03:00"], "2027-03-28",
        [("28 01:00", "28 03:00", ""), ("28 01:30", "28 03:30", "shifted"), ("29 00:30", "29 02:30", "")],
    ),
    (
        "New York in spring",
        "America/New_York", ["02:30"], "2027-03-14",
        [("14 07:30", "14 03:30", "shifted"), ("15 06:30", "15 02:30", "")],
    ),
    (
        "New York in autumn",
        "America/New_York", ["01:30"], "2027-11-07",
        [("07 05:30", "07 01:30", "repeated"), ("08 06:30", "08 01:30", "")],
    ),
    (
        "Lord Howe moves by half an hour in spring",
        "Australia/Lord_Howe", ["02:15"], "2027-10-03",
        [("02 15:45", "03 02:45", "shifted"), ("03 15:15", "04 02:15", "")],
    ),
    (
        "Lord Howe moves by half an hour in autumn",
        "Australia/Lord_Howe", ["01:45"], "2027-04-04",
        [("03 14:45", "04 01:45", "repeated"), ("04 15:15", "05 01:45", "")],
    ),
    (
        "Apia left out 30 December 2011",
        "Pacific/Apia", ["12:00"], "2011-12-29",
        [("29 22:00", "29 12:00", ""), ("30 22:00", "31 12:00", ""), ("31 22:00", "01 12:00", "")],
    ),
    (
        "Cairo skips its midnight",
        "Africa/Cairo", ["00:00"], "2027-04-29",
        [("28 22:00", "29 00:00", ""), ("29 22:00", "30 01:00", "shifted"), ("30 21:00", "01 00:00", "")],
    ),
    (
        "Nuuk skips the hour before midnight, so yesterday's run comes among today's",
        "America/Nuuk", ["00:15", "00:45", "23:30"], "2027-03-27",
        [("27 02:15", "27 00:15", ""), ("27 02:45", "27 00:45", ""), ("28 01:15", "28 00:15", ""),
         ("28 01:30", "28 00:30", "shifted"), ("28 01:45", "28 00:45", ""), ("29 00:30", "28 23:30", "")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "zone", "times", "first_day", "expected"), CLOCK_CHANGES, ids=[row[0] for row in CLOCK_CHANGES]
)
def test_runs_around_clock_changes(
    label: str, zone: str, times: list[str], first_day: str, expected: list[tuple[str, str, str]]
) -> None:
    schedule = recurrence(times=times, time_zone=zone, starts_on=first_day)
    runs = runs_after(schedule, utc(first_day) - timedelta(days=3), limit=len(expected))
    assert [
        (
            run.at.strftime("%d %H:%M"),
            run.local.strftime("%d %H:%M"),
            "shifted" * run.shifted + "repeated" * run.repeated,
        )
        for run in runs
    ] == expected, label


def test_a_day_that_the_zone_left_out_has_no_run_even_alone() -> None:
    schedule = recurrence(frequency="once", on="2011-12-30", time_zone="Pacific/Apia")
    assert next_run(schedule, utc("2011-01-01")) is None


def test_a_run_that_a_gap_carried_over_midnight_is_found_after_midnight() -> None:
    schedule = recurrence(times=["23:30"], time_zone="America/Nuuk")
    past_midnight, carried = utc("2027-03-28T01:05"), utc("2027-03-28T01:30")
    assert next_run(schedule, past_midnight) == carried
    assert [run.at for run in runs_between(schedule, past_midnight, carried, limit=2)] == [carried]
