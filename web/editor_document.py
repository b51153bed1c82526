"""Changes to a flow's document, as pure functions: each takes the steps and gives new ones, or NotThere."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from web.paging import read_id

Steps = list[dict[str, Any]]
FINISH = "finish"


class NotThere(LookupError):
    """The step, branch or place is not in the document (any more)."""


@dataclass(frozen=True)
class Spot:
    """Where a step stands: `path` is its place in the document ("steps.1.branches.0.steps.2")."""

    sequence: Steps
    position: int
    path: str
    branch: dict[str, Any] | None  # the one it stands in
    split: dict[str, Any] | None

    @property
    def step(self) -> dict[str, Any]:
        """The step itself."""
        return self.sequence[self.position]

    @property
    def end(self) -> str:
        """The place after it, before what follows in its sequence."""
        if self.position + 1 < len(self.sequence):
            return f"before-{self.sequence[self.position + 1]['id']}"
        return f"end-{self.branch['id']}" if self.branch else ""


def spots(steps: Steps) -> Iterator[Spot]:
    """Every step in reading order, those in branches included."""
    return _spots(steps, "steps", None, None)


def spot(steps: Steps, step_id: int) -> Spot:
    """Where a step stands."""
    return next((each for each in spots(steps) if each.step["id"] == step_id), None) or _missing(step_id)


def ids(steps: Steps) -> set[int]:
    """The ids of all steps."""
    return {each.step["id"] for each in spots(steps)}


def insert(steps: Steps, place: str, kind: str) -> Steps:
    """With a new step of that kind at `place`: "before-<step id>" or "end-<branch id>"."""
    new: dict[str, Any] = {"kind": kind}
    if kind == "split":
        new["branches"] = [{"name": _("Branch {number}").format(number=1)}]
    if kind == "random_split":
        new["branches"] = [{"name": _("Branch {number}").format(number=number), "weight": 1} for number in (1, 2)]
    return _put(deepcopy(steps), place, new)


def remove(steps: Steps, step_id: int) -> Steps:
    """Without the step and all inside it."""
    steps = deepcopy(steps)
    _take(steps, step_id)
    return steps


def move(steps: Steps, step_id: int, place: str) -> Steps:
    """With the step, and all inside it, at `place`."""
    steps = deepcopy(steps)
    if place == f"before-{step_id}":
        return steps
    return _put(steps, place, _take(steps, step_id))


def duplicate(steps: Steps, step_id: int) -> Steps:
    """With a copy right after the step: the same settings, new everything."""
    steps = deepcopy(steps)
    found = spot(steps, step_id)
    found.sequence.insert(found.position + 1, _anew(found.step))
    return steps


def change(steps: Steps, step_id: int, **values: Any) -> Steps:
    """With other values of the step: name, settings, branches."""
    steps = deepcopy(steps)
    spot(steps, step_id).step.update(values)
    return steps


def place_above(steps: Steps, step_id: int) -> str:
    """The place that "up" leads to: before the previous step, or out of the branch; "" at the top."""
    found = spot(steps, step_id)
    if found.position:
        return f"before-{found.sequence[found.position - 1]['id']}"
    return f"before-{found.split['id']}" if found.split else ""


def place_below(steps: Steps, step_id: int) -> str:
    """The place that "down" leads to: after the next step, or out of the branch; "" at the bottom."""
    found = spot(steps, step_id)
    if found.position + 1 < len(found.sequence):
        following = found.sequence[found.position + 1]
        return "" if following["kind"] == FINISH else spot(steps, following["id"]).end
    return spot(steps, found.split["id"]).end if found.split else ""


def _spots(sequence: Steps, path: str, branch: dict[str, Any] | None, split: dict[str, Any] | None) -> Iterator[Spot]:
    for position, step in enumerate(sequence):
        own = f"{path}.{position}"
        yield Spot(sequence, position, own, branch, split)
        for number, inside in enumerate(step["branches"]):
            yield from _spots(inside["steps"], f"{own}.branches.{number}.steps", inside, step)


def _take(steps: Steps, step_id: int) -> dict[str, Any]:
    found = spot(steps, step_id)
    return found.sequence.pop(found.position)


def _put(steps: Steps, place: str, step: dict[str, Any]) -> Steps:
    where, _, number = place.partition("-")
    wanted = read_id(number) or 0
    if where == "before":
        found = spot(steps, wanted)
        found.sequence.insert(found.position, step)
        return steps
    for each in spots(steps):
        for branch in each.step["branches"]:
            if where == "end" and branch["id"] == wanted:
                branch["steps"].append(step)
                return steps
    return _missing(wanted)


def _anew(step: dict[str, Any]) -> dict[str, Any]:
    """A copy without ids."""
    branches = [
        {
            **{key: value for key, value in branch.items() if key != "id"},
            "steps": [_anew(each) for each in branch["steps"]],
        }
        for branch in step["branches"]
    ]
    return {"kind": step["kind"], "name": step["name"], "settings": step["settings"], "branches": branches}


def _missing(number: int) -> Any:
    raise NotThere(f"There is no step or branch {number} in the flow.")
