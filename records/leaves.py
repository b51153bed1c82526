"""What a condition at the end of a criteria tree is, and the one about lists. Higher packages register their own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from accounts.models import Member
from scheduling.zones import local_date, midnight

from . import phones
from .models import Consent, List, ObjectType, Property, PropertyType
from .refusals import Error, legible

Node = Mapping[str, Any]
T = TypeVar("T")
MOST_IDS = 2**63
DATETIME = PropertyType.DATETIME


@dataclass
class Subject:
    """What a tree is about: an object type with its properties, and the lists of its records.

    `stored`: the tree was checked when it was saved, so what it refers to may have been archived or deleted since.
    `is_associated`: the records are those that belong with the ones asked for.
    """

    object_type: ObjectType
    stored: bool = False
    is_associated: bool = False
    _associated: "dict[str, Subject]" = field(default_factory=dict)
    _read: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def properties(self) -> dict[str, Property]:
        """By key; archived ones only for a stored tree."""
        found = Property.objects.filter(account_id=self.object_type.account_id, object_type_id=self.object_type.pk)
        own = found.order_by("pk") if self.stored else found.filter(archived_at=None).order_by("pk")
        return {each.key: each for each in (*own, *columns(self.object_type))}

    @cached_property
    def region(self) -> str | None:
        """Where phone numbers without a country code belong."""
        return phones.region(self.object_type.account.country)

    @cached_property
    def lists(self) -> dict[int, str]:
        """Names of the lists of this object type that people see, by id."""
        found = List.objects.filter(
            account_id=self.object_type.account_id,
            object_type_id=self.object_type.pk,
            is_hidden=False,
            deleted_at=None,
        )
        return dict(found.values_list("pk", "name"))

    @cached_property
    def members(self) -> dict[int, str]:
        """Names of the account's members, by id."""
        found = Member.objects.filter(account_id=self.object_type.account_id).select_related("user")
        return {member.pk: str(member.user) for member in found}

    @cached_property
    def object_types(self) -> dict[str, ObjectType]:
        """The account's object types by key; archived ones only for a stored tree."""
        found = ObjectType.objects.filter(account_id=self.object_type.account_id)
        return {each.key: each for each in (found if self.stored else found.filter(archived_at=None))}

    def once(self, name: str, read: Callable[[], T]) -> T:
        """What `read()` returns, read for the first condition that asks and kept for all."""
        if name not in self._read:
            self._read[name] = read()
        return cast("T", self._read[name])

    def of_associated(self, key: str) -> "Subject | None":
        """What a tree about associated records of that type is about; None for a type that is not there."""
        if key not in self._associated and key in self.object_types:
            self._associated[key] = Subject(self.object_types[key], self.stored, is_associated=True)
        return self._associated.get(key)


def columns(object_type: ObjectType) -> list[Property]:
    """What every record has beside its properties, as properties without an id: no property may have these keys."""
    found = [("external_id", _("External id"), PropertyType.TEXT)]
    if object_type.key == "contact":
        found += [("consent", _("Consent"), PropertyType.CHOICE), ("consent_at", _("Date of consent"), DATETIME)]
        found += [("former_employee", _("Former employee"), PropertyType.BOOLEAN)]
    found += [("created_at", _("Created"), DATETIME), ("updated_at", _("Last changed"), DATETIME)]
    options = {"consent": list(Consent.values)}
    return [
        Property(
            account_id=object_type.account_id,
            object_type=object_type,
            key=key,
            label=label,
            type=type,
            options=options.get(key, []),
        )
        for key, label, type in found
    ]


def is_column(property: Property) -> bool:
    """Whether it is one of `columns()`, which are in no table."""
    return property._state.adding


@dataclass
class Compiler:
    """Collects the parameters of one condition. `record` is the alias of records_record in the caller's SQL."""

    subject: Subject
    moment: datetime
    zone: ZoneInfo
    prefix: str
    record: str
    params: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account = f"%({self.prefix}_account)s"
        self.params[f"{self.prefix}_account"] = self.subject.object_type.account_id

    def bind(self, value: object) -> str:
        """A placeholder for `value`."""
        name = f"{self.prefix}_{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"

    def about(self, subject: Subject, record: str) -> "Compiler":
        """The same question of other records, whose parameters are collected here."""
        return Compiler(subject, self.moment, self.zone, self.prefix, record, self.params)

    @cached_property
    def today(self) -> date:
        """The date of the moment, on the wall of the zone."""
        return local_date(self.moment, self.zone)

    def midnight(self, days: int) -> datetime:
        """When the day that is `days` from today begins in the zone; the first or last moment there is, beyond."""
        try:
            return midnight(self.today + timedelta(days=days), self.zone)
        except OverflowError:
            edge = date.max if days > 0 else date.min
            return datetime(edge.year, edge.month, edge.day, tzinfo=ZoneInfo("UTC"))


@dataclass(frozen=True)
class Reference:
    """Something that a condition names: a property, list, object_type or event, by its key or id.

    `object_type` is the key of the type whose records the condition is about.
    """

    kind: str
    object_type: str
    name: str | int


@dataclass(frozen=True)
class Inner:
    """A tree inside a condition, about records of another type: where it stands in the node, and their type's key."""

    path: str
    tree: Any
    object_type: str


class Leaf:
    """A kind of condition, known by the key that names it: {"list": 7, "operator": "in"} is a `list` leaf."""

    keys: frozenset[str] = frozenset()  # what may stand beside the name

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """Every fault, with paths inside the node."""
        raise NotImplementedError

    def compile(self, node: Node, sql: Compiler) -> str:
        """A boolean SQL expression that is never NULL and names `sql.account` in every table it reads."""
        raise NotImplementedError

    def describe(self, node: Node, subject: Subject) -> str:
        """The condition in words, without a full stop."""
        raise NotImplementedError

    def references(self, node: Node, object_type: str) -> Iterator[Reference]:
        """What it names, for "used by". The node may hold anything but its name."""
        yield from ()

    def inside(self, node: Node) -> Inner | None:
        """The tree that it holds about other records, if any. The node may hold anything but its name."""
        return None

    def is_time_dependent(self, node: Node) -> bool:
        """Whether time alone can change the answer. The node may hold anything but its name."""
        return False


class ListLeaf(Leaf):
    """{"list": id, "operator": "in" | "not_in"}."""

    keys = frozenset({"operator"})

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """A list of this account and object type."""
        chosen = node["list"]
        is_id = isinstance(chosen, int) and not isinstance(chosen, bool) and 0 < chosen < MOST_IDS
        if not is_id or not (subject.stored or chosen in subject.lists):
            kind = subject.object_type.name
            yield Error("list", _("There is no list {id} of {kind}.").format(id=legible(chosen), kind=kind))
        if node.get("operator") not in ("in", "not_in"):
            yield Error("operator", _("Use in or not_in."))

    def compile(self, node: Node, sql: Compiler) -> str:
        """A list that is gone has no records in it."""
        entry = f"{sql.prefix}_entry"
        found = (
            f"exists (select 1 from records_listentry {entry} where {entry}.account_id = {sql.account}"
            f" and {entry}.list_id = {sql.bind(node['list'])} and {entry}.record_id = {sql.record}.id)"
        )
        return found if node["operator"] == "in" else f"(not {found})"

    def describe(self, node: Node, subject: Subject) -> str:
        """As in "in the list “Customers”"."""
        name = subject.lists.get(node["list"]) or _("a list that is gone")
        template = _("in the list “{list}”") if node["operator"] == "in" else _("not in the list “{list}”")
        return template.format(list=name)

    def references(self, node: Node, object_type: str) -> Iterator[Reference]:
        """The list."""
        if isinstance(node["list"], int):
            yield Reference("list", object_type, node["list"])
