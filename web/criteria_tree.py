"""The criteria tree that a form says, as far as it is filled in."""

import json
from collections.abc import Mapping
from typing import Any

from records import operators
from records.operators import Takes
from records.refusals import Invalid
from web.criteria_rows import EVENT, EVER, FLOW, LIST, OTHER, Group, Row, scalar
from web.paging import read_id

Properties = Mapping[str, Mapping[str, Any]]


class Unfinished(Exception):
    """A row still lacks something, so there is no tree yet."""


def to_tree(group: Group, properties: Properties, object_type: str) -> Any:
    """The tree that the form says; None for a form without rows. Notes in each row where it stands in the tree.

    `properties`: by the key of their object type and their own; `object_type`: the key of what the tree is about.
    Values that cannot be read stay as they were typed, for the check to refuse. Raises Unfinished.
    """
    return _group_node(group, properties, object_type, "") if group.members else None


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
        except (ValueError, TypeError, RecursionError):
            raise Unfinished from None
    if row.what in (LIST, FLOW):
        chosen = read_id(row.value)
        if chosen is None:
            raise Unfinished
        node = {row.what: chosen, "operator": row.operator if row.operator == "not_in" else "in"}
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
    node |= {name: day for name, day in (("since", row.since), ("until", row.until)) if day}
    if detail := _detail(row):
        node["detail"] = detail
    return node


def _detail(row: Row) -> dict[str, Any]:
    """What its own fields say, and the pairs beside them. Raises Unfinished for an id that is none."""
    detail: dict[str, Any] = {}
    chosen = {"message": ("content_id", row.content), "list": ("list", row.chosen_list)}.get(row.about)
    if chosen and chosen[1]:
        if (found := read_id(chosen[1])) is None:
            raise Unfinished
        detail[chosen[0]] = found
    if row.event == "link_clicked" and row.link:
        detail["url"] = row.link
    return {**{key: scalar(value) for key, value in row.details}, **detail}


def _whole(text: str) -> int | str:
    """As typed when it is no whole number, for the check to refuse."""
    given = text.strip()
    return int(given) if given.isdecimal() and len(given) < 9 else given


def _property_node(row: Row, property: Any) -> dict[str, Any]:
    if property is None:
        return {"property": row.key, "operator": row.operator, "value": row.value}
    fitting = {each.name: each for each in operators.fitting_to(property)}
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
