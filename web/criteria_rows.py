"""What the form of criteria is made of: nested groups of rows, each named after its place."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from records import operators
from records.event_words import about

LIST = "list"
EVENT = "event"
FLOW = "flow"
EVER = "ever"
OTHER = "other"  # a condition that this form has no fields for: kept as it is


@dataclass
class Row:
    """One condition. `what` is "property:<key>", "list", "event", "flow", "other", or "" for none chosen yet.

    Of a flow: `status` of the walk through it. Of an event: `event` its kind, `times` at least, `days` within, or from
    the day `since` to the day `until`; what it is about: `content` and `chosen_list` by their ids, `link`, and in
    `details` all else, as pairs of a key and a value.
    """

    name: str
    what: str = ""
    operator: str = ""
    values: list[str] = field(default_factory=list)
    unknown: bool = False
    status: str = ""
    event: str = ""
    times: str = ""
    days: str = ""
    since: str = ""
    until: str = ""
    content: str = ""
    chosen_list: str = ""
    link: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)
    other: str = ""  # JSON
    is_new: bool = False  # takes the focus
    error: str = ""
    node: str = ""  # its path in the tree

    @property
    def key(self) -> str:
        """The key of the property it is about; "" for anything else."""
        return self.what.removeprefix("property:") if self.what.startswith("property:") else ""

    @property
    def about(self) -> str:
        """What its event may be about: a "message", a "list", "own" details, or "" for nothing more."""
        return about(self.event)

    @property
    def shown_details(self) -> list[tuple[str, str]]:
        """The pairs, and for an own event room for one more; of others there are only those that the API set."""
        return [*self.details, ("", "")] if self.about == "own" else self.details

    @property
    def is_negative(self) -> bool:
        """Whether it says what records without a value do."""
        return bool(self.key and self.operator in operators.OPERATORS and operators.OPERATORS[self.operator].negates)

    @property
    def value(self) -> str:
        """The first value."""
        return self.values[0] if self.values else ""

    @property
    def high(self) -> str:
        """The second value."""
        return self.values[1] if len(self.values) > 1 else ""

    @property
    def lines(self) -> str:
        """All its values, one on each line."""
        return "\n".join(self.values)


@dataclass
class Group:
    """Rows and groups, of which all, any or none must be met. `about`: by an associated record, of the type with that
    key; with `is_primary` by the primary one."""

    name: str
    match: str = "all"
    members: "list[Row | Group]" = field(default_factory=list)
    about: str = ""
    is_primary: bool = False
    error: str = ""
    node: str = ""

    @property
    def is_root(self) -> bool:
        """Whether no group is around it."""
        return not self.name.rpartition(".")[2].isdecimal()


def every_group(group: Group) -> Iterator[Group]:
    """The group and all inside it."""
    yield group
    for member in group.members:
        if isinstance(member, Group):
            yield from every_group(member)


def scalar(text: str) -> Any:
    """What somebody typed: a number, true or false, or the text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, str | int | float | bool) else text
