"""What comes after what: the steps of a flow as a tree, read once and asked many times."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from .models import Branch, Flow, Step

TRUNK = None
T = TypeVar("T")


@dataclass
class Path:
    """The steps and branches of one flow, in order."""

    flow_id: int
    revision: int
    steps: dict[int, Step] = field(default_factory=dict)
    branches: dict[int, Branch] = field(default_factory=dict)
    sequences: dict[int | None, list[Step]] = field(default_factory=dict)  # branch id, or None for the trunk
    _read: dict[str, Any] = field(default_factory=dict)  # shared by the paths of a group
    _group: list["Path"] = field(default_factory=list)  # read together; empty: this path alone

    @classmethod
    def of(cls, flow: Flow) -> "Path":
        """Read the path of `flow` in two queries."""
        return cls.of_several([flow])[flow.pk]

    @classmethod
    def of_several(cls, flows: Iterable[Flow]) -> dict[int, "Path"]:
        """The paths of flows of one object type by flow id, in two queries; what `once()` reads is read for all."""
        by_id = {flow.pk: flow for flow in flows}
        paths = {flow_id: cls(flow_id=flow_id, revision=flow.revision) for flow_id, flow in by_id.items()}
        group, read = list(paths.values()), dict[str, Any]()
        for path in group:
            path._group, path._read = group, read
        for branch in Branch.objects.filter(flow_id__in=by_id).order_by("position", "id"):
            paths[branch.flow_id].branches[branch.pk] = branch
        for step in Step.objects.filter(flow_id__in=by_id).order_by("position", "id"):
            step.flow = by_id[step.flow_id]
            path = paths[step.flow_id]
            path.steps[step.pk] = step
            path.sequences.setdefault(step.branch_id, []).append(step)
        return paths

    def first(self) -> int | None:
        """The id of the first step; None when the flow has none."""
        return self._first_in(TRUNK)

    def after(self, step_id: int) -> int | None:
        """The id of the step after `step_id`: the next in its sequence, or what follows the split it stands in.

        None after the last step of the trunk, which is Finish.
        """
        step = self.steps[step_id]
        later = [other for other in self.sequences[step.branch_id] if self._place(other) > self._place(step)]
        if later:
            return later[0].pk
        if step.branch_id is TRUNK:
            return None
        return self.after(self.branches[step.branch_id].step_id)

    def first_of(self, branch: Branch) -> int | None:
        """Where someone goes who takes `branch`: its first step, or past the split when it is empty."""
        return self._first_in(branch.pk) or self.after(branch.step_id)

    def branches_of(self, step_id: int) -> list[Branch]:
        """The branches of a split in order, "everyone else" last."""
        found = [branch for branch in self.branches.values() if branch.step_id == step_id]
        return sorted(
            found,
            key=lambda branch: (branch.is_everyone_else, branch.position, branch.pk),
        )

    def once(self, name: str, read: Callable[[], T]) -> T:
        """What `read()` returns, read for the first step that asks and kept for all: no query for each step."""
        if name not in self._read:
            self._read[name] = read()
        return cast("T", self._read[name])

    @property
    def group(self) -> list["Path"]:
        """The paths that were read together, this one among them."""
        return self._group or [self]

    def pointed_at(self, setting: str) -> set[int]:
        """The ids that steps have in `setting`, those of paths that were read together included."""
        steps = (step for path in self.group for step in path.steps.values())
        return {step.settings[setting] for step in steps if step.settings.get(setting)}

    def has_kind(self, *kinds: str) -> bool:
        """True when a step of one of these kinds is on the path."""
        return any(step.kind in kinds for step in self.steps.values())

    def inside(self, step_id: int) -> list[int]:
        """The ids of the step and of every step within its branches."""
        ids = [step_id]
        for branch in self.branches_of(step_id):
            for step in self.sequences.get(branch.pk, []):
                ids += self.inside(step.pk)
        return ids

    def _first_in(self, branch_id: int | None) -> int | None:
        sequence = self.sequences.get(branch_id)
        return sequence[0].pk if sequence else None

    @staticmethod
    def _place(step: Step) -> tuple[int, int]:
        return step.position, step.pk
