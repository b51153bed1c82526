"""Changes to a flow's steps, as pure functions."""

from typing import Any

import pytest

from web import editor_document
from web.editor_document import NotThere


def step(number: int, kind: str = "wait", branches: Any = ()) -> dict[str, Any]:
    """A step of a document."""
    return {"id": number, "kind": kind, "name": f"Step {number}", "settings": {}, "branches": list(branches)}


def branch(number: int, *steps: dict[str, Any], last: bool = False) -> dict[str, Any]:
    """A branch of a document."""
    return {"id": number, "name": "", "criteria": None, "is_everyone_else": last, "steps": list(steps)}


def flow() -> list[dict[str, Any]]:
    """1, 2 (a split with 3 and 4 in its first branch), 5, and Finish."""
    split = step(2, "split", [branch(21, step(3), step(4)), branch(22, last=True)])
    return [step(1), split, step(5), step(9, "finish")]


def order(steps: list[dict[str, Any]]) -> list[Any]:
    """The ids in reading order; a new step is its kind."""
    found: list[Any] = []
    for each in steps:
        found.append(each.get("id", each["kind"]))
        for inside in each.get("branches", []):
            found += order(inside.get("steps", []))
    return found


def test_a_step_is_inserted_before_another_or_at_the_end_of_a_branch() -> None:
    assert order(editor_document.insert(flow(), "before-1", "wait")) == ["wait", 1, 2, 3, 4, 5, 9]
    assert order(editor_document.insert(flow(), "before-4", "wait")) == [1, 2, 3, "wait", 4, 5, 9]
    assert order(editor_document.insert(flow(), "end-21", "wait")) == [1, 2, 3, 4, "wait", 5, 9]
    assert order(editor_document.insert(flow(), "end-22", "wait")) == [1, 2, 3, 4, "wait", 5, 9]


def test_a_new_split_has_a_branch_to_begin_with() -> None:
    new = editor_document.insert(flow(), "before-9", "split")[-2]
    assert [each["name"] for each in new["branches"]] == ["Branch 1"]


@pytest.mark.parametrize(
    "place", ["", "before-77", "end-77", "before-x", "after-1", "end-", "before-²", f"end-{'9' * 5_000}"]
)
def test_a_place_that_is_not_there_is_refused(place: str) -> None:
    with pytest.raises(NotThere):
        editor_document.insert(flow(), place, "wait")


def test_a_step_is_removed_with_all_inside_it() -> None:
    assert order(editor_document.remove(flow(), 2)) == [1, 5, 9]
    with pytest.raises(NotThere):
        editor_document.remove(flow(), 77)


def test_nothing_changes_the_document_it_was_given() -> None:
    before = flow()
    for change in (
        editor_document.insert(before, "before-1", "wait"),
        editor_document.remove(before, 1),
        editor_document.move(before, 1, "before-5"),
        editor_document.duplicate(before, 2),
        editor_document.change(before, 3, name="Other"),
    ):
        assert change != before
    assert before == flow()


def test_up_and_down_go_step_by_step_and_out_of_a_branch() -> None:
    places = {
        number: (editor_document.place_above(flow(), number), editor_document.place_below(flow(), number))
        for number in (1, 2, 3, 4, 5)
    }
    assert places == {
        1: ("", "before-5"),
        2: ("before-1", "before-9"),
        3: ("before-2", "end-21"),
        4: ("before-3", "before-5"),
        5: ("before-2", ""),
    }
    assert order(editor_document.move(flow(), 1, "before-5")) == [2, 3, 4, 1, 5, 9]
    assert order(editor_document.move(flow(), 3, "end-21")) == [1, 2, 4, 3, 5, 9]
    assert order(editor_document.move(flow(), 4, "before-5")) == [1, 2, 3, 4, 5, 9]
    assert order(editor_document.move(flow(), 5, "end-22")) == [1, 2, 3, 4, 5, 9]


def test_a_step_does_not_move_into_itself() -> None:
    with pytest.raises(NotThere):
        editor_document.move(flow(), 2, "end-22")
    assert editor_document.move(flow(), 2, "before-2") == flow()


def test_a_copy_has_the_same_settings_and_no_ids() -> None:
    copied = editor_document.duplicate(flow(), 2)[2]
    assert order([copied]) == ["split", "wait", "wait"]
    assert "id" not in copied["branches"][0] and copied["name"] == "Step 2"


def test_a_spot_knows_its_path_in_the_document() -> None:
    assert editor_document.spot(flow(), 4).path == "steps.1.branches.0.steps.1"
    assert editor_document.ids(flow()) == {1, 2, 3, 4, 5, 9}
