"""When the sending window opens and a pause date ends."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduling.windows import PauseDates, PauseDatesError, SendingWindow, WindowError
from tests.scheduling.schedules import utc

OSLO = ZoneInfo("Europe/Oslo")
OFFICE = {day: [{"start": "08:00", "end": "16:00"}] for day in ("monday", "tuesday", "wednesday", "thursday")}
LUNCH_FREE = {"friday": [{"start": "13:00", "end": "17:00"}, {"start": "08:00", "end": "12:00"}]}
NIGHT = {"friday": [{"start": "22:00", "end": "02:00"}]}
EARLY_SUNDAY = {"sunday": [{"start": "02:30", "end": "05:00"}]}
SKIPPED_SUNDAY = {"sunday": [{"start": "02:10", "end": "03:05"}]}

# 2027-01-04 is a Monday; Oslo is at UTC+1, from 28 March at UTC+2.
OPENINGS = [
    ("open stays open", OFFICE, "2027-01-04T08:30", "2027-01-04T08:30"),
    ("the start belongs to it", OFFICE, "2027-01-04T07:00", "2027-01-04T07:00"),
    ("the end does not", OFFICE, "2027-01-04T15:00", "2027-01-05T07:00"),
    ("before the day's hours", OFFICE, "2027-01-04T03:00", "2027-01-04T07:00"),
    ("over a closed weekend", OFFICE, "2027-01-07T20:00", "2027-01-11T07:00"),
    ("between two ranges", LUNCH_FREE, "2027-01-08T11:30", "2027-01-08T12:00"),
    ("a week until the same day", LUNCH_FREE, "2027-01-08T16:00", "2027-01-15T07:00"),
    ("over midnight, before", NIGHT, "2027-01-08T23:30", "2027-01-08T23:30"),
    ("over midnight, after", NIGHT, "2027-01-09T00:59", "2027-01-09T00:59"),
    ("over midnight, closed again", NIGHT, "2027-01-09T01:00", "2027-01-15T21:00"),
    ("the day is the local one", OFFICE, "2027-01-03T23:30", "2027-01-04T07:00"),
    ("08:00 stays 08:00 in summer", OFFICE, "2027-03-29T03:00", "2027-03-29T06:00"),
    ("a start in the spring gap is shifted by it", EARLY_SUNDAY, "2027-03-28T00:00", "2027-03-28T01:30"),
    ("a start that comes twice is the first", EARLY_SUNDAY, "2027-10-31T00:00", "2027-10-31T00:30"),
    ("and it stays open the second time", EARLY_SUNDAY, "2027-10-31T01:10", "2027-10-31T01:10"),
    ("a range swallowed by the gap opens a week later", SKIPPED_SUNDAY, "2027-03-28T00:00", "2027-04-04T00:10"),
]


@pytest.mark.parametrize(("label", "hours", "at", "opens"), OPENINGS, ids=[row[0] for row in OPENINGS])
def test_the_window_opens_next(label: str, hours: dict[str, Any], at: str, opens: str) -> None:
    assert SendingWindow.parse(hours).next_open(utc(at), OSLO) == utc(opens), label


def test_the_window_of_a_day_that_the_zone_left_out_opens_a_week_later() -> None:
    window = SendingWindow.parse({"friday": [{"start": "08:00", "end": "16:00"}]})
    assert window.next_open(utc("2011-12-30T00:00"), ZoneInfo("Pacific/Apia")) == utc("2012-01-05T18:00")


def test_a_window_comes_back_from_its_json() -> None:
    window = SendingWindow.parse({**LUNCH_FREE, "monday": []})
    assert SendingWindow.parse(window.as_json()) == window
    assert window.as_json() == {"friday": [{"start": "08:00", "end": "12:00"}, {"start": "13:00", "end": "17:00"}]}


BAD_WINDOWS = [
    ("no hours", {}, [""]),
    ("only closed days", {"monday": []}, [""]),
    ("no object", [], [""]),
    ("an unknown day", {**OFFICE, "holiday": []}, ["holiday"]),
    ("start equal to end", {"monday": [{"start": "08:00", "end": "08:00"}]}, ["monday.0.end"]),
    (
        "bad times",
        {"monday": [{"start": "8", "end": "24:00"}], "tuesday": [{"start": "08:00"}]},
        ["monday.0.start", "monday.0.end", "tuesday.0.end"],
    ),
    ("a range that is none", {"monday": ["08:00-16:00"]}, ["monday.0"]),
    ("ranges that are no list", {"monday": {"start": "08:00", "end": "16:00"}}, ["monday"]),
]


@pytest.mark.parametrize(("label", "data", "paths"), BAD_WINDOWS, ids=[row[0] for row in BAD_WINDOWS])
def test_a_bad_window_is_told_with_its_paths(label: str, data: object, paths: list[str]) -> None:
    with pytest.raises(WindowError) as caught:
        SendingWindow.parse(data)
    assert [path for path, _ in caught.value.errors] == paths, label


CHRISTMAS = [{"date": "2020-12-24", "every_year": True}, {"date": "2020-12-25", "every_year": True}]
ONE_FRIDAY = [{"date": "2027-01-08", "every_year": False}]
LEAP_DAY = [{"date": "2028-02-29", "every_year": True}]

# (label, dates, moment in UTC, the moment that is free)
PAUSES = [
    ("another day is free", ONE_FRIDAY, "2027-01-07T12:00", "2027-01-07T12:00"),
    ("the day is held until its local midnight", ONE_FRIDAY, "2027-01-08T12:00", "2027-01-08T23:00"),
    ("it begins at its local midnight", ONE_FRIDAY, "2027-01-07T23:00", "2027-01-08T23:00"),
    ("the moment before is free", ONE_FRIDAY, "2027-01-07T22:59", "2027-01-07T22:59"),
    ("the same day of another year is free", ONE_FRIDAY, "2028-01-08T12:00", "2028-01-08T12:00"),
    ("every year", CHRISTMAS, "2031-12-24T12:00", "2031-12-25T23:00"),
    ("a leap day of every year", LEAP_DAY, "2032-02-29T12:00", "2032-02-29T23:00"),
    ("and none where there is no leap day", LEAP_DAY, "2027-02-28T12:00", "2027-02-28T12:00"),
]


@pytest.mark.parametrize(("label", "dates", "at", "free"), PAUSES, ids=[row[0] for row in PAUSES])
def test_the_next_free_moment(label: str, dates: list[Any], at: str, free: str) -> None:
    pauses = PauseDates.parse(dates)
    assert pauses.next_free(utc(at), OSLO) == utc(free), label
    assert pauses.holds(utc(at), OSLO) is (at != free), label


def test_a_pause_before_a_day_that_the_zone_left_out_lasts_until_the_day_after_it() -> None:
    apia = ZoneInfo("Pacific/Apia")
    pauses = PauseDates.parse([{"date": "2011-12-29"}])
    assert pauses.next_free(utc("2011-12-29T20:00"), apia) == utc("2011-12-30T10:00")
    longer = PauseDates.parse([{"date": "2011-12-29"}, {"date": "2011-12-31"}])
    assert longer.next_free(utc("2011-12-29T20:00"), apia) == utc("2011-12-31T10:00")


def test_pause_dates_come_back_from_their_json() -> None:
    assert PauseDates.parse([]).as_json() == []
    assert PauseDates.parse(CHRISTMAS).as_json() == CHRISTMAS
    assert PauseDates.parse([{"date": "2027-01-08"}]).as_json() == ONE_FRIDAY


BAD_PAUSES = [
    ("no list", {"date": "2027-01-08"}, [""]),
    ("no date", [{"every_year": True}, {"date": "2027-02-29"}], ["0.date", "1.date"]),
    ("text", ["2027-01-08"], ["0"]),
    ("every_year that is no truth value", [{"date": "2027-01-08", "every_year": "yes"}], ["0.every_year"]),
    ("a stranger", [{"date": "2027-01-08", "name": "x"}], ["0.name"]),
    ("too many", [{"date": "2027-01-08"}] * 301, [""]),
]


@pytest.mark.parametrize(("label", "data", "paths"), BAD_PAUSES, ids=[row[0] for row in BAD_PAUSES])
def test_bad_pause_dates_are_told_with_their_paths(label: str, data: object, paths: list[str]) -> None:
    with pytest.raises(PauseDatesError) as caught:
        PauseDates.parse(data)
    assert [path for path, _ in caught.value.errors] == paths, label
