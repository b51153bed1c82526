"""Criteria as a form: nested groups of rows, read from a tree or from what was posted, and turned back into a tree.

Every field is named after its place: "filter.0.1.operator" belongs to the second row of the first group of `filter`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from records import operators
from records.operators import Takes
from records.refusals import Error, Invalid

LIST = "list"
EVENT = "event"
FLOW = "flow"
EVER = "ever"
OTHER = "other"  # a condition that this form has no fields for: kept as it is
DEEPEST = 12  # places inside each other that are read at all
MATCHES = ("all", "any", "none")


Properties = Mapping[str, Mapping[str, Any]]


class Unfinished(Exception):
    """A row still lacks something, so there is no tree yet."""


@dataclass
class Row:
    """One condition. `what` is "property:<key>", "list", "event", "flow", "other", or "" for none chosen yet.

    Of a flow: `status` of the walk through it. Of an event: `event` its kind, `times` at least, `days` within,
    `details` pairs of a key and a value.
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


def of_tree(tree: Any, name: str) -> Group:
    """The form of a tree; one blank row for none."""
    if tree is None:
        return Group(name, members=[Row(f"{name}.0")])
    made = _of_node(tree, name)
    return made if isinstance(made, Group) else Group(name, members=[_of_node(tree, f"{name}.0")])


def of_post(data: QueryDict, name: str) -> Group:
    """The form as it was posted."""
    places: set[tuple[int, ...]] = set()
    for key in data:
        if key.startswith(f"{name}."):
            parts = key[len(name) + 1 :].split(".")[:-1]
            if all(part.isdecimal() and len(part) < 4 for part in parts) and len(parts) <= DEEPEST:
                places |= {tuple(map(int, parts[:depth])) for depth in range(1, len(parts) + 1)}
    return _posted_group(data, name, (), places)


def act(group: Group, verb: str, target: str, *, about: str = "") -> Group:
    """The form after a button: add_row, add_group or add_associated in the group `target`, or remove `target`.

    `about`: the key of the object type that a new group about associated records begins with.
    """
    for each in every_group(group):
        if each.name == target and verb == "add_row":
            each.members.append(Row("", is_new=True))
        elif each.name == target and verb == "add_group":
            other = "any" if each.match == "all" else "all"
            each.members.append(Group("", other, [Row("", is_new=True)]))
        elif each.name == target and verb == "add_associated" and about:
            each.members.append(Group("", "all", [Row("", is_new=True)], about))
        elif verb == "remove":
            each.members = [member for member in each.members if member.name != target]
    _rename(group, group.name)
    return group


def every_group(group: Group) -> Iterator[Group]:
    """The group and all inside it."""
    yield group
    for member in group.members:
        if isinstance(member, Group):
            yield from every_group(member)


def to_tree(group: Group, properties: Properties, object_type: str) -> Any:
    """The tree that the form says; None for a form without rows. Notes in each row where it stands in the tree.

    `properties`: by the key of their object type and their own; `object_type`: the key of what the tree is about.
    Values that cannot be read stay as they were typed, for the check to refuse. Raises Unfinished.
    """
    return _group_node(group, properties, object_type, "") if group.members else None


def place_errors(group: Group, errors: Iterable[Error]) -> dict[str, str]:
    """Put each fault of the tree into its row; returns the messages by the names of the rows."""
    placed: dict[str, str] = {}
    rows = [member for each in every_group(group) for member in [each, *each.members]]
    for error in errors:
        here = [row for row in rows if error.path == row.node or error.path.startswith(f"{row.node}.") or not row.node]
        row = max(here, key=lambda each: len(each.node))
        row.error = row.error or error.message
        placed[row.name] = row.error
    return placed


def _of_node(node: Any, name: str) -> Row | Group:
    if "not" in node:
        inside = node["not"]
        if not isinstance(inside, dict) or "any" not in inside:
            inside = {"any": [inside]}
        return Group(name, "none", [_of_node(each, f"{name}.{n}") for n, each in enumerate(inside["any"])])
    if "associated" in node:
        return _of_associated(node, name)
    for match in ("all", "any"):
        if match in node:
            return Group(name, match, [_of_node(each, f"{name}.{n}") for n, each in enumerate(node[match])])
    return _of_leaf(node, name)


def _of_leaf(node: Any, name: str) -> Row:
    if LIST in node:
        return Row(name, LIST, node.get("operator", ""), [str(node[LIST])])
    if FLOW in node:
        operator, status = node.get("operator", "in"), str(node.get("status", EVER))
        return Row(name, FLOW, operator, [str(node[FLOW])], status=status)
    if EVENT in node:
        return _of_event(node, name)
    if "property" in node:
        what, values = f"property:{node['property']}", _texts(node.get("value"))
        return Row(name, what, node.get("operator", ""), values, bool(node.get("include_unknown")))
    return Row(name, OTHER, other=json.dumps(node))


def _of_associated(node: Any, name: str) -> Group:
    """A lone condition about the other record gets a group around it."""
    inner = _of_node(node["where"], name)
    if not isinstance(inner, Group) or inner.about:
        inner = Group(name, members=[_of_node(node["where"], f"{name}.0")])
    inner.about, inner.is_primary = str(node["associated"]), bool(node.get("primary"))
    return inner


def _of_event(node: Any, name: str) -> Row:
    details = node.get("detail") if isinstance(node.get("detail"), dict) else {}
    return Row(
        name,
        EVENT,
        "happened" if node.get("happened", True) else "not_happened",
        event=str(node[EVENT]),
        times=str(node.get("at_least", 1)),
        days="" if node.get("within_days") is None else str(node["within_days"]),
        details=[(str(key), _as_typed(value)) for key, value in details.items()],
    )


def _as_typed(value: Any) -> str:
    """A text as it is, unless it would be read as something else."""
    return value if isinstance(value, str) and _scalar(value) == value else json.dumps(value, ensure_ascii=False)


def _scalar(text: str) -> Any:
    """A number, true or false, or the text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str | int | float | bool) else text


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else [str(value)]


def _posted_group(data: QueryDict, name: str, at: tuple[int, ...], places: set[tuple[int, ...]]) -> Group:
    match = data.get(f"{name}.match", "all")
    group = Group(name, match if match in MATCHES else "all")
    group.about, group.is_primary = data.get(f"{name}.about", ""), f"{name}.primary" in data
    for place in sorted(each for each in places if len(each) == len(at) + 1 and each[: len(at)] == at):
        own = f"{name}.{place[-1]}"
        is_group = f"{own}.match" in data
        group.members.append(_posted_group(data, own, place, places) if is_group else _posted_row(data, own))
    return group


def _posted_row(data: QueryDict, own: str) -> Row:
    keys, values = data.getlist(f"{own}.detail_key"), data.getlist(f"{own}.detail_value")
    return Row(
        own,
        data.get(f"{own}.what", ""),
        data.get(f"{own}.operator", ""),
        data.getlist(f"{own}.value"),
        f"{own}.unknown" in data,
        status=data.get(f"{own}.status", ""),
        event=data.get(f"{own}.event", ""),
        times=data.get(f"{own}.times", ""),
        days=data.get(f"{own}.days", ""),
        details=[(key.strip(), value.strip()) for key, value in zip(keys, values, strict=False) if key.strip()],
        other=data.get(f"{own}.other", ""),
    )


def _rename(node: Row | Group, name: str) -> None:
    node.name = name
    if isinstance(node, Group):
        for number, member in enumerate(node.members):
            _rename(member, f"{name}.{number}")


def _group_node(group: Group, properties: Properties, object_type: str, path: str) -> dict[str, Any]:
    group.node = path
    if not group.members:
        raise Unfinished
    inside = _under(path, "where") if group.about else path
    key = "all" if group.match == "all" else "any"
    own = _under(inside, "not.any" if group.match == "none" else key)
    about = group.about or object_type
    members = [
        _group_node(member, properties, about, _under(own, str(number)))
        if isinstance(member, Group)
        else _row_node(member, properties.get(about, {}), _under(own, str(number)))
        for number, member in enumerate(group.members)
    ]
    node: dict[str, Any] = {"not": {"any": members}} if group.match == "none" else {key: members}
    if not group.about:
        return node
    return {"associated": group.about, "where": node, **({"primary": True} if group.is_primary else {})}


def _under(path: str, more: str) -> str:
    return f"{path}.{more}" if path else more


def _row_node(row: Row, properties: Mapping[str, Any], path: str) -> dict[str, Any]:
    row.node = path
    if row.what == OTHER:
        try:
            return dict(json.loads(row.other))
        except (ValueError, TypeError):
            raise Unfinished from None
    if row.what in (LIST, FLOW):
        if not row.value.isdecimal():
            raise Unfinished
        node = {row.what: int(row.value), "operator": row.operator if row.operator == "not_in" else "in"}
        return {**node, "status": row.status} if row.what == FLOW and row.status not in ("", EVER) else node
    if row.what == EVENT:
        return _event_node(row)
    if not row.key:
        raise Unfinished
    return _property_node(row, properties.get(row.key))


def _event_node(row: Row) -> dict[str, Any]:
    if not row.event.strip():
        raise Unfinished
    node: dict[str, Any] = {EVENT: row.event.strip()}
    if row.operator == "not_happened":
        node["happened"] = False
    if row.times.strip() not in ("", "1"):
        node["at_least"] = _whole(row.times)
    if row.days.strip():
        node["within_days"] = _whole(row.days)
    if row.details:
        node["detail"] = {key: _scalar(value) for key, value in row.details}
    return node


def _whole(text: str) -> int | str:
    """As typed when it is no whole number, for the check to refuse."""
    given = text.strip()
    return int(given) if given.isdecimal() and len(given) < 9 else given


def _property_node(row: Row, property: Any) -> dict[str, Any]:
    if property is None:
        return {"property": row.key, "operator": row.operator, "value": row.value}
    fitting = {each.name: each for each in operators.fitting(property.type)}
    operator = fitting.get(row.operator) or next(iter(fitting.values()))
    row.operator = operator.name
    node: dict[str, Any] = {"property": row.key, "operator": operator.name}
    if operator.takes is not Takes.NOTHING:
        node["value"] = _value(row, operator, property)
    if row.unknown and operator.negates:
        node["include_unknown"] = True
    return node


def _value(row: Row, operator: operators.Operator, property: Any) -> Any:
    """As it is stored; as typed when it cannot be read. Raises Unfinished without any."""
    given: Any
    if operator.takes is Takes.MANY:
        row.values = given = [line.strip() for text in row.values for line in text.splitlines() if line.strip()]
    elif operator.takes is Takes.PAIR:
        row.values = given = [row.value.strip(), row.high.strip()]
    else:
        given = row.value.strip()
    if not given or (isinstance(given, list) and not all(given)):
        raise Unfinished
    if operator.takes is Takes.DAYS:
        return _whole(given)
    try:
        found: list[Any] = operators.operands(operator, property, given)
    except Invalid:
        return given
    return found if operator.takes in (Takes.MANY, Takes.PAIR) else found[0]
