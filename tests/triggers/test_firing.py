"""Firing: every due schedule once, with what its occurrence enrols by frozen."""

from datetime import datetime, timedelta

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from flows.models import Flow
from scheduling import clock
from tests import make
from tests.triggers.stage import DAILY, at, fire_all, in_threads, make_account, runs, schedule_of, scheduled
from triggers import firing
from triggers.models import Occurrence, Schedule, Trigger

HOURLY = {"frequency": "daily", "time_zone": "UTC", "times": [f"{hour:02}:00" for hour in range(24)]}


def next_run_at(account: Account, flow: Flow) -> datetime | None:
    return schedule_of(account, flow).next_run_at


def test_month_end_runs_fall_on_the_31st_only(acme: Account) -> None:
    clock.move_to(at("2027-01-01 08:00"))
    flow = scheduled(acme, {"frequency": "monthly", "days": [31], "times": ["15:00"], "time_zone": "Europe/Oslo"})
    day = at("2027-01-01 14:05")
    while day < at("2027-06-02 00:00"):
        clock.move_to(day)
        fire_all()
        day += timedelta(days=1)
    assert runs(acme) == [
        ("01-31 14:00", "pending", ""),
        ("03-31 13:00", "pending", ""),
        ("05-31 13:00", "pending", ""),
    ]
    assert next_run_at(acme, flow) == at("2027-07-31 13:00")


def test_nothing_fires_before_its_moment(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    scheduled(acme, DAILY)
    clock.move_to(at("2027-03-10 08:59:58"))
    assert fire_all() == 0
    clock.move_to(at("2027-03-10 09:00"))
    assert fire_all() == 1
    assert runs(acme) == [("03-10 09:00", "pending", "")]


def test_a_second_tick_fires_nothing_again(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    flow = scheduled(acme, DAILY)
    clock.move_to(at("2027-03-10 09:01"))
    assert [fire_all(), fire_all()] == [1, 0]
    assert len(runs(acme)) == 1
    assert next_run_at(acme, flow) == at("2027-03-11 09:00")


def test_the_occurrence_freezes_what_it_enrols_by(acme: Account, globex: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    in_oslo = {"property": "city", "operator": "eq", "value": "Oslo"}
    flow = scheduled(acme, {"frequency": "daily", "times": ["09:00"], "time_zone": "Europe/Oslo"}, criteria=in_oslo)
    with account_scope(acme.pk):
        record = make.make_contact(city="Oslo")
        make.make_record("company")
    with account_scope(globex.pk):
        make.make_contact()
    clock.move_to(at("2027-03-11 08:03"))
    with every_account():
        Account.objects.filter(pk=acme.pk).update(language="nb")
    fire_all()
    with account_scope(acme.pk):
        run = Occurrence.objects.filter(status="pending").get()
        assert run.criteria == in_oslo
        assert run.upper_id == record.pk
        assert run.time_zone == "Europe/Oslo"
        assert run.activation.flow_id == flow.pk
        assert run.lateness.total_seconds() == pytest.approx(180, abs=60)
        assert "09:00" in run.sentence


@pytest.mark.parametrize(
    ("policy", "hours", "expected"),
    [
        ("latest", 10 / 60, [("03-10 09:00", "pending", "")]),
        ("all", 10 / 60, [("03-10 09:00", "pending", "")]),
        ("skip", 10 / 60, [("03-10 09:00", "pending", "")]),
        ("latest", 3, [("03-10 09:00", "pending", "")]),
        ("all", 3, [("03-10 09:00", "pending", "")]),
        ("skip", 3, [("03-10 09:00", "missed", "catch_up_off")]),
        ("latest", 30, [("03-10 09:00", "missed", "newer_run"), ("03-11 09:00", "pending", "")]),
        ("all", 30, [("03-10 09:00", "pending", ""), ("03-11 09:00", "pending", "")]),
        ("skip", 30, [("03-10 09:00", "missed", "catch_up_off"), ("03-11 09:00", "missed", "catch_up_off")]),
        (
            "latest",
            72,
            [
                ("03-10 09:00", "missed", "newer_run"),
                ("03-11 09:00", "missed", "newer_run"),
                ("03-12 09:00", "missed", "newer_run"),
                ("03-13 09:00", "pending", ""),
            ],
        ),
    ],
)
def test_after_a_downtime_runs_follow_the_catch_up(
    acme: Account, policy: str, hours: float, expected: list[tuple[str, str, str]]
) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    flow = scheduled(acme, DAILY, catch_up=policy)
    back = at("2027-03-10 09:00") + timedelta(hours=hours)
    clock.move_to(back)
    fire_all()
    assert runs(acme) == expected
    following = next_run_at(acme, flow)
    assert following is not None
    assert following > back


def test_a_yearly_run_missed_by_30_hours_is_recorded_as_missed(acme: Account) -> None:
    clock.move_to(at("2027-03-01 08:00"))
    scheduled(acme, {"frequency": "yearly", "month": 3, "day": 10, "time_zone": "UTC"})
    clock.move_to(at("2027-03-11 15:00"))
    fire_all()
    assert runs(acme) == [("03-10 09:00", "missed", "too_late")]


def test_after_a_long_downtime_only_the_newest_hundred_have_rows(acme: Account) -> None:
    clock.move_to(at("2027-03-01 08:30"))
    scheduled(acme, HOURLY, catch_up="all")
    clock.move_to(at("2027-03-11 08:30"))
    fire_all()
    found = runs(acme)
    assert len(found) == 100
    assert {status for _moment, status, _reason in found} == {"pending"}
    assert found[-1][0] == "03-11 08:00"
    assert found[0][0] == "03-07 05:00"


def test_a_skipped_run_is_recorded_and_only_that_one(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    scheduled(acme, DAILY, skip_run_at=at("2027-03-10 09:00"))
    for day in (10, 11):
        clock.move_to(at(f"2027-03-{day} 09:00:30"))
        fire_all()
    assert runs(acme) == [("03-10 09:00", "skipped", "skipped_by_hand"), ("03-11 09:00", "pending", "")]
    with account_scope(acme.pk):
        assert Schedule.objects.get().skip_run_at is None


def test_a_paused_flow_fires_and_one_that_stands_still_does_not(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    paused = scheduled(acme, DAILY, status="paused")
    still = scheduled(acme, DAILY, status="not_running")
    clock.move_to(at("2027-03-10 09:00"))
    assert fire_all() == 1
    assert [len(runs(acme, paused)), len(runs(acme, still))] == [1, 0]


def test_no_run_fires_once_enrolment_has_ended(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    flow = scheduled(acme, DAILY)
    with account_scope(acme.pk):
        Flow.objects.filter(pk=flow.pk).update(enrolment_ends_at=at("2027-03-11 09:00"))
    for day in (10, 11, 12):
        clock.move_to(at(f"2027-03-{day} 09:00:30"))
        fire_all()
    assert runs(acme) == [("03-10 09:00", "pending", "")]


def test_a_schedule_that_has_run_out_has_no_next_run(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    flow = scheduled(acme, {"frequency": "once", "on": "2027-03-10", "time_zone": "UTC"})
    clock.move_to(at("2027-03-10 09:00"))
    fire_all()
    assert runs(acme) == [("03-10 09:00", "pending", "")]
    assert next_run_at(acme, flow) is None


def test_a_run_without_criteria_fails_and_says_so(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    scheduled(acme, DAILY)
    with account_scope(acme.pk):
        Trigger.objects.update(criteria=None)
    clock.move_to(at("2027-03-10 09:00"))
    fire_all()
    assert runs(acme) == [("03-10 09:00", "failed", "criteria_missing")]


def test_a_schedule_that_cannot_be_computed_stops_nobody_else(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:00"))
    broken, sound = scheduled(acme, DAILY), scheduled(acme, DAILY)
    with account_scope(acme.pk):
        Schedule.objects.filter(flow=broken).update(recurrence={"frequency": "never"})
    clock.move_to(at("2027-03-10 09:00"))
    assert fire_all() == 2
    assert runs(acme, broken) == [("03-10 09:00", "failed", "schedule_invalid")]
    assert runs(acme, sound) == [("03-10 09:00", "pending", "")]
    assert next_run_at(acme, broken) is None


def test_the_sentence_of_many_times_is_cut_to_what_a_run_keeps(acme: Account) -> None:
    clock.move_to(at("2027-03-10 08:30"))
    quarters = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 15, 30, 45)]
    scheduled(acme, {**DAILY, "times": quarters})
    clock.move_to(at("2027-03-10 08:45"))
    fire_all()
    with account_scope(acme.pk):
        sentence = Occurrence.objects.get().sentence
    assert len(sentence) == 500
    assert sentence.endswith("…")


@pytest.mark.django_db(transaction=True)
def test_two_workers_fire_a_thousand_schedules_once_each() -> None:
    acme, globex = (make_account(name) for name in ("Acme", "Globex"))
    clock.move_to(at("2027-03-10 08:00"))
    for account in (acme, globex):
        many_schedules(account, 500)
    clock.move_to(at("2027-03-10 09:00"))
    fired: list[int] = []

    def worker() -> None:
        while batch := firing.fire_due(limit=70).schedules:
            fired.append(batch)

    in_threads(worker, worker)
    assert fire_all() + sum(fired) == 1000
    for account in (acme, globex):
        with account_scope(account.pk):
            assert Occurrence.objects.count() == 500
            assert Occurrence.objects.values("schedule_id").distinct().count() == 500
            assert set(Schedule.objects.values_list("next_run_at", flat=True)) == {at("2027-03-11 09:00")}


def many_schedules(account: Account, n: int) -> None:
    """`n` running flows, each with a schedule at 09:00."""
    for _ in range(n):
        scheduled(account, DAILY)
