"""Random split: shares that hold, and an answer that stays."""

from typing import Any

import pytest
from django.utils.translation import override

from accounts.models import Account
from flows.models import Flow, FlowStatus, Step
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from participants.models import StepLog
from tests.make import make_contacts, make_flow, make_list, make_participant, steps_of
from tests.walking import check_counts, walk

pytestmark = pytest.mark.django_db


def draw(flow: Flow, people: list[Any]) -> dict[int, str]:
    """The branch that each record takes."""
    split = steps_of(flow, "random_split")[0]
    records = {make_participant(flow, person, step=split).pk: person.pk for person in people}
    walk(flow)
    names = {branch.pk: branch.name for branch in Path.of(flow).branches_of(split.pk)}
    log = StepLog.objects.filter(step_id=split.pk).values_list("participant_id", "branch_id")
    return {records[participant]: names[branch] for participant, branch in log}


def test_the_shares_are_those_of_the_weights(in_acme: Account) -> None:
    first, second = make_list("First"), make_list("Second")
    flow = make_flow(
        [{"random_split": [(3, [{"add_to_list": first}]), (1, [{"add_to_list": second}]), (0, [])]}],
        status=FlowStatus.RUNNING,
    )
    drawn = draw(flow, make_contacts(1200))
    took = {name: list(drawn.values()).count(name) for name in ("Branch 1", "Branch 2", "Branch 3")}
    # Four standard deviations of a fair draw: 60 of 900.
    assert 840 < took["Branch 1"] < 960 and took["Branch 1"] + took["Branch 2"] == 1200 and not took["Branch 3"]
    assert (first.entries.count(), second.entries.count()) == (took["Branch 1"], took["Branch 2"])
    assert check_counts(flow).finished == 1200


def test_asked_again_it_says_the_same_and_the_next_split_draws_anew(in_acme: Account) -> None:
    flow = make_flow(
        [{"random_split": [(1, []), (1, [])]}, {"random_split": [(1, []), (1, [])]}], status=FlowStatus.RUNNING
    )
    first, second = steps_of(flow, "random_split")
    for person in make_contacts(200):
        make_participant(flow, person, step=first)
    walk(flow)
    took = {(each.participant_id, each.step_id): each.branch_id for each in StepLog.objects.exclude(branch_id=None)}
    alike = sum(
        (took[person, first.pk] == Path.of(flow).branches_of(first.pk)[0].pk)
        == (took[person, second.pk] == Path.of(flow).branches_of(second.pk)[0].pk)
        for person, step in took
        if step == first.pk
    )
    assert 60 < alike < 140, "the second split must not repeat the first"


def test_it_needs_two_branches_and_a_weight(in_acme: Account) -> None:
    one, none, good = (
        make_flow([{"random_split": branches}]) for branches in ([(1, [])], [(0, []), (0, [])], [(1, []), (None, [])])
    )

    def codes(flow: Flow) -> list[str]:
        step = steps_of(flow, "random_split")[0]
        return [lack.code for lack in KINDS["random_split"].lacks(step, Path.of(flow))]

    assert (codes(one), codes(none), codes(good)) == (["split_without_branches"], ["split_without_weights"], [])


def test_the_card_says_the_shares(in_acme: Account) -> None:
    flow = make_flow([{"random_split": [(2, []), (1, [])]}])
    step = steps_of(flow, "random_split")[0]
    assert KINDS["random_split"].summary(step, Path.of(flow)) == "66.7 % · 33.3 %"
    with override("nb"):
        assert KINDS["random_split"].summary(step, Path.of(flow)) == "66,7 % · 33,3 %"


def test_it_has_no_settings(in_acme: Account) -> None:
    with pytest.raises(SettingsError):
        KINDS["random_split"].clean({"seed": 1}, flow=make_flow())
    assert Step.objects.exists()
