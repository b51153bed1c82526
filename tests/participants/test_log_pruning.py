"""The log of the steps is kept for a while, and for ever while it keys what a participant still does."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from accounts.models import Account
from accounts.tenancy import account_scope
from config import env
from flows.models import Flow
from participants import counting, log_pruning, statistics, tasks
from participants.models import Participant, StepLog
from records.models import Record
from scheduling import clock
from tests.make import make_contacts, make_flow, make_participant, steps_of
from tests.walking import walk

pytestmark = pytest.mark.django_db
KEPT = timedelta(days=100)


@pytest.fixture(autouse=True)
def _kept(settings, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """For 100 days, pruned four rows at a time."""
    settings.LOG_RETENTION = KEPT
    monkeypatch.setattr(log_pruning, "CHUNK", 4)


@pytest.fixture
def flow(acme: Account) -> Flow:
    """Six have finished after a split and an update, three wait for a year."""
    with account_scope(acme.pk):
        late = {"all": [{"property": "city", "operator": "eq", "value": "Oslo"}]}
        flow = make_flow([{"update_record": {"score": 1}}, {"split": [(late, ["wait 365 days"])]}], status="running")
        for person in (*make_contacts(3, city="Oslo"), *make_contacts(6)):
            make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    return flow


def prune_all(flow: Flow) -> int:
    """Prune to the end; returns how many chunks were looked at."""
    after, turns = None, 0
    while after := log_pruning.prune(flow.account_id, flow.pk, after):
        turns += 1
        assert turns < 100
    return turns


def rows(flow: Flow) -> int:
    """How many log rows there are."""
    with account_scope(flow.account_id):
        return int(StepLog.objects.filter(flow_id=flow.pk).count())


def test_what_is_not_old_enough_stays(flow: Flow) -> None:
    clock.forward(KEPT - timedelta(hours=1))
    assert log_pruning.due() == [] and prune_all(flow) == 0 and rows(flow) == 3 * 2 + 6 * 3


def test_old_rows_go_but_for_those_of_people_on_the_way(acme: Account, globex: Account, flow: Flow) -> None:
    with account_scope(globex.pk):
        other = make_flow(["finish"], status="running")
        make_participant(other, step=steps_of(other)[0])
    clock.forward(KEPT + timedelta(hours=1))
    walk(other)
    assert log_pruning.due() == [(acme.pk, flow.pk)]
    assert prune_all(flow) == 6
    with account_scope(acme.pk):
        on_the_way = Participant.objects.filter(status="active").values_list("pk", flat=True)
        assert set(StepLog.objects.values_list("participant_id", flat=True)) == set(on_the_way)
        assert rows(flow) == 6
    assert rows(other) == 1


def test_the_counts_stay_and_are_still_proved_by_the_rows(acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        before = statistics.counts([flow.pk]), statistics.standing(flow.pk), statistics.taken(flow.pk)
    clock.forward(KEPT + timedelta(hours=1))
    tasks.prune_log(acme.pk, flow.pk)
    assert rows(flow) == 6
    with account_scope(acme.pk):
        statistics.roll_up(flow.pk)
        assert (statistics.counts([flow.pk]), statistics.standing(flow.pk), statistics.taken(flow.pk)) == before
        assert counting.differences() == []
        StepLog.objects.filter(step_id=steps_of(flow)[0].pk).delete()
        assert [each.what for each in counting.differences()] == ["passed"]


def test_whoever_goes_on_after_years_still_leaves_each_hop_once(acme: Account, flow: Flow) -> None:
    clock.forward(timedelta(days=366))
    prune_all(flow)
    walk(flow)
    with account_scope(acme.pk):
        assert not Participant.objects.filter(status="active").exists()
        hops = StepLog.objects.filter(flow_id=flow.pk).order_by("participant_id", "hop").values_list("hop", flat=True)
        assert list(hops) == [0, 1, 2, 3] * 3
        assert Record.objects.count() == 9
        assert counting.differences() == []


def test_pruning_goes_on_where_it_stopped(acme: Account, flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.forward(KEPT + timedelta(hours=1))
    monkeypatch.setattr(tasks, "SLICE", -1.0)
    turns = 1
    while tasks.prune_log(acme.pk, flow.pk):
        turns += 1
        assert turns < 50
    assert turns == 7 and rows(flow) == 6


def test_a_log_is_kept_for_three_months_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYT_LOG_RETENTION_DAYS", "89")
    with pytest.raises(ImproperlyConfigured, match="FLYT_LOG_RETENTION_DAYS must be at least 90, not 89"):
        env.number("FLYT_LOG_RETENTION_DAYS", 400, least=90)


@override_settings(LOG_RETENTION=timedelta(days=90))
def test_the_setting_is_what_counts(flow: Flow) -> None:
    clock.forward(timedelta(days=91))
    assert log_pruning.due() == [(flow.account_id, flow.pk)]
