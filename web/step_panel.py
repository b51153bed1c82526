"""The settings of a step as a form: what the panels of all kinds share."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Model
from django.http import QueryDict

from flows import exits
from flows.models import Flow
from flows.steps import KINDS
from flows.steps.base import StepKind
from flows.visibility import is_seen, name_of
from records.models import List, ListKind
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


class Target(NamedTuple):
    """Another flow, as a menu shows it."""

    id: int
    name: str


class ExitPanel(StepPanel):
    """A step by which people may exit, and where they go from there."""

    flows: list[Target]
    lists: list[List]

    def read_exit(self, data: QueryDict) -> dict[str, Any]:
        """`settings.exit`, `settings.exit_flow` and `settings.exit_list`; nothing while nobody exits."""
        if "settings.exit" not in data:
            return {}
        chosen = {name: number_or_text(data.get(f"settings.{name}", "")) for name in ("exit_flow", "exit_list")}
        return {"exit": True, **chosen}

    def settle(self) -> None:
        """The flows and the static lists that people may go to; none while nobody exits."""
        super().settle()
        self.flows, self.lists = [], []
        if self.settings.get("exit"):
            self.flows = flows_to_go_to(self.flow, [self.settings.get("exit_flow")])
            self.lists = self.static_lists()

    def static_lists(self) -> list[List]:
        """The static lists of the flow's records, by name."""
        rows = List.objects.filter(kind=ListKind.STATIC, is_hidden=False, object_type_id=self.flow.object_type_id)
        return sorted(rows, key=lambda each: (each.name.casefold(), each.pk))


def flows_to_go_to(flow: Flow, chosen: Iterable[Any]) -> list[Target]:
    """The flows that people of `flow` may be handed over to, by name.

    Of those that the reader may not see only the `chosen` ones, unnamed: what somebody else has set stays.
    """
    found = exits.targets(flow).only("name", "visibility", "owner_id")
    kept = set(chosen)
    offered = [Target(each.pk, name_of(each)) for each in found if each.pk in kept or is_seen(each)]
    return sorted(offered, key=lambda each: (each.name.casefold(), each.id))
