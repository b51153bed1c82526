"""The settings of a step as a form, one class for each kind: read from the document or from what was posted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from flows.models import Flow
from flows.steps import KINDS
from flows.steps.base import StepKind
from flows.steps.wait import UNITS
from messaging.models import Content
from records import lists
from records.models import List, ListKind
from records.refusals import Invalid
from web import criteria_builder
from web.criteria_builder import Builder, Vocabulary
from web.editor_saving import Outcome


def number_or_text(text: str) -> Any:
    """A whole number; what is none stays text, for the check to refuse; blank is None."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 19 else text or None


@dataclass
class StepPanel:
    """The panel of one step. `step` is its part of the document."""

    flow: Flow
    step: dict[str, Any]
    name: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    is_finished: bool = True  # False: something half-written is left out of what is saved
    refused: Outcome | None = None  # what a button could not do

    def __post_init__(self) -> None:
        self.name, self.settings = self.step["name"], self.step["settings"]
        self.load()

    @property
    def kind(self) -> StepKind:
        """What kind of step it is."""
        return KINDS[self.step["kind"]]

    @property
    def template(self) -> str:
        """What draws the fields."""
        return f"steps/{self.step['kind']}.html"

    @property
    def title(self) -> str:
        """What people call the step."""
        return str(self.step["name"] or self.kind.label)

    def load(self) -> None:
        """Fill the form from the document."""

    def read(self, data: QueryDict) -> None:
        """Fill the form from what was posted."""
        self.name = data.get("name", self.name)

    def values(self) -> dict[str, Any]:
        """What to write into the step."""
        return {"name": self.name, "settings": self.settings}

    def settle(self) -> None:
        """Read what the form needs to be drawn. Inside the account's scope."""

    def make(self, verb: str, data: QueryDict) -> Model | None:
        """What a button makes beside the step, already chosen in it. Inside the account's scope."""
        return None

    def take_unfinished(self, typed: "StepPanel") -> None:
        """Show what is half-written in another form of the same step."""

    def slot(self, place: str) -> str:
        """The name of the field at a place in the step, as problems and faults tell it."""
        return place if place.split(".")[0] in ("name", "settings") else f"settings.{place}"


class SendEmailPanel(StepPanel):
    """Which content is sent."""

    contents: list[Content]

    def read(self, data: QueryDict) -> None:
        """`settings.content`."""
        super().read(data)
        self.settings = {"content": number_or_text(data.get("settings.content", ""))}

    def make(self, verb: str, data: QueryDict) -> Content | None:
        """A content of the flow's own."""
        if verb != "new_content":
            return None
        name = self.name.strip() or _("E-mail of {flow}").format(flow=self.flow.name)
        made: Content = Content.objects.create(name=name[:200], flow_id=self.flow.pk)
        self.settings = {"content": made.pk}
        return made

    def settle(self) -> None:
        """The flow's own contents first, then those that belong to no flow; and the chosen one, whosever it is."""
        chosen = self.step["settings"].get("content")
        usable = Q(flow_id=self.flow.pk) | Q(flow_id=None) | Q(pk=chosen)
        rows = Content.objects.filter(usable).defer("html", "text")
        self.contents = sorted(rows, key=lambda each: (each.flow_id is None, each.name.casefold(), each.pk))

    @property
    def content(self) -> Content | None:
        """The chosen one."""
        return next((each for each in self.contents if each.pk == self.settings.get("content")), None)


class WaitPanel(StepPanel):
    """How long."""

    def read(self, data: QueryDict) -> None:
        """`settings.amount` and `settings.unit`."""
        super().read(data)
        self.settings = {
            "amount": number_or_text(data.get("settings.amount", "")),
            "unit": data.get("settings.unit", "days"),
        }

    @property
    def units(self) -> list[tuple[str, str]]:
        """The units with their names."""
        names = {"minutes": _("minutes"), "hours": _("hours"), "days": _("days"), "weeks": _("weeks")}
        return [(unit, names[unit]) for unit in UNITS]


class AddToListPanel(StepPanel):
    """Which list."""

    choices: list[List]

    def read(self, data: QueryDict) -> None:
        """`settings.list`."""
        super().read(data)
        self.settings = {"list": number_or_text(data.get("settings.list", ""))}

    def make(self, verb: str, data: QueryDict) -> List | None:
        """A static list with the name in `new_list`."""
        if verb != "new_list":
            return None
        try:
            made = lists.create_static(data.get("new_list", ""), self.flow.object_type)
        except Invalid as error:
            self.refused = Outcome(422, {"new_list": error.errors[0].message})
            return None
        self.settings = {"list": made.pk}
        self.settle()
        return made

    def settle(self) -> None:
        """The static lists of the flow's records."""
        rows = List.objects.filter(kind=ListKind.STATIC, object_type_id=self.flow.object_type_id)
        self.choices = sorted(rows, key=lambda each: (each.name.casefold(), each.pk))


@dataclass
class ValueRow:
    """One property that is set, or cleared."""

    name: str
    key: str
    value: str
    clear: bool
    is_new: bool = False


class UpdateRecordPanel(StepPanel):
    """Which properties get which values."""

    rows: list[ValueRow]
    vocabulary: Vocabulary

    def load(self) -> None:
        """One row for each property, and one to begin with."""
        given = self.settings.get("values") or {}
        self.rows = [
            ValueRow(f"values.{number}", key, _as_text(value), value is None)
            for number, (key, value) in enumerate(given.items())
        ] or [ValueRow("values.0", "", "", False)]

    def read(self, data: QueryDict) -> None:
        """`values.<number>.property`, `.value` and `.clear`; half-written rows are left out of the settings."""
        super().read(data)
        rows = [
            ValueRow(name, data.get(f"{name}.property", ""), data.get(f"{name}.value", ""), f"{name}.clear" in data)
            for name in _row_names(data)
        ]
        verb, _space, target = data.get("do", "").partition(" ")
        self.rows = [row for row in rows if (verb, target) != ("remove_value", row.name)]
        if verb == "add_value":
            self.rows.append(ValueRow("", "", "", False, is_new=True))
        for number, row in enumerate(self.rows):
            row.name = f"values.{number}"
        whole = [row for row in self.rows if row.key and (row.clear or row.value.strip())]
        self.is_finished = len(whole) == sum(bool(row.key) for row in self.rows)
        self.settings = {"values": {row.key: None if row.clear else row.value for row in whole}}

    def settle(self) -> None:
        """The properties of the flow's records."""
        self.vocabulary = Vocabulary.of(self.flow.object_type)

    @property
    def taken(self) -> set[str]:
        """Properties that have a row."""
        return {row.key for row in self.rows}

    def slot(self, place: str) -> str:
        """A fault of a value stands at its row."""
        key = place.removeprefix("settings.").removeprefix("values.")
        return next((row.name for row in self.rows if row.key == key), "values")


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


class SplitPanel(StepPanel):
    """Its branches: names, and who takes each."""

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
        for branch in self.branches:
            branch.name = data.get(f"{branch.slot}.name", branch.name)
            if f"{branch.slot}.criteria.match" in data:
                branch.builder = criteria_builder.of_post(data, branch.builder.name, stored=branch.builder.stored)
        self._act(*data.get("do", "").partition(" ")[::2])

    def settle(self) -> None:
        """What each branch's criteria say."""
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


class FinishPanel(StepPanel):
    """Nothing to set but the name."""

    def values(self) -> dict[str, Any]:
        """The name."""
        return {"name": self.name}


PANELS: dict[str, type[StepPanel]] = {
    "send_email": SendEmailPanel,
    "wait": WaitPanel,
    "split": SplitPanel,
    "update_record": UpdateRecordPanel,
    "add_to_list": AddToListPanel,
    "finish": FinishPanel,
}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _row_names(data: QueryDict) -> Iterator[str]:
    numbers = {key.split(".")[1] for key in data if key.startswith("values.") and key.count(".") == 2}
    return (f"values.{number}" for number in sorted((n for n in numbers if n.isdecimal()), key=int))
