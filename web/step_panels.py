"""The settings of a step as a form, one class for each kind: read from the document or from what was posted."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from flows import exits
from messaging.models import Content
from records import lists
from records.leaves import is_column
from records.models import List, ListKind
from records.refusals import Invalid
from web.criteria_builder import Vocabulary
from web.editor_saving import Outcome
from web.split_panels import RandomSplitPanel, SplitPanel
from web.step_panel import StepPanel, Target, flows_to_go_to, number_or_text
from web.wait_panels import WaitForEventPanel, WaitPanel


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
        """The properties of the flow's records, without what criteria may ask beside them, such as the consent."""
        vocabulary = Vocabulary.of(self.flow.object_type)
        settable = {key: each for key, each in vocabulary.properties.items() if not is_column(each)}
        self.vocabulary = replace(vocabulary, properties=settable)

    @property
    def taken(self) -> set[str]:
        """Properties that have a row."""
        return {row.key for row in self.rows}

    def slot(self, place: str) -> str:
        """A fault of a value stands at its row."""
        key = place.removeprefix("settings.").removeprefix("values.")
        return next((row.name for row in self.rows if row.key == key), "values")


class FinishPanel(StepPanel):
    """Which flows people go on in."""

    flows: list[Target]

    def read(self, data: QueryDict) -> None:
        """`settings.success_flow` and `settings.otherwise_flow`."""
        super().read(data)
        chosen = {name: number_or_text(data.get(f"settings.{name}", "")) for name in exits.AT_FINISH}
        self.settings = {name: value for name, value in chosen.items() if value is not None}

    def settle(self) -> None:
        """The flows that they may be handed over to."""
        self.flows = flows_to_go_to(self.flow, self.settings.values())

    @property
    def onward(self) -> list[tuple[str, str]]:
        """Its fields with their labels."""
        return [
            ("success_flow", _("Whoever succeeded goes on in the flow")),
            ("otherwise_flow", _("Everyone else goes on in the flow")),
        ]


PANELS: dict[str, type[StepPanel]] = {
    "send_email": SendEmailPanel,
    "wait": WaitPanel,
    "wait_for_event": WaitForEventPanel,
    "split": SplitPanel,
    "random_split": RandomSplitPanel,
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
