"""Which due moments run, and which are recorded as missed."""

from datetime import UTC, datetime, timedelta

import pytest

from triggers.catch_up import Fate, fates

NOW = datetime(2027, 3, 10, 12, 0, tzinfo=UTC)
RUN = ("pending", "")


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def told(*moments: datetime, policy: str, skip: datetime | None = None) -> list[tuple[str, str]]:
    found = fates(sorted(moments), policy=policy, at=NOW, skip=skip)
    assert [fate.scheduled_for for fate in found] == sorted(moments)
    return [(str(fate.status), fate.reason) for fate in found]


@pytest.mark.parametrize("policy", ["latest", "all", "skip"])
@pytest.mark.parametrize("minutes", [0, 10, 15])
def test_a_run_within_15_minutes_of_its_moment_is_only_late(policy: str, minutes: int) -> None:
    assert told(ago(minutes=minutes), policy=policy) == [RUN]


@pytest.mark.parametrize("policy", ["latest", "all", "skip"])
def test_two_runs_within_15_minutes_both_run(policy: str) -> None:
    assert told(ago(minutes=14), ago(minutes=4), policy=policy) == [RUN, RUN]


def test_latest_runs_the_newest_of_those_missed() -> None:
    assert told(ago(hours=3), ago(hours=2), ago(hours=1), policy="latest") == [
        ("missed", "newer_run"),
        ("missed", "newer_run"),
        RUN,
    ]


def test_latest_runs_nothing_older_than_a_run_that_is_only_late() -> None:
    assert told(ago(hours=1), ago(minutes=5), policy="latest") == [("missed", "newer_run"), RUN]


def test_latest_runs_nothing_that_is_24_hours_late() -> None:
    assert told(ago(hours=23, minutes=59), policy="latest") == [RUN]
    assert told(ago(hours=24), policy="latest") == [("missed", "too_late")]
    assert told(ago(hours=54), ago(hours=30), policy="latest") == [("missed", "too_late")] * 2


def test_all_runs_every_one_oldest_first() -> None:
    assert told(ago(days=3), ago(days=2), ago(days=1), policy="all") == [RUN] * 3


def test_skip_runs_only_what_is_not_older_than_15_minutes() -> None:
    assert told(ago(hours=3), ago(minutes=16), ago(minutes=1), policy="skip") == [
        ("missed", "catch_up_off"),
        ("missed", "catch_up_off"),
        RUN,
    ]


@pytest.mark.parametrize("policy", ["latest", "all", "skip"])
def test_a_run_that_a_member_skips_is_skipped_however_late(policy: str) -> None:
    for moment in (ago(minutes=1), ago(hours=3), ago(days=3)):
        assert told(moment, policy=policy, skip=moment) == [("skipped", "skipped_by_hand")]


def test_the_newest_that_is_not_skipped_is_the_latest() -> None:
    assert told(ago(hours=2), ago(hours=1), policy="latest", skip=ago(hours=1)) == [
        RUN,
        ("skipped", "skipped_by_hand"),
    ]


def test_nothing_due_gives_nothing() -> None:
    assert fates([], policy="latest", at=NOW, skip=None) == list[Fate]()
