"""Criteria as a form: nested groups of rows, read from a tree or from what was posted; `criteria_tree` leads back.

Every field is named after its place: "filter.0.1.operator" belongs to the second row of the first group of `filter`.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.http import QueryDict

from records.event_words import about
from records.refusals import Error
from web.criteria_rows import EVENT, EVER, FLOW, LIST, OTHER, Group, Row, every_group, scalar
from web.paging import read_id

DEEPEST = 12  # places inside each other that are read at all
MATCHES = ("all", "any", "none")


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
    named = _named(str(node[EVENT]), details)
    return Row(
        name,
        EVENT,
        "happened" if node.get("happened", True) else "not_happened",
        event=str(node[EVENT]),
        times=str(node.get("at_least", 1)),
        days="" if node.get("within_days") is None else str(node["within_days"]),
        since=str(node.get("since") or ""),
        until=str(node.get("until") or ""),
        content=str(named.get("content_id", "")),
        chosen_list=str(named.get("list", "")),
        link=named.get("url", ""),
        details=[(str(key), _as_typed(value)) for key, value in details.items() if key not in named],
    )


def _named(kind: str, details: dict[str, Any]) -> dict[str, Any]:
    """The details that have a field of their own; one of another type than it should be stays as it is written."""
    fields = {"message": ["content_id"], "list": ["list"]}.get(about(kind), [])
    found = {key: value for key, value in details.items() if key in fields and _is_id(value)}
    link = details.get("url")
    return found | {"url": link} if kind == "link_clicked" and link and isinstance(link, str) else found


def _is_id(value: Any) -> bool:
    return type(value) is int and value > 0 and read_id(str(value)) is not None


def _as_typed(value: Any) -> str:
    """A text as it is, unless it would be read as something else."""
    return value if isinstance(value, str) and scalar(value) == value else json.dumps(value, ensure_ascii=False)


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
    event = data.get(f"{own}.event", "")
    is_same = data.get(f"{own}.drawn", event) == event  # what was written about another event goes with it
    keys, values = data.getlist(f"{own}.detail_key"), data.getlist(f"{own}.detail_value")
    pairs = zip(keys, values, strict=False) if is_same else ()
    return Row(
        own,
        data.get(f"{own}.what", ""),
        data.get(f"{own}.operator", ""),
        data.getlist(f"{own}.value"),
        f"{own}.unknown" in data,
        status=data.get(f"{own}.status", ""),
        event=event,
        times=data.get(f"{own}.times", ""),
        days=data.get(f"{own}.days", ""),
        since=data.get(f"{own}.since", "").strip(),
        until=data.get(f"{own}.until", "").strip(),
        content=data.get(f"{own}.content", ""),
        chosen_list=data.get(f"{own}.list", ""),
        link=data.get(f"{own}.url", "").strip(),
        details=[(key.strip(), value.strip()) for key, value in pairs if key.strip()],
        other=data.get(f"{own}.other", ""),
    )


def _rename(node: Row | Group, name: str) -> None:
    node.name = name
    if isinstance(node, Group):
        for number, member in enumerate(node.members):
            _rename(member, f"{name}.{number}")
