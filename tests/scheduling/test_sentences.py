"""What a schedule says of itself, in three languages."""

from typing import Any

import pytest
from django.utils.translation import override

from scheduling.recurrence import Recurrence, RecurrenceError
from scheduling.sentences import sentence, warnings
from tests.scheduling.schedules import NEW_YEAR, recurrence, utc


def last(day: str) -> dict[str, str]:
    return {"ordinal": "last", "day": day}


SENTENCES: list[tuple[dict[str, Any], str, str, str]] = [  # settings, English, Swedish, Norwegian
    (
        {"times": ["08:00"]},
        "Every day at 08:00, Europe/Oslo",
        "Varje dag kl. 08:00, Europe/Oslo",
        "Hver dag kl. 08:00, Europe/Oslo",
    ),
    (
        {"interval": 2, "starts_on": "2027-01-01", "times": ["08:00", "12:00", "16:30"]},
        "Every second day at 08:00, 12:00 and 16:30, Europe/Oslo, from 2027-01-01",
        "Varannan dag kl. 08:00, 12:00 och 16:30, Europe/Oslo, från och med 2027-01-01",
        "Annenhver dag kl. 08:00, 12:00 og 16:30, Europe/Oslo, fra og med 2027-01-01",
    ),
    (
        {"interval": 10, "starts_on": "2027-01-01"},
        "Every 10th day at 15:00, Europe/Oslo, from 2027-01-01",
        "Var 10:e dag kl. 15:00, Europe/Oslo, från och med 2027-01-01",
        "Hver 10. dag kl. 15:00, Europe/Oslo, fra og med 2027-01-01",
    ),
    (
        {"frequency": "weekly", "weekdays": ["thursday", "monday"], "times": ["07:00"]},
        "Every Monday and Thursday at 07:00, Europe/Oslo",
        "Varje måndag och torsdag kl. 07:00, Europe/Oslo",
        "Hver mandag og torsdag kl. 07:00, Europe/Oslo",
    ),
    (
        {"frequency": "weekly", "weekdays": ["sunday"], "interval": 2, "starts_on": "2027-01-01"},
        "Every second week on Sunday at 15:00, Europe/Oslo, from 2027-01-01",
        "Varannan vecka på söndag kl. 15:00, Europe/Oslo, från och med 2027-01-01",
        "Annenhver uke på søndag kl. 15:00, Europe/Oslo, fra og med 2027-01-01",
    ),
    (
        {"frequency": "weekly", "weekdays": ["friday"], "interval": 4, "starts_on": "2027-01-01"},
        "Every fourth week on Friday at 15:00, Europe/Oslo, from 2027-01-01",
        "Var fjärde vecka på fredag kl. 15:00, Europe/Oslo, från och med 2027-01-01",
        "Hver fjerde uke på fredag kl. 15:00, Europe/Oslo, fra og med 2027-01-01",
    ),
    (
        {"frequency": "monthly", "days": [1, 15, 31], "times": ["09:00"]},
        "Every month on the 1st, 15th and 31st at 09:00, Europe/Oslo",
        "Varje månad den 1:a, 15:e och 31:a kl. 09:00, Europe/Oslo",
        "Hver måned den 1., 15. og 31. kl. 09:00, Europe/Oslo",
    ),
    (
        {"frequency": "monthly", "days": [2, 3, 11, 12, 13, 22, 23], "interval": 2, "starts_on": "2027-01-01"},
        "Every second month on the 2nd, 3rd, 11th, 12th, 13th, 22nd and 23rd at 15:00, Europe/Oslo, from 2027-01-01",
        "Varannan månad den 2:a, 3:e, 11:e, 12:e, 13:e, 22:a och 23:e kl. 15:00, Europe/Oslo, från och med 2027-01-01",
        "Annenhver måned den 2., 3., 11., 12., 13., 22. og 23. kl. 15:00, Europe/Oslo, fra og med 2027-01-01",
    ),
    (
        {"frequency": "monthly", "days": [31], "short_month": "last_day"},
        "Every month on the 31st at 15:00, Europe/Oslo, in shorter months on the last day",
        "Varje månad den 31:a kl. 15:00, Europe/Oslo, i kortare månader den sista dagen",
        "Hver måned den 31. kl. 15:00, Europe/Oslo, i kortere måneder den siste dagen",
    ),
    (
        {"frequency": "monthly", "flexible": last("friday")},
        "Every last Friday of the month at 15:00, Europe/Oslo",
        "Den sista fredagen i varje månad kl. 15:00, Europe/Oslo",
        "Den siste fredagen i hver måned kl. 15:00, Europe/Oslo",
    ),
    (
        {"frequency": "monthly", "flexible": [{"ordinal": "first", "day": "monday"}, last("working_day")]},
        "Every first Monday and last working day of the month at 15:00, Europe/Oslo",
        "Den första måndagen och sista arbetsdagen i varje månad kl. 15:00, Europe/Oslo",
        "Den første mandagen og siste arbeidsdagen i hver måned kl. 15:00, Europe/Oslo",
    ),
    (
        {"frequency": "monthly", "flexible": last("day"), "interval": 3, "starts_on": "2027-01-01"},
        "Every third month on the last day at 15:00, Europe/Oslo, from 2027-01-01",
        "Var tredje månad den sista dagen kl. 15:00, Europe/Oslo, från och med 2027-01-01",
        "Hver tredje måned den siste dagen kl. 15:00, Europe/Oslo, fra og med 2027-01-01",
    ),
    (
        {"frequency": "yearly", "month": 7, "day": 4, "times": ["08:00"]},
        "Every year on 4 July at 08:00, Europe/Oslo",
        "Varje år den 4 juli kl. 08:00, Europe/Oslo",
        "Hvert år den 4. juli kl. 08:00, Europe/Oslo",
    ),
    (
        {"frequency": "yearly", "month": 12, "day": 1, "interval": 2, "starts_on": "2027-01-01"},
        "Every second year on 1 December at 15:00, Europe/Oslo, from 2027-01-01",
        "Vartannat år den 1 december kl. 15:00, Europe/Oslo, från och med 2027-01-01",
        "Annethvert år den 1. desember kl. 15:00, Europe/Oslo, fra og med 2027-01-01",
    ),
    (
        {"frequency": "yearly", "month": 2, "day": 29, "short_month": "last_day"},
        "Every year on 29 February at 15:00, Europe/Oslo, in other years on 28 February",
        "Varje år den 29 februari kl. 15:00, Europe/Oslo, övriga år den 28 februari",
        "Hvert år den 29. februar kl. 15:00, Europe/Oslo, i andre år den 28. februar",
    ),
    (
        {"frequency": "once", "on": "2027-01-31"},
        "Once on 31 January 2027 at 15:00, Europe/Oslo",
        "En gång den 31 januari 2027 kl. 15:00, Europe/Oslo",
        "Én gang den 31. januar 2027 kl. 15:00, Europe/Oslo",
    ),
    (
        {"ends_on": "2027-12-31", "excluded_dates": ["2027-12-25", "2027-12-24"]},
        "Every day at 15:00, Europe/Oslo, until 2027-12-31, except 2027-12-24 and 2027-12-25",
        "Varje dag kl. 15:00, Europe/Oslo, till och med 2027-12-31, utom 2027-12-24 och 2027-12-25",
        "Hver dag kl. 15:00, Europe/Oslo, til og med 2027-12-31, unntatt 2027-12-24 og 2027-12-25",
    ),
    (
        {"excluded_dates": [f"2027-12-2{digit}" for digit in range(4)]},
        "Every day at 15:00, Europe/Oslo, except on 4 dates",
        "Varje dag kl. 15:00, Europe/Oslo, utom på 4 datum",
        "Hver dag kl. 15:00, Europe/Oslo, unntatt på 4 datoer",
    ),
]


@pytest.mark.usefixtures("translated")
@pytest.mark.parametrize(("given", "english", "swedish", "norwegian"), SENTENCES, ids=[row[1] for row in SENTENCES])
def test_a_recurrence_says_itself_in_three_languages(
    given: dict[str, Any], english: str, swedish: str, norwegian: str
) -> None:
    schedule = recurrence(**given)
    for language, expected in (("en", english), ("sv", swedish), ("nb", norwegian)):
        with override(language):
            assert sentence(schedule) == expected


def test_all_weekdays_are_every_day() -> None:
    weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    assert sentence(recurrence(frequency="weekly", weekdays=weekdays)) == "Every day at 15:00, Europe/Oslo"


MONTHLY = {"frequency": "monthly"}
WARNINGS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("nothing to warn of", {}, []),
    (
        "the 31st",
        {**MONTHLY, "days": [31]},
        [("months_without_run", "No run in Feb, Apr, Jun, Sep, Nov")],
    ),
    ("the 30th", {**MONTHLY, "days": [30]}, [("months_without_run", "No run in Feb")]),
    (
        "the 31st beside others",
        {**MONTHLY, "days": [1, 30, 31]},
        [
            ("months_without_run", "No run on the 30th in Feb"),
            ("months_without_run", "No run on the 31st in Feb, Apr, Jun, Sep, Nov"),
        ],
    ),
    (
        "the 31st of each quarter from January",
        {**MONTHLY, "days": [31], "interval": 3, "starts_on": "2027-01-01"},
        [("months_without_run", "No run in Apr")],
    ),
    (
        "the 31st until May",
        {**MONTHLY, "days": [31], "ends_on": "2027-05-31"},
        [("months_without_run", "No run in Feb, Apr")],
    ),
    ("the 31st or else the last day", {**MONTHLY, "days": [31], "short_month": "last_day"}, []),
    (
        "the 29th",
        {**MONTHLY, "days": [29]},
        [("only_leap_years", "In February the 29th comes only in leap years")],
    ),
    (
        "29 February",
        {"frequency": "yearly", "month": 2, "day": 29},
        [
            (
                "only_leap_years",
                "29 February comes only in leap years: the next run is on 29 February 2028",
            )
        ],
    ),
    ("29 February or else the 28th", {"frequency": "yearly", "month": 2, "day": 29, "short_month": "last_day"}, []),
    ("an end that has passed", {"ends_on": "2026-12-31"}, [("no_more_runs", "This schedule has no more runs")]),
    (
        "a time that the clock skips and repeats",
        {"times": ["02:30"]},
        [
            ("clock_change", "The run on 28 March 2027 falls in a clock change: it runs at 03:30"),
            (
                "clock_change",
                "On 31 October 2027 the clock shows 02:30 twice: the run is made once, the first time",
            ),
        ],
    ),
    (
        "two times that the clock skips",
        {"times": ["02:15", "02:45", "04:00"], "ends_on": "2027-05-01"},
        [("clock_change", "The runs on 28 March 2027 fall in a clock change: they run at 03:15 and 03:45")],
    ),
    (
        "a weekday on which the clock never changes",
        {"frequency": "weekly", "weekdays": ["monday"], "times": ["02:30"]},
        [],
    ),
    (
        "the hour before midnight is skipped in Nuuk",
        {"times": ["23:30"], "time_zone": "America/Nuuk", "ends_on": "2027-05-01"},
        [("clock_change", "The run on 28 March 2027 falls in a clock change: it runs at 00:30")],
    ),
]


@pytest.mark.parametrize(("label", "given", "expected"), WARNINGS, ids=[row[0] for row in WARNINGS])
def test_warnings(label: str, given: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = warnings(recurrence(**given), NEW_YEAR, years=1)
    assert [(warning.code, warning.text) for warning in found] == expected, label


def test_a_short_month_that_has_just_begun_is_warned_of() -> None:
    (warning,) = warnings(recurrence(frequency="monthly", days=[30]), utc("2027-02-01"))
    assert warning.text == "No run in Feb"


def test_a_clock_change_that_is_past_or_beyond_the_horizon_is_no_warning() -> None:
    schedule = recurrence(times=["02:30"])
    assert [warning.text[:23] for warning in warnings(schedule, utc("2027-03-28T01:30"), years=1)] == [
        "On 31 October 2027 the ",
        "The run on 26 March 202",
    ]
    assert len(warnings(schedule, NEW_YEAR, years=3)) == 6


@pytest.mark.usefixtures("translated")
def test_warnings_and_errors_are_translated() -> None:
    with override("sv"):
        texts = [warning.text for warning in warnings(recurrence(times=["02:15", "02:30"]), NEW_YEAR, years=1)]
        assert texts == [
            "Körningarna den 28 mars 2027 hamnar i en tidsomställning: de körs kl. 03:15 och 03:30",
            "Den 31 oktober 2027 visar klockan 02:15 och 02:30 två gånger: varje körning görs en gång, den första",
        ]
    with override("nb"):
        (warning,) = warnings(recurrence(frequency="monthly", days=[31]), NEW_YEAR)
        assert warning.text == "Ingen kjøring i feb, apr, jun, sep, nov"
        with pytest.raises(RecurrenceError, match=r"times\.0: Skriv et klokkeslett som 08:00"):
            Recurrence.parse({"frequency": "daily", "time_zone": "UTC", "times": ["8"]})
