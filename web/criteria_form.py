"""Criteria as a form: nested groups of rows, read from a tree or from what was posted, and turned back into a tree.

Every field is named after its place: "filter.0.1.operator" belongs to the second row of the first group of `filter`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from records import operators
from records.operators import Takes
from records.refusals import Error, Invalid

LIST = "list"
OTHER = "other"  # a condition that this form has no fields for: kept as it is
DEEPEST = 12  # places inside each other that are read at all
MATCHES = ("all", "any", "none")


class Unfinished(Exception):
    """A row still lacks something, so there is no tree yet."""


@dataclass
class Row:
    """One condition. `what` is "property:<key>", "list", "other", or "" for none chosen yet."""

    name: str
    what: str = ""
    operator: str = ""
    values: list[str] = field(default_factory=list)
    unknown: bool = False
    other: str = ""  # JSON
    is_new: bool = False  # takes the focus
    error: str = ""
    node: str = ""  # its path in the tree

    @property
    def key(self) -> str:
        """The key of the property it is about; "" for anything else."""
        return self.what.removeprefix("property:") if self.what.startswith("property:") else ""

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
    """Rows and groups, of which all, any or none must be met."""

    name: str
    match: str = "all"
    members: "list[Row | Group]" = field(default_factory=list)
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


def act(group: Group, verb: str, target: str) -> Group:
    """The form after a button: add_row or add_group in the group `target`, remove the row or group `target`."""
    for each in every_group(group):
        if each.name == target and verb == "add_row":
            each.members.append(Row("", is_new=True))
        elif each.name == target and verb == "add_group":
            other = "any" if each.match == "all" else "all"
            each.members.append(Group("", other, [Row("", is_new=True)]))
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


def to_tree(group: Group, properties: dict[str, Any]) -> Any:
    """The tree that the form says; None for a form without rows. Notes in each row where it stands in the tree.

    Values that cannot be read stay as they were typed, for the check to refuse. Raises Unfinished.
    """
    return _group_node(group, properties, "") if group.members else None


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
    for match in ("all", "any"):
        if match in node:
            return Group(name, match, [_of_node(each, f"{name}.{n}") for n, each in enumerate(node[match])])
    if LIST in node:
        return Row(name, LIST, node.get("operator", ""), [str(node[LIST])])
    if "property" in node:
        return Row(
            name,
            f"property:{node['property']}",
            node.get("operator", ""),
            _texts(node.get("value")),
            bool(node.get("include_unknown")),
        )
    return Row(name, OTHER, other=json.dumps(node))


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else [str(value)]


def _posted_group(data: QueryDict, name: str, at: tuple[int, ...], places: set[tuple[int, ...]]) -> Group:
    match = data.get(f"{name}.match", "all")
    group = Group(name, match if match in MATCHES else "all")
    for place in sorted(each for each in places if len(each) == len(at) + 1 and each[: len(at)] == at):
        own = f"{name}.{place[-1]}"
        if f"{own}.match" in data:
            group.members.append(_posted_group(data, own, place, places))
        else:
            group.members.append(
                Row(
                    own,
                    data.get(f"{own}.what", ""),
                    data.get(f"{own}.operator", ""),
                    data.getlist(f"{own}.value"),
                    f"{own}.unknown" in data,
                    data.get(f"{own}.other", ""),
                )
            )
    return group


def _rename(node: Row | Group, name: str) -> None:
    node.name = name
    if isinstance(node, Group):
        for number, member in enumerate(node.members):
            _rename(member, f"{name}.{number}")


def _group_node(group: Group, properties: dict[str, Any], path: str) -> dict[str, Any]:
    group.node = path
    if not group.members:
        raise Unfinished
    key = "all" if group.match == "all" else "any"
    own = _under(path, "not.any" if group.match == "none" else key)
    members = [
        _group_node(member, properties, _under(own, str(number)))
        if isinstance(member, Group)
        else _row_node(member, properties, _under(own, str(number)))
        for number, member in enumerate(group.members)
    ]
    return {"not": {"any": members}} if group.match == "none" else {key: members}


def _under(path: str, more: str) -> str:
    return f"{path}.{more}" if path else more


def _row_node(row: Row, properties: dict[str, Any], path: str) -> dict[str, Any]:
    row.node = path
    if row.what == OTHER:
        try:
            return dict(json.loads(row.other))
        except (ValueError, TypeError):
            raise Unfinished from None
    if row.what == LIST:
        if not row.value.isdecimal():
            raise Unfinished
        return {LIST: int(row.value), "operator": row.operator if row.operator == "not_in" else "in"}
    if not row.key:
        raise Unfinished
    return _property_node(row, properties.get(row.key))


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
        return int(given) if given.isdecimal() and len(given) < 9 else given
    try:
        found: list[Any] = operators.operands(operator, property, given)
    except Invalid:
        return given
    return found if operator.takes in (Takes.MANY, Takes.PAIR) else found[0]
