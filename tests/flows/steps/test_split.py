"""Split: who takes which branch, and where the branches join again."""

import pytest

from accounts.models import Account
from flows.models import Branch, FlowStatus
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from participants.models import StepLog
from tests.make import make_contact, make_flow, make_list, make_participant, steps_of
from tests.walking import check_counts, stories, walk

pytestmark = pytest.mark.django_db


def test_a_split_takes_the_first_branch_that_fits_and_joins_again(in_acme: Account) -> None:
    norwegian = {"all": [{"property": "country", "operator": "eq", "value": "NO"}]}
    in_list, other = make_list("Norwegians"), make_list("Others")
    flow = make_flow(
        [
            {
                "split": [(norwegian, [{"add_to_list": in_list}]), ({"all": []}, [{"add_to_list": other}])],
                "everyone_else": [],
            },
            {"update_record": {"city": "Oslo"}},
        ],
        status=FlowStatus.RUNNING,
    )
    ola, sven = make_contact(country="NO"), make_contact(country="SE")
    for person in (ola, sven):
        make_participant(flow, person, step=steps_of(flow, "split")[0])
    walk(flow)
    assert list(in_list.entries.values_list("record_id", flat=True)) == [ola.pk]
    assert list(other.entries.values_list("record_id", flat=True)) == [sven.pk]
    assert all(story == ["split", "add_to_list", "update_record", "finish"] for story in stories(flow).values())
    assert StepLog.objects.filter(branch_id__isnull=False).count() == 2
    check_counts(flow)


def test_an_empty_branch_leads_past_the_split(in_acme: Account) -> None:
    flow = make_flow([{"split": [], "everyone_else": []}], status=FlowStatus.RUNNING)
    make_participant(flow, step=steps_of(flow, "split")[0])
    walk(flow)
    assert [*stories(flow).values()] == [["split", "finish"]]


def test_a_split_needs_a_branch_and_each_branch_criteria(in_acme: Account) -> None:
    flow = make_flow([{"split": [], "everyone_else": []}])
    kind, step = KINDS["split"], steps_of(flow, "split")[0]
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["split_without_branches"]
    Branch.objects.create(flow=flow, step=step, position=0, name="Norwegians")
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["branch_without_criteria"]
    with pytest.raises(SettingsError):
        kind.clean({"by": "chance"}, flow=flow)


def test_nested_splits_join_where_the_outer_one_does(in_acme: Account) -> None:
    inner = {"split": [({"all": []}, [])], "everyone_else": []}
    flow = make_flow(
        [{"split": [({"all": []}, [inner])], "everyone_else": []}, {"add_to_list": make_list()}],
        status=FlowStatus.RUNNING,
    )
    make_participant(flow, step=steps_of(flow, "split")[0])
    walk(flow)
    assert [*stories(flow).values()] == [["split", "split", "add_to_list", "finish"]]
