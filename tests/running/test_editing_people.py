"""The protecting rule: what people stand on, or inside, is neither moved nor removed. Everything else may change."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from flows.document import as_document
from flows.models import Flow, FlowStatus, Step
from participants.models import FlowAddress, ParticipantStatus
from running.editing import edit
from tests import make

IN_NORWAY = {"property": "country", "operator": "eq", "value": "NO"}
IN_SWEDEN = {"property": "country", "operator": "eq", "value": "SE"}
NEW = {"kind": "wait", "settings": {"amount": 1, "unit": "hours"}}


@pytest.fixture
def flow(in_acme: Account) -> Flow:
    """first, split (Norway: inside, beside; Sweden; everyone else), last, finish."""
    steps = [
        "wait 1 days",
        {"split": [(IN_NORWAY, ["wait 2 days", "wait 3 days"]), (IN_SWEDEN, [])], "name": "By country"},
        "wait 4 days",
    ]
    return make.make_flow(steps, status=FlowStatus.PAUSED)


def stand(flow: Flow, place: str, people: int = 1) -> Step:
    """Let people stand on the named step."""
    names = ("first", "split", "inside", "beside", "last", "finish")
    step = make.steps_of(flow)[names.index(place)]
    for _ in range(people):
        make.make_participant(flow, step=step)
    return step


def save(flow: Flow, steps: list[Any], *, by: Actor) -> list[Any]:
    """Give the flow these steps, and return what it then has."""
    return list(as_document(edit(flow.account_id, flow.pk, {"steps": steps}, revision=1, by=by))["steps"])


def remove_first(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    return [split, last, finish]


def swap_first_and_last(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    return [last, split, first, finish]


def remove_split(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    return [first, last, finish]


def remove_norway(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    return [first, {**split, "branches": split["branches"][1:]}, last, finish]


def swap_norway_and_sweden(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    norway, sweden, others = split["branches"]
    return [first, {**split, "branches": [sweden, norway, others]}, last, finish]


def remove_inside(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    norway, *others = split["branches"]
    norway = {**norway, "steps": norway["steps"][1:]}
    return [first, {**split, "branches": [norway, *others]}, last, finish]


def swap_inside_and_beside(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    norway, *others = split["branches"]
    norway = {**norway, "steps": norway["steps"][::-1]}
    return [first, {**split, "branches": [norway, *others]}, last, finish]


def move_inside_to_sweden(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    norway, sweden, others = split["branches"]
    inside, beside = norway["steps"]
    branches = [{**norway, "steps": [beside]}, {**sweden, "steps": [inside]}, others]
    return [first, {**split, "branches": branches}, last, finish]


def move_inside_to_the_trunk(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    norway, *others = split["branches"]
    inside, beside = norway["steps"]
    return [first, inside, {**split, "branches": [{**norway, "steps": [beside]}, *others]}, last, finish]


def move_split_into_a_new_split(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    return [first, {"kind": "split", "branches": [{"name": "Outer", "steps": [split]}]}, last, finish]


def move_first_behind_the_split(first: Any, split: Any, last: Any, finish: Any) -> list[Any]:
    return [split, first, last, finish]


Change = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("first", remove_first),
        ("first", swap_first_and_last),
        ("last", swap_first_and_last),
        ("split", swap_first_and_last),
        ("inside", swap_first_and_last),
        ("split", remove_split),
        ("inside", remove_split),
        ("inside", remove_norway),
        ("inside", swap_norway_and_sweden),
        ("inside", remove_inside),
        ("inside", swap_inside_and_beside),
        ("beside", swap_inside_and_beside),
        ("inside", move_inside_to_sweden),
        ("inside", move_inside_to_the_trunk),
        ("inside", move_split_into_a_new_split),
        ("split", move_split_into_a_new_split),
        ("first", move_first_behind_the_split),
        ("split", move_first_behind_the_split),
        ("beside", move_first_behind_the_split),
    ],
)
def test_where_people_stand_nothing_is_moved_or_removed(flow: Flow, owner: Actor, place: str, change: Change) -> None:
    step = stand(flow, place, people=2)
    before = as_document(flow)
    with pytest.raises(NotAllowed) as refused:
        save(flow, change(*before["steps"]), by=owner)
    assert refused.value.code == "people_stand_here"
    assert refused.value.detail == {"steps": [{"id": step.pk, "name": step.name or "Wait", "people": 2}]}
    assert "2 people" in refused.value.message
    assert as_document(Flow.objects.get()) == before
    assert not History.objects.filter(verb="edited").exists()


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("last", remove_first),
        ("inside", remove_first),
        ("finish", swap_first_and_last),
        ("first", remove_split),
        ("last", remove_split),
        ("split", remove_norway),
        ("split", swap_norway_and_sweden),
        ("beside", remove_inside),
        ("beside", move_inside_to_sweden),
        ("first", move_inside_to_the_trunk),
        ("split", move_inside_to_the_trunk),
        ("beside", move_inside_to_the_trunk),
        ("last", move_split_into_a_new_split),
        ("last", move_first_behind_the_split),
    ],
)
def test_where_nobody_stands_everything_may_go(flow: Flow, owner: Actor, place: str, change: Change) -> None:
    stand(flow, place)
    steps = change(*as_document(flow)["steps"])
    saved = save(flow, steps, by=owner)
    assert shape(saved) == shape(steps)


def test_steps_may_be_added_and_changed_around_people(flow: Flow, owner: Actor) -> None:
    inside, first = stand(flow, "inside"), stand(flow, "first")
    document = as_document(flow)["steps"]
    norway, sweden, others = document[1]["branches"]
    norway["steps"] = [NEW, {"id": inside.pk, "settings": {"amount": 9, "unit": "weeks"}}, NEW, norway["steps"][1]]
    norway["criteria"] = IN_SWEDEN
    branches = [{"name": "New", "criteria": IN_NORWAY, "steps": [NEW]}, norway, sweden, {**others, "steps": [NEW]}]
    split = {**document[1], "branches": branches}
    saved = save(flow, [NEW, document[0], NEW, split, document[2], NEW, document[3]], by=owner)
    assert saved[1]["id"] == first.pk
    assert saved[3]["branches"][1]["steps"][1]["id"] == inside.pk
    assert saved[3]["branches"][1]["steps"][1]["settings"] == {"amount": 9, "unit": "weeks"}


def test_the_refusal_names_everyone_in_the_way_and_the_ways_out(flow: Flow, owner: Actor) -> None:
    inside, split = stand(flow, "inside"), stand(flow, "split", people=3)
    stand(flow, "first", people=5)
    with pytest.raises(NotAllowed) as refused:
        save(flow, remove_split(*as_document(flow)["steps"]), by=owner)
    assert refused.value.detail["steps"] == [
        {"id": split.pk, "name": "By country", "people": 3},
        {"id": inside.pk, "name": "Wait", "people": 1},
    ]
    assert refused.value.message == (
        "What people stand on, or inside, cannot be moved or removed: 3 people on “By country”, 1 person on “Wait”. "
        "Wait until they have passed, let them leave the flow, or end the flow."
    )


def test_those_in_the_queue_or_out_of_the_flow_hold_nothing(flow: Flow, owner: Actor) -> None:
    make.make_participant(flow)
    for status in ParticipantStatus.values:
        if status != ParticipantStatus.ACTIVE:
            make.make_participant(flow, step=make.steps_of(flow)[0], status=status)
    assert [step["kind"] for step in save(flow, [], by=owner)] == ["finish"]


def test_people_in_another_flow_hold_nothing_here(flow: Flow, owner: Actor) -> None:
    other = make.make_flow(["wait 1 days"], status=FlowStatus.PAUSED)
    make.make_participant(other, step=make.steps_of(other)[0])
    assert [step["kind"] for step in save(flow, [], by=owner)] == ["finish"]


def shape(steps: list[Any]) -> list[Any]:
    """The ids of a tree in order, new ones as None where a document has none."""
    return [
        (step["kind"], [(branch["name"], shape(branch["steps"])) for branch in step["branches"]])
        if step["kind"] == "split"
        else step["id"]
        for step in without_everyone_else(steps)
    ]


def without_everyone_else(steps: list[Any]) -> list[Any]:
    """Steps whose splits show only the branches that somebody made."""
    return [
        {**step, "branches": [each for each in step.get("branches", []) if not each.get("is_everyone_else")]}
        for step in steps
    ]


def test_when_no_step_sends_any_more_addresses_are_free(in_acme: Account, owner: Actor) -> None:
    """Otherwise they would stay taken for good: who leaves such a flow gives none back."""
    flow = make.make_flow(["send_email", "wait 1 day"], status=FlowStatus.PAUSED)
    participant = make.make_participant(flow, step=make.steps_of(flow, "wait")[0])
    FlowAddress.objects.create(flow_id=flow.pk, address="a@example.com", participant_id=participant.pk)
    send, wait, finish = as_document(flow)["steps"]
    edit(flow.account_id, flow.pk, {"steps": [send, wait, NEW, finish]}, revision=1, by=owner)
    assert FlowAddress.objects.count() == 1
    edit(flow.account_id, flow.pk, {"steps": [wait, finish]}, revision=2, by=owner)
    assert not FlowAddress.objects.exists()
