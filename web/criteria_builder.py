"""The criteria builder of a page: the form with its menus, the tree it says, its sentence, and what is wrong with it.

Several builders of one page share their menus and their checks, so a page costs the same however many it has.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from records import criteria, operators, sentences
from records.leaves import Subject
from records.models import ObjectType
from records.operators import OPERATORS, Takes
from web import criteria_form
from web.criteria_form import Group, Row, Unfinished

SHAPES = {"number": "number", "date": "date", "datetime": "date", "choice": "choice", "boolean": "yes_no"}


@dataclass
class Builder:
    """One builder. `scope` says whom the criteria choose: "" nobody has said, "every" record, or "some"."""

    name: str
    root: Group
    scope: str
    stored: Any = None  # the tree as it is in the document
    tree: Any = None  # what the form says
    is_promised: bool = False  # somebody has said that there are conditions
    is_finished: bool = True
    sentence: str = ""
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether `tree` may be saved."""
        return self.is_finished and not self.faults

    @property
    def to_save(self) -> Any:
        """The tree to write: what the form says, or what is stored while that is not good yet."""
        return self.tree if self.is_good else self.stored


@dataclass(frozen=True)
class Vocabulary:
    """What rows may be about."""

    object_type: ObjectType
    properties: dict[str, Any]
    lists: dict[int, str]

    @classmethod
    def of(cls, object_type: ObjectType) -> "Vocabulary":
        """Two queries."""
        subject = Subject(object_type)
        return cls(object_type, subject.properties, subject.lists)


def of_tree(tree: Any, name: str) -> Builder:
    """The builder of a stored tree."""
    scope = "" if tree is None else "every" if tree == {"all": []} else "some"
    return Builder(name, criteria_form.of_tree(tree, name), scope, stored=tree, tree=tree)


def of_post(data: QueryDict, name: str, *, stored: Any) -> Builder:
    """The builder as it was posted, after the button that was pressed in it, if any."""
    root = criteria_form.of_post(data, name)
    scope = data.get(f"{name}.scope", "some")
    verb, _space, target = data.get("do", "").partition(" ")
    if target == name or target.startswith(f"{name}."):
        criteria_form.act(root, verb, target)
    if scope == "some" and not root.members:
        root.members.append(Row(f"{name}.0"))
    return Builder(name, root, scope, stored=stored, is_promised=f"{name}.scope" in data)


def check(builders: Iterable[Builder], vocabulary: Vocabulary) -> None:
    """Settle what each builder says: its tree, its faults, its sentence. Four queries for all of them."""
    checked = list(builders)
    for each in checked:
        _read(each, vocabulary)
    known = [each for each in checked if each.is_finished and each.tree is not None]
    faults = criteria.check_all([each.tree for each in known], vocabulary.object_type) if known else []
    for each, errors in zip(known, faults, strict=True):
        each.faults = criteria_form.place_errors(each.root, errors)
    sentences = criteria.describe_all([each.to_save for each in known], vocabulary.object_type) if known else []
    for each, sentence in zip(known, sentences, strict=True):
        each.sentence = sentence if each.is_good else ""


def _read(builder: Builder, vocabulary: Vocabulary) -> None:
    if builder.scope != "some":
        builder.tree = {"all": []} if builder.scope == "every" else None
        return
    blank = [row for row in builder.root.members if not isinstance(row, Group) and not row.what]
    if blank == builder.root.members:  # nothing chosen at all: no criteria, unless some were promised
        builder.tree, builder.is_finished = None, len(blank) < 2 and not builder.is_promised
        return
    try:
        builder.tree = criteria_form.to_tree(builder.root, vocabulary.properties)
    except Unfinished:
        builder.is_finished = False
    if builder.tree == {"all": [builder.stored]}:  # a lone condition needs no group around it
        builder.tree = builder.stored


def operator_choices(property: Any) -> list[tuple[str, str]]:
    """The operators that fit a property, as menus show them."""
    return [(each.name, sentences.menu_label(each, property.type)) for each in operators.fitting(property.type)]


def value_field(row: Row, property: Any) -> str:
    """Which kind of field the value of a condition takes: none, days, lines, choices, or by the property's type
    text, number, date, choice or yes_no; numbers and dates for two of them."""
    if property is None:
        return "text"
    wanted = OPERATORS[row.operator].takes if row.operator in OPERATORS else Takes.ONE
    shape = SHAPES.get(property.type, "text")
    match wanted:
        case Takes.MANY:
            return "choices" if shape == "choice" else "lines"
        case Takes.PAIR:
            return f"{shape}s"
        case Takes.ONE:
            return shape
    return {Takes.NOTHING: "none", Takes.DAYS: "days"}.get(wanted, "text")
