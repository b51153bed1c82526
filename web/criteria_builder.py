"""The criteria builder of a page: the form with its menus, the tree it says, its sentence, and what is wrong with it.

Several builders of one page share their menus and their checks, so a page costs the same however many it has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.actors import Actor, read_by
from accounts.tenancy import current_account_id
from flows.models import Flow
from flows.visibility import is_seen
from participants.models import ParticipantStatus
from records import criteria, matching, operators, sentences
from records.event_words import EVENT_NAMES, event_name
from records.leaves import Subject, is_column
from records.leaves import columns as columns_of
from records.models import Consent, EventKind, List, ObjectType, Property, PropertyType
from records.operators import OPERATORS, Takes
from records.refusals import Error
from scheduling.clock import now
from web import criteria_form
from web.content_menu import ContentMenu
from web.criteria_rows import EVER, Group, Row
from web.criteria_tree import Unfinished, to_tree

SHAPES = {
    "number": "number",
    "date": "date",
    "datetime": "date",
    "choice": "choice",
    "multiple_choice": "choice",
    "owner": "choice",
    "boolean": "yes_no",
}


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
    """What rows may be about. `associated`: the vocabularies of the other object types, by their keys."""

    object_type: ObjectType
    properties: dict[str, Any]
    lists: dict[int, str]
    events: list[tuple[str, str]]  # kinds and what they are called, in the order of menus
    members: dict[int, str]
    flows: dict[str, str]  # by id as text, those that whoever reads may see
    contents: ContentMenu
    associated: "dict[str, Vocabulary]" = field(default_factory=dict)

    @classmethod
    def of(cls, object_type: ObjectType) -> "Vocabulary":
        """Six queries, however many object types there are, and one for contents once a row asks for them."""
        types = list(ObjectType.objects.filter(archived_at=None).order_by("pk"))
        properties: dict[int, dict[str, Any]] = {each.pk: {} for each in types}
        for property in Property.objects.filter(archived_at=None).select_related("object_type").order_by("pk"):
            properties.setdefault(property.object_type_id, {})[property.key] = property
        lists: dict[int, dict[int, str]] = {}
        for found in List.objects.filter(is_hidden=False, deleted_at=None).order_by("name", "pk"):
            lists.setdefault(found.object_type_id, {})[found.pk] = found.name
        flows: dict[int, dict[str, str]] = {}
        seen: dict[int, str] = {}
        for flow in Flow.objects.only("name", "object_type", "visibility", "owner").order_by("name", "pk"):
            if is_seen(flow):
                flows.setdefault(flow.object_type_id, {})[str(flow.pk)] = seen[flow.pk] = flow.name
        own = list(EventKind.objects.order_by("kind").values_list("kind", flat=True))
        events = [(kind, event_name(kind)) for kind in dict.fromkeys([*EVENT_NAMES, *own])]
        members, contents = Subject(object_type).members, ContentMenu(seen)

        def vocabulary(each: ObjectType) -> Vocabulary:
            columns = {column.key: column for column in columns_of(each)}
            known, theirs = properties.get(each.pk, {}) | columns, lists.get(each.pk, {})
            return cls(each, known, theirs, events, members, flows.get(each.pk, {}), contents)

        made = vocabulary(object_type)
        made.associated.update({each.key: vocabulary(each) for each in types})
        return made

    @property
    def walk_statuses(self) -> list[tuple[str, str]]:
        """How somebody may stand in a flow."""
        return [
            (EVER, _("any, also of earlier walks")),
            *((value, str(label)) for value, label in ParticipantStatus.choices),
        ]

    @property
    def event_kinds(self) -> list[str]:
        """The kinds in the menu."""
        return [kind for kind, _name in self.events]

    @property
    def list_ids(self) -> list[str]:
        """The lists in the menu, as text."""
        return [str(id) for id in self.lists]

    @property
    def by_type(self) -> dict[str, dict[str, Any]]:
        """Properties by the key of their object type and their own."""
        others = {key: each.properties for key, each in self.associated.items()}
        return {**others, self.object_type.key: self.properties}

    @property
    def first_other(self) -> str:
        """The object type that a new group about associated records begins with: companies of people, people else."""
        wanted = "company" if self.object_type.key == "contact" else "contact"
        return wanted if wanted in self.associated else next(iter(self.associated), "")

    def choices(self, property: Any) -> list[tuple[str, str]]:
        """The values that a property may take, and what they are called."""
        if property.type == PropertyType.OWNER:
            return [(str(id), name) for id, name in self.members.items()]
        if is_column(property) and property.key == "consent":
            return [(value, str(label)) for value, label in Consent.choices]
        return [(option, option) for option in property.options]

    def choices_for(self, row: Row, property: Any) -> list[tuple[str, str]]:
        """`choices()`, and of what a property was also what the condition names, which may be no option any more."""
        found = self.choices(property)
        if row.operator not in OPERATORS or not OPERATORS[row.operator].asks_history:
            return found
        known = {"", *(value for value, _label in found)}
        return [*found, *((value, value) for value in row.values if value not in known)]

    def like(self, property: Any) -> list[tuple[str, str]]:
        """The other properties of the same type, to compare with."""
        alike = (each for each in self.properties.values() if each.type == property.type and each.key != property.key)
        return [(each.key, str(each.label)) for each in alike]


def of_tree(tree: Any, name: str) -> Builder:
    """The builder of a stored tree."""
    scope = "" if tree is None else "every" if tree == {"all": []} else "some"
    return Builder(name, criteria_form.of_tree(tree, name), scope, stored=tree, tree=tree)


def of_post(data: QueryDict, name: str, *, stored: Any) -> Builder:
    """The builder as it was posted, after the button that was pressed in it, if any.

    A button that adds a group about associated records names their type: "add_associated filter company".
    """
    root = criteria_form.of_post(data, name)
    scope = data.get(f"{name}.scope", "some")
    verb, target, about = [*data.get("do", "").split(" ", 2), "", ""][:3]
    if target == name or target.startswith(f"{name}."):
        criteria_form.act(root, verb, target, about=about)
    if scope == "some" and not root.members:
        root.members.append(Row(f"{name}.0"))
    return Builder(name, root, scope, stored=stored, is_promised=f"{name}.scope" in data)


def check(builders: Iterable[Builder], vocabulary: Vocabulary) -> None:
    """Settle what each builder says: its tree, its faults, its sentence. Four queries for all of them."""
    checked = list(builders)
    for each in checked:
        _read(each, vocabulary)
    known = [each for each in checked if each.is_finished and each.tree is not None]
    for each, errors in zip(known, _faults(known, vocabulary.object_type), strict=True):
        each.faults = criteria_form.place_errors(each.root, errors)
    sentences = criteria.describe_all([each.to_save for each in known], vocabulary.object_type) if known else []
    for each, sentence in zip(known, sentences, strict=True):
        each.sentence = sentence if each.is_good else ""


def _faults(known: Sequence[Builder], object_type: ObjectType) -> list[list[Error]]:
    """Of each builder. What is stored may name a flow that whoever reads it now may not see."""
    if not known:
        return []
    faults = criteria.check_all([each.tree for each in known], object_type)
    if any(errors and each.tree == each.stored for each, errors in zip(known, faults, strict=True)):
        with read_by(Actor.flyt(current_account_id())):
            as_stored = criteria.check_all([each.tree for each in known], object_type)
        pairs = zip(known, faults, as_stored, strict=True)
        faults = [stored if each.tree == each.stored else own for each, own, stored in pairs]
    return faults


def _read(builder: Builder, vocabulary: Vocabulary) -> None:
    if builder.scope != "some":
        builder.tree = {"all": []} if builder.scope == "every" else None
        return
    blank = [row for row in builder.root.members if not isinstance(row, Group) and not row.what]
    if blank == builder.root.members:  # nothing chosen at all: no criteria, unless some were promised
        builder.tree, builder.is_finished = None, len(blank) < 2 and not builder.is_promised
        return
    try:
        builder.tree = to_tree(builder.root, vocabulary.by_type, vocabulary.object_type.key)
    except Unfinished:
        builder.is_finished = False
    if builder.tree == {"all": [builder.stored]}:  # a lone condition needs no group around it
        builder.tree = builder.stored


def result(data: QueryDict, object_type: ObjectType, *, zone: str) -> dict[str, Any] | None:
    """What components/_criteria_count.html shows of the builder that the form names in `builder`; None without one.

    How many records meet it now, and ten of them. Inside the account's scope.
    """
    name = data.get("builder", "")
    if not name:
        return None
    builder = of_post(data, name, stored=None)
    check([builder], Vocabulary.of(object_type))
    found = None
    if builder.is_good and builder.tree is not None:
        found = matching.look(builder.tree, object_type, moment=now(), zone=zone)
    return {"builder": builder, "found": found, "object_type": object_type}


def operator_choices(property: Any) -> list[tuple[str, str]]:
    """The operators that fit a property, as menus show them."""
    return [(each.name, sentences.menu_label(each, property.type)) for each in operators.fitting_to(property)]


def value_field(row: Row, property: Any) -> str:
    """Which kind of field the value of a condition takes: none, days, lines, choices, property, or by the property's
    type text, number, date, choice or yes_no; numbers and dates for two of them."""
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
            # A moment to the second, made by the API, is kept as it is written.
            return "text" if property.type == PropertyType.DATETIME and len(row.value) > len("YYYY-MM-DD") else shape
    return {Takes.NOTHING: "none", Takes.DAYS: "days", Takes.PROPERTY: "property"}.get(wanted, "text")
