"""The conditions at the ends of a criteria tree: about a property, about a list. Higher packages register theirs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling.zones import local_date, midnight

from . import operators
from .models import List, ObjectType, Property, PropertyType
from .operators import OPERATORS
from .refusals import Error, Invalid
from .values import JsonValue

Node = Mapping[str, Any]

EARLIEST, LATEST = "", "~"  # before and after every date as text, in the order of bytes
ONE_DAY = timedelta(days=1)


@dataclass
class Subject:
    """What a tree is about: an object type with its properties, and the lists of its records.

    `stored`: the tree was checked when it was saved, so what it refers to may have been archived or deleted since.
    """

    object_type: ObjectType
    stored: bool = False

    @cached_property
    def properties(self) -> dict[str, Property]:
        """By key; archived ones only for a stored tree."""
        found = Property.objects.filter(account_id=self.object_type.account_id, object_type_id=self.object_type.pk)
        return {each.key: each for each in (found if self.stored else found.filter(archived_at=None))}

    @cached_property
    def lists(self) -> dict[int, str]:
        """Names of the lists of this object type, by id."""
        found = List.objects.filter(account_id=self.object_type.account_id, object_type_id=self.object_type.pk)
        return dict(found.values_list("pk", "name"))


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

    @cached_property
    def today(self) -> date:
        """The date of the moment, on the wall of the zone."""
        return local_date(self.moment, self.zone)


class Leaf(Protocol):
    """A kind of condition, known by the key that names it: {"list": 7, "operator": "in"} is a `list` leaf."""

    keys: frozenset[str]  # what may stand beside the name

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """Every fault, with paths inside the node."""
        ...

    def compile(self, node: Node, sql: Compiler) -> str:
        """A boolean SQL expression that is never NULL and names `sql.account` in every table it reads."""
        ...

    def describe(self, node: Node, subject: Subject) -> str:
        """The condition in words, without a full stop."""
        ...


class PropertyLeaf:
    """{"property": key, "operator": ..., "value": ..., "include_unknown": false}. Text is compared without case."""

    keys = frozenset({"operator", "value", "include_unknown"})

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """The property, its operator, a value that fits both."""
        key, name = node["property"], node.get("operator")
        property = subject.properties.get(key) if isinstance(key, str) else None
        if property is None:
            kind = subject.object_type.name
            yield Error("property", _("There is no property “{key}” of {kind}.").format(key=key, kind=kind))
            return
        known = {operator.name: operator for operator in operators.fitting(property.type)}
        if not isinstance(name, str) or name not in known:
            message = _("For {property} use one of: {operators}.")
            yield Error("operator", message.format(property=property.label, operators=", ".join(known)))
            return
        try:
            operators.operands(known[name], property, node.get("value"))
        except Invalid as refusal:
            yield from refusal.errors
        unknown = node.get("include_unknown", False)
        if not isinstance(unknown, bool):
            yield Error("include_unknown", _("True or false."))
        elif unknown and not known[name].negates:
            message = _("Only a negative operator, such as ne, can include records without a value.")
            yield Error("include_unknown", message)

    def compile(self, node: Node, sql: Compiler) -> str:
        """NULL, for a record without a value, becomes the answer that the node gives for those."""
        property, operator = sql.subject.properties[node["property"]], OPERATORS[node["operator"]]
        stored = _stored(property, sql)
        if operator.name in ("known", "unknown"):
            return f"({stored} is {'not ' if operator.name == 'known' else ''}null)"
        operands = operators.operands(operator, property, node.get("value"))
        if not operator.negates:
            return f"coalesce({_comparison(operator.name, property, stored, operands, sql)}, false)"
        positive = _comparison(operator.negates, property, stored, operands, sql)
        missing = "true" if node.get("include_unknown") else "false"
        return f"coalesce(not {positive}, {missing})"

    def describe(self, node: Node, subject: Subject) -> str:
        """As in "Score is at least 50"."""
        property, operator = subject.properties[node["property"]], OPERATORS[node["operator"]]
        operands = operators.operands(operator, property, node.get("value"))
        said = operators.sentence(operator, property.label, property.type, operands)
        return _("{condition} or unknown").format(condition=said) if node.get("include_unknown") else said


class ListLeaf:
    """{"list": id, "operator": "in" | "not_in"}."""

    keys = frozenset({"operator"})

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """A list of this account and object type."""
        chosen = node["list"]
        is_id = isinstance(chosen, int) and not isinstance(chosen, bool)
        if not is_id or not (subject.stored or chosen in subject.lists):
            kind = subject.object_type.name
            yield Error("list", _("There is no list {id} of {kind}.").format(id=chosen, kind=kind))
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


def _stored(property: Property, sql: Compiler) -> str:
    """The record's value in the type to compare in; NULL without one, or with one of another type."""
    if property.key == "email" and property.type == PropertyType.EMAIL:
        return f"{sql.record}.email"
    key = sql.bind(property.key)
    text = f"({sql.record}.properties ->> {key})"
    if property.type in (PropertyType.NUMBER, PropertyType.BOOLEAN):
        json_type, cast = ("number", "numeric") if property.type == PropertyType.NUMBER else ("boolean", "boolean")
        guard = f"jsonb_typeof({sql.record}.properties -> {key}) = '{json_type}'"
        return f"(case when {guard} then {text}::{cast} end)"
    return f'({text} collate "C")' if property.type in operators.DATES else text


def _comparison(name: str, property: Property, stored: str, operands: list[JsonValue], sql: Compiler) -> str:
    """Of a positive operator; NULL when `stored` is."""
    if name == "is_anniversary_today":
        return f"(substr({stored}, 6) = any({sql.bind(_anniversaries(sql.today))}::text[]))"
    if property.type in operators.DATES:
        start, end = _span(name, operands, property.type == PropertyType.DATE, sql)
        return f"({stored} >= {sql.bind(start)} and {stored} < {sql.bind(end)})"
    if property.type == PropertyType.NUMBER:
        return _number_comparison(name, stored, operands, sql)
    if property.type == PropertyType.BOOLEAN:
        return f"({stored} = {sql.bind(operands[0])}::boolean)"
    return _text_comparison(name, stored, operands, sql)


def _number_comparison(name: str, stored: str, operands: list[JsonValue], sql: Compiler) -> str:
    if name == "in":
        return f"({stored} = any({sql.bind(operands)}::numeric[]))"
    if name == "between":
        low, high = (sql.bind(operand) for operand in operands)
        return f"({stored} between {low}::numeric and {high}::numeric)"
    sign = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}[name]
    return f"({stored} {sign} {sql.bind(operands[0])}::numeric)"


def _text_comparison(name: str, stored: str, operands: list[JsonValue], sql: Compiler) -> str:
    """Without regard to case. The column `email` holds lower case already, and keeps its index that way."""
    text = stored if stored == f"{sql.record}.email" else f"lower({stored})"
    if name == "in":
        words = f"select lower(word) from unnest({sql.bind(operands)}::text[]) word"
        return f"({text} = any(array({words})))"
    word = f"lower({sql.bind(operands[0])}::text)"
    return {
        "eq": f"({text} = {word})",
        "contains": f"(strpos({text}, {word}) > 0)",
        "starts_with": f"starts_with({text}, {word})",
        "ends_with": f"(right({text}, length({word})) = {word})",
    }[name]


def _anniversaries(today: date) -> list[str]:
    """Born on 29 February, a person has their day on the 28th of a short one."""
    is_last_of_short_february = (today.month, today.day) == (2, 28) and (today + ONE_DAY).day == 1
    return [f"{today:%m-%d}", *(["02-29"] if is_last_of_short_february else [])]


def _span(name: str, operands: list[JsonValue], is_date: bool, sql: Compiler) -> tuple[str, str]:
    """From which text on, and before which, a date or a moment as stored meets the operator."""
    if OPERATORS[name].takes is operators.Takes.DAYS:
        return _span_of_days(name, int(operands[0] or 0), is_date, sql)
    if name == "is_today":
        return _edge(sql.today, 0, is_date, sql), _edge(sql.today, 1, is_date, sql)
    starts, ends = zip(*(_day_or_second(str(operand), is_date, sql) for operand in operands), strict=True)
    start, end = starts[0], ends[-1]
    return {
        "eq": (start, end),
        "between": (start, end),
        "lt": (EARLIEST, start),
        "lte": (EARLIEST, end),
        "gt": (end, LATEST),
        "gte": (start, LATEST),
    }[name]


def _span_of_days(name: str, days: int, is_date: bool, sql: Compiler) -> tuple[str, str]:
    def edge(offset: int) -> str:
        return _edge(sql.today, offset, is_date, sql)

    return {
        "in_last_days": lambda: (edge(-days), edge(1)),
        "in_next_days": lambda: (edge(0), edge(days + 1)),
        "days_ago": lambda: (edge(-days), edge(1 - days)),
        "days_ahead": lambda: (edge(days), edge(days + 1)),
        "before_days_ago": lambda: (EARLIEST, edge(-days)),
        "after_days_ahead": lambda: (edge(days + 1), LATEST),
    }[name]()


def _day_or_second(text: str, is_date: bool, sql: Compiler) -> tuple[str, str]:
    """A day stands for all of it, a moment for its second."""
    if len(text) == len("YYYY-MM-DD"):
        day = date.fromisoformat(text)
        return _edge(day, 0, is_date, sql), _edge(day, 1, is_date, sql)
    return text, f"{text[:-1]}~"  # "2027-01-31T10:00:00~" comes after "...00Z" and before "...01Z"


def _edge(day: date, offset: int, is_date: bool, sql: Compiler) -> str:
    """Where the day `offset` days from `day` begins, as text that compares with stored values."""
    try:
        edge = day + timedelta(days=offset)
        if is_date:
            return edge.isoformat()
        return f"{midnight(edge, sql.zone).replace(tzinfo=None).isoformat()}Z"
    except OverflowError:
        return LATEST if day.year > 5_000 else EARLIEST
