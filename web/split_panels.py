"""The settings of a split as a form: its branches, by criteria or by chance."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from web import criteria_builder
from web.criteria_builder import Builder, Vocabulary
from web.step_panel import ExitPanel, StepPanel, number_or_text


@dataclass
class BranchForm:
    """One branch of a split."""

    id: int
    name: str
    is_everyone_else: bool
    steps: list[dict[str, Any]]
    builder: Builder

    @property
    def slot(self) -> str:
        """What its fields' names begin with."""
        return f"branch.{self.id}"


class SplitPanel(ExitPanel):
    """Its branches: names, who takes each, and whether everyone else exits."""

    branches: list[BranchForm]
    vocabulary: Vocabulary

    def load(self) -> None:
        """A form for each branch, in order."""
        self.branches = [
            BranchForm(
                id=branch["id"],
                name=branch["name"],
                is_everyone_else=branch["is_everyone_else"],
                steps=branch["steps"],
                builder=criteria_builder.of_tree(branch["criteria"], f"branch.{branch['id']}.criteria"),
            )
            for branch in self.step["branches"]
        ]

    def read(self, data: QueryDict) -> None:
        """`branch.<id>.name` and its criteria. Names of branches that the form does not know stay."""
        super().read(data)
        self.settings = self.read_exit(data)
        for branch in self.branches:
            branch.name = data.get(f"{branch.slot}.name", branch.name)
            if f"{branch.slot}.criteria.match" in data:
                branch.builder = criteria_builder.of_post(data, branch.builder.name, stored=branch.builder.stored)
        self._act(*data.get("do", "").partition(" ")[::2])

    def settle(self) -> None:
        """What each branch's criteria say."""
        super().settle()
        self.vocabulary = Vocabulary.of(self.flow.object_type)
        criteria_builder.check([each.builder for each in self.branches], self.vocabulary)
        self.is_finished = all(each.builder.is_good for each in self.branches)

    def take_unfinished(self, typed: StepPanel) -> None:
        """The conditions as they were typed."""
        builders = {each.id: each.builder for each in typed.branches} if isinstance(typed, SplitPanel) else {}
        for branch in self.branches:
            branch.builder = builders.get(branch.id, branch.builder)
        self.is_finished = all(each.builder.is_good for each in self.branches)

    def values(self) -> dict[str, Any]:
        """The branches with their steps; those whose criteria are not good yet keep the stored ones."""
        return {
            "name": self.name,
            "settings": self.settings,
            "branches": [
                {**self._stored(each), "name": each.name, "criteria": each.builder.to_save} for each in self.branches
            ],
        }

    def slot(self, place: str) -> str:
        """ "branches.0.criteria" belongs to the first branch."""
        first, _dot, rest = place.partition(".")
        number, _dot, what = rest.partition(".")
        if first == "branches" and number.isdecimal() and int(number) < len(self.branches):
            return f"{self.branches[int(number)].slot}.{what.split('.')[0]}"
        return super().slot(place) if first != "branches" else "branches"

    @property
    def own(self) -> list[BranchForm]:
        """All but "everyone else"."""
        return [each for each in self.branches if not each.is_everyone_else]

    def _stored(self, branch: BranchForm) -> dict[str, Any]:
        if not branch.id:
            return {"steps": []}
        return {"id": branch.id, "is_everyone_else": branch.is_everyone_else, "steps": branch.steps}

    def _act(self, verb: str, target: str) -> None:
        at = next((n for n, each in enumerate(self.branches) if str(each.id) == target), None)
        own = len(self.own)
        if verb == "add_branch":
            name = _("Branch {number}").format(number=own + 1)
            new = BranchForm(0, name, False, [], criteria_builder.of_tree(None, "branch.0.criteria"))
            self.branches.insert(own, new)
        elif at is None:
            return
        elif verb == "remove_branch":
            del self.branches[at]
        elif verb == "move_branch_up" and 0 < at < own:
            self.branches.insert(at - 1, self.branches.pop(at))
        elif verb == "move_branch_down" and at < own - 1:
            self.branches.insert(at + 1, self.branches.pop(at))


@dataclass
class WeightForm:
    """One branch of a random split."""

    id: int
    name: str
    weight: Any  # as typed
    steps: list[dict[str, Any]]
    share: str = ""

    @property
    def slot(self) -> str:
        """What its fields' names begin with."""
        return f"branch.{self.id}"


class RandomSplitPanel(StepPanel):
    """Its branches: names and weights."""

    branches: list[WeightForm]

    def load(self) -> None:
        """A form for each branch, in order."""
        self.branches = [
            WeightForm(each["id"], each["name"], 1 if each["weight"] is None else each["weight"], each["steps"])
            for each in self.step["branches"]
        ]

    def read(self, data: QueryDict) -> None:
        """`branch.<id>.name` and `branch.<id>.weight`."""
        super().read(data)
        for branch in self.branches:
            branch.name = data.get(f"{branch.slot}.name", branch.name)
            if f"{branch.slot}.weight" in data:
                branch.weight = number_or_text(data.get(f"{branch.slot}.weight", ""))
        verb, _space, target = data.get("do", "").partition(" ")
        if verb == "add_branch":
            name = _("Branch {number}").format(number=len(self.branches) + 1)
            self.branches.append(WeightForm(0, name, 1, []))
        elif verb == "remove_branch":
            self.branches = [each for each in self.branches if str(each.id) != target]

    def settle(self) -> None:
        """What part each branch takes."""
        weights = [each.weight if isinstance(each.weight, int) else 0 for each in self.branches]
        for each, weight in zip(self.branches, weights, strict=True):
            each.share = _("%(n)s %%") % {"n": f"{100 * weight / (sum(weights) or 1):.3g}"}

    def values(self) -> dict[str, Any]:
        """The branches with their steps."""
        return {
            "name": self.name,
            "branches": [
                {
                    **({"id": each.id} if each.id else {}),
                    "name": each.name,
                    "weight": each.weight,
                    "steps": each.steps,
                }
                for each in self.branches
            ],
        }

    def slot(self, place: str) -> str:
        """ "branches.0.weight" belongs to the first branch."""
        first, _dot, rest = place.partition(".")
        number, _dot, what = rest.partition(".")
        if first == "branches" and number.isdecimal() and int(number) < len(self.branches):
            return f"{self.branches[int(number)].slot}.{what.split('.')[0]}"
        return super().slot(place) if first != "branches" else "branches"
