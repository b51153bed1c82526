"""Reads the steps of a flow document: a trunk of steps, and in every split its branches with steps of their own."""

from typing import Any

from django.utils.translation import gettext as _

from accounts.actors import Actor
from flows import exits
from flows.models import Flow
from flows.steps import KINDS
from flows.steps.base import SettingsError, StepKind

from .drafts import BranchDraft, StepDraft
from .reader import DocumentReader

MOST_STEPS = 500
MOST_BRANCHES = 50
DEEPEST = 8  # splits within splits
FINISH = "finish"
STEP_KEYS = ("id", "kind", "name", "settings", "branches")
BRANCH_KEYS = ("id", "name", "criteria", "weight", "is_everyone_else", "steps")
HEAVIEST = 1000


class TreeReader:
    """Reads one tree against the steps that the flow has, each of which it may name once."""

    def __init__(self, reader: DocumentReader, flow: Flow, current: list[dict[str, Any]], *, by: Actor) -> None:
        self.reader, self.flow, self.by = reader, flow, by
        self.left: dict[int, dict[str, Any]] = {}  # steps of the flow that the document has not named so far
        self.finish_id: int | None = None
        self.count = 0
        self._take_in(current)

    def trunk(self, value: object) -> list[StepDraft]:
        """The steps of the trunk, with Finish as the last one: the flow's own when the document leaves it out."""
        steps = self._sequence("steps", value, depth=0)
        if self.count > MOST_STEPS:
            self.reader.refuse("steps", _("A flow has at most {most} steps.").format(most=MOST_STEPS))
        if not steps or steps[-1].kind != FINISH:
            steps.append(StepDraft(id=self.finish_id, kind=FINISH, name="", settings={}))
        return steps

    def _take_in(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            self.left[step["id"]] = step
            if step["kind"] == FINISH:
                self.finish_id = step["id"]
            for branch in step["branches"]:
                self._take_in(branch["steps"])

    def _sequence(self, path: str, value: object, *, depth: int) -> list[StepDraft]:
        if not isinstance(value, list):
            self.reader.refuse(path, _("Write a list of steps."))
            return []
        steps = [self._step(f"{path}.{position}", item, depth) for position, item in enumerate(value)]
        for position, step in enumerate(steps):
            if step and step.kind == FINISH and (depth or position < len(steps) - 1):
                self.reader.refuse(f"{path}.{position}.kind", _("Finish is the last step, outside every branch."))
        return [step for step in steps if step]

    def _step(self, path: str, value: object, depth: int) -> StepDraft | None:
        if self.count > MOST_STEPS:  # told once, by the trunk
            return None
        given = self.reader.known(value, STEP_KEYS, path=path)
        if not isinstance(value, dict):
            return None
        step_id = self.reader.identity(f"{path}.id", given.get("id"))
        if step_id is None and given.get("kind") == FINISH:  # there is one: it needs no id to be known by
            step_id = self.finish_id if self.finish_id in self.left else None
        if step_id is not None and step_id not in self.left:
            message = _("The flow has no such step, or it is named twice. Leave the id of a new one out.")
            self.reader.refuse(f"{path}.id", message)
            return None
        before = self.left.pop(step_id, {}) if step_id else {}
        merged = {"name": "", "settings": {}, "branches": [], **before, **given}
        kind = self._kind(f"{path}.kind", merged.get("kind"), before.get("kind"))
        if kind is None:
            return None
        self.count += kind.kind != FINISH
        return StepDraft(
            id=step_id,
            kind=kind.kind,
            name=self.reader.text(f"{path}.name", merged["name"], most=200),
            settings=self._settings(f"{path}.settings", merged["settings"], kind, before.get("settings")),
            branches=self._branches(f"{path}.branches", merged["branches"], kind, before.get("branches", []), depth),
        )

    def _kind(self, path: str, value: object, old: str | None) -> StepKind | None:
        name = self.reader.choice(path, value, KINDS)
        if name and old and name != old:
            self.reader.refuse(path, _("A step keeps its kind. Add another step and remove this one."))
        return KINDS[name] if name else None

    def _settings(self, path: str, value: object, kind: StepKind, old: dict[str, Any] | None) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.reader.refuse(path, _("Write an object."))
            return {}
        if old is not None and value == old:
            return old
        if self.reader.object_type is None:
            return value
        try:
            return self._within_sight(path, kind.clean(value, flow=self.flow), old or {})
        except SettingsError as error:
            for place, message in error.errors.items():
                self.reader.refuse(f"{path}.{place}" if place else path, str(message))
            return {}

    def _within_sight(self, path: str, settings: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
        """Where somebody else sends people may stay; only what one sees can be chosen."""
        kept = {old.get(name) for name in exits.FLOWS}
        for name in exits.FLOWS:
            target = settings.get(name)
            if target is not None and target not in kept and not exits.may_choose(self.flow, target, by=self.by):
                self.reader.refuse(f"{path}.{name}", str(exits.NO_TARGET))
        return settings

    def _branches(
        self, path: str, value: object, kind: StepKind, old: list[dict[str, Any]], depth: int
    ) -> list[BranchDraft]:
        """The branches of a split, "everyone else" last."""
        if not isinstance(value, list):
            self.reader.refuse(path, _("Write a list of branches."))
            return []
        if not kind.has_branches:
            if value:
                self.reader.refuse(path, _("Only a split has branches."))
            return []
        if depth == DEEPEST:
            message = _("Splits stand at most {most} deep in each other.")
            self.reader.refuse(path, message.format(most=DEEPEST))
            return []
        if len(value) > MOST_BRANCHES:
            self.reader.refuse(path, _("A split has at most {most} branches.").format(most=MOST_BRANCHES))
            return []
        left = {branch["id"]: branch for branch in old}
        branches = [
            self._branch(f"{path}.{position}", item, kind, left, is_last=position == len(value) - 1, depth=depth)
            for position, item in enumerate(value)
        ]
        drafts = [branch for branch in branches if branch]
        return self._with_everyone_else(path, drafts, left) if kind.has_everyone_else else drafts

    def _branch(
        self,
        path: str,
        value: object,
        kind: StepKind,
        left: dict[int, dict[str, Any]],
        *,
        is_last: bool,
        depth: int,
    ) -> BranchDraft | None:
        given = self.reader.known(value, BRANCH_KEYS, path=path)
        if not isinstance(value, dict):
            return None
        branch_id = self.reader.identity(f"{path}.id", given.get("id"))
        if branch_id is None and given.get("is_everyone_else") is True:  # there is one: it needs no id to be known by
            branch_id = next((each["id"] for each in left.values() if each["is_everyone_else"]), None)
        if branch_id is not None and branch_id not in left:
            message = _("The split has no such branch, or it is named twice. Leave the id of a new one out.")
            self.reader.refuse(f"{path}.id", message)
            return None
        before = left.pop(branch_id, {}) if branch_id else {}
        blank: dict[str, Any] = {"name": "", "criteria": None, "weight": None, "is_everyone_else": False, "steps": []}
        merged = {**blank, **before, **given}
        is_everyone_else = self._is_everyone_else(path, merged, before, is_last=is_last)
        self._refuse_strange(path, merged, kind)
        return BranchDraft(
            id=branch_id,
            name=self.reader.text(f"{path}.name", merged["name"], most=200),
            criteria=self.reader.criteria(f"{path}.criteria", merged["criteria"], old=before.get("criteria")),
            is_everyone_else=is_everyone_else,
            weight=self._weight(f"{path}.weight", merged["weight"]),
            steps=self._sequence(f"{path}.steps", merged["steps"], depth=depth + 1),
        )

    def _refuse_strange(self, path: str, merged: dict[str, Any], kind: StepKind) -> None:
        """Criteria decide in one kind of split, weights in the other."""
        if kind.has_everyone_else and merged["weight"] is not None:
            self.reader.refuse(f"{path}.weight", _("Criteria say who takes a branch here. Leave the weight out."))
        if not kind.has_everyone_else and merged["criteria"] is not None:
            self.reader.refuse(f"{path}.criteria", _("Chance says who takes a branch here. Leave the criteria out."))
        if not kind.has_everyone_else and merged["is_everyone_else"] is True:
            self.reader.refuse(f"{path}.is_everyone_else", _("A random split has no such branch."))

    def _weight(self, path: str, value: object) -> int | None:
        return None if value is None else self.reader.whole_number(path, value, low=0, high=HEAVIEST)

    def _is_everyone_else(self, path: str, merged: dict[str, Any], before: dict[str, Any], *, is_last: bool) -> bool:
        place = f"{path}.is_everyone_else"
        said = self.reader.flag(place, merged["is_everyone_else"])
        if before and said != before["is_everyone_else"]:
            self.reader.refuse(place, _("A branch cannot become “everyone else”, nor stop being it."))
        if said and not is_last:
            self.reader.refuse(place, _("“Everyone else” is always the last branch."))
        if said and merged["criteria"] is not None:
            self.reader.refuse(f"{path}.criteria", _("“Everyone else” takes whom no other branch took: no criteria."))
        return said

    def _with_everyone_else(
        self, path: str, branches: list[BranchDraft], left: dict[int, dict[str, Any]]
    ) -> list[BranchDraft]:
        if any(branch["is_everyone_else"] for branch in left.values()):
            self.reader.refuse(path, _("“Everyone else” cannot be removed. Give it as the last branch."))
        elif not any(branch.is_everyone_else for branch in branches):
            branches.append(
                BranchDraft(
                    id=None, name=_("Everyone else"), criteria=None, is_everyone_else=True, weight=None, steps=[]
                )
            )
        return branches
