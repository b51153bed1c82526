"""Who: the one filter language, as a tree of groups over conditions. Checked, compiled to SQL over sets, described.

{"all": [...]} | {"any": [...]} | {"not": ...} over leaves such as {"property": "country", "operator": "eq",
"value": "NO"} and {"list": 7, "operator": "not_in"}. {"all": []} is every record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from .leaves import Compiler, Leaf, ListLeaf, Node, PropertyLeaf, Subject
from .models import ObjectType
from .refusals import Error, Invalid

DEEPEST = 8  # groups inside each other
MOST_LEAVES = 250
GROUPS = ("all", "any", "not")

_leaves: dict[str, Leaf] = {}


@dataclass(frozen=True)
class Condition:
    """A boolean SQL expression over one alias of records_record, never NULL, and its named parameters."""

    sql: str
    params: dict[str, Any]


def register_leaf(name: str, leaf: Leaf) -> None:
    """Let trees hold {name: ...} conditions. Called once, as the app of the package that knows them is made ready."""
    if name in GROUPS or name in _leaves:
        raise ValueError(f"There is a {name} in criteria already.")
    _leaves[name] = leaf


register_leaf("property", PropertyLeaf())
register_leaf("list", ListLeaf())


def check(tree: object, object_type: ObjectType) -> list[Error]:
    """Every fault of a tree that someone wrote, with its path ("all.0.value"); none when it may be saved."""
    return check_all([tree], object_type)[0]


def check_all(trees: Sequence[object], object_type: ObjectType) -> list[list[Error]]:
    """`check()` of several trees, with the queries of one."""
    subject = Subject(object_type)
    return [_faults(tree, subject) for tree in trees]


def compile(
    tree: object,
    *,
    object_type_id: int,
    moment: datetime,
    zone: str | ZoneInfo,
    prefix: str = "c",
    record: str = "r",
) -> Condition:
    """The tree as SQL about the rows of records_record under the alias `record`.

    Relative dates count from `moment` (aware) in `zone`. Parameters are named <prefix>_...; conditions with different
    prefixes fit in one statement. Every other table is bound to the object type's account, so the answer is right
    for the owner role too. The caller says which account and object type the rows are of. Raises `Invalid`.
    """
    subject = Subject(ObjectType.objects.get(pk=object_type_id), stored=True)
    _refuse(_faults(tree, subject))
    sql = Compiler(subject, moment, ZoneInfo(zone) if isinstance(zone, str) else zone, prefix, record)
    return Condition(_compile(tree, sql), sql.params)


def describe(tree: object, object_type: ObjectType) -> str:
    """The tree as a sentence without a full stop: "Country is NO and Score is at least 50". Raises `Invalid`."""
    subject = Subject(object_type, stored=True)
    _refuse(_faults(tree, subject))
    return _describe(tree, subject, inside=False)


def describe_all(trees: Sequence[object], object_type: ObjectType) -> list[str]:
    """`describe()` of several trees, with the queries of one; "" for a tree that cannot be read."""
    subject = Subject(object_type, stored=True)
    return ["" if _faults(tree, subject) else _describe(tree, subject, inside=False) for tree in trees]


def _refuse(errors: list[Error]) -> None:
    if errors:
        raise Invalid(errors)


def _faults(tree: object, subject: Subject) -> list[Error]:
    return list(_Faults(subject).of(tree, 0))


class _Faults:
    """A walk through a tree that may be anything, so it stops at the limits."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.leaves = 0

    def of(self, node: object, depth: int) -> Iterator[Error]:
        """Every fault at and below `node`, which lies inside `depth` groups."""
        if self.leaves > MOST_LEAVES:
            return
        name = _name(node)
        if name is None or not isinstance(node, dict):
            yield Error("", _("Give one of: {names}.").format(names=", ".join([*GROUPS, *_leaves])))
        elif name in _leaves:
            yield from self._of_leaf(name, node)
        elif depth == DEEPEST:
            yield Error("", _("The groups are nested more than {most} deep.").format(most=DEEPEST))
        else:
            yield from _unknown_keys(node, {name})
            yield from self._of_members(name, node[name], depth + 1)

    def _of_leaf(self, name: str, node: Node) -> Iterator[Error]:
        self.leaves += 1
        if self.leaves > MOST_LEAVES:
            yield Error("", _("There are more than {most} conditions.").format(most=MOST_LEAVES))
            return
        yield from _unknown_keys(node, {name, *_leaves[name].keys})
        yield from _leaves[name].check(node, self.subject)

    def _of_members(self, name: str, members: object, depth: int) -> Iterator[Error]:
        if name == "not":
            yield from (error.under("not") for error in self.of(members, depth))
        elif not isinstance(members, list):
            yield Error(name, _("Give a list of conditions."))
        elif name == "any" and not members:
            yield Error(name, _("Give at least one condition: any of none would be nobody."))
        else:
            for number, member in enumerate(members):
                yield from (error.under(name, number) for error in self.of(member, depth))


def _name(node: object) -> str | None:
    """What kind of node it is; None for none, and for more than one."""
    names = [name for name in (*GROUPS, *_leaves) if isinstance(node, dict) and name in node]
    return names[0] if len(names) == 1 else None


def _unknown_keys(node: Node, known: set[str]) -> Iterator[Error]:
    for key in node:
        if key not in known:
            yield Error(str(key), _("Not known here. Leave it out."))


def _compile(node: Any, sql: Compiler) -> str:
    name = _name(node) or ""
    if name in _leaves:
        return _leaves[name].compile(node, sql)
    if name == "not":
        return f"(not {_compile(node['not'], sql)})"
    parts = [_compile(member, sql) for member in node[name]]
    return f"({(' and ' if name == 'all' else ' or ').join(parts)})" if parts else "true"


def _describe(node: Any, subject: Subject, *, inside: bool) -> str:
    name = _name(node) or ""
    if name in _leaves:
        return _leaves[name].describe(node, subject)
    if name == "not":
        return _("not ({condition})").format(condition=_describe(node["not"], subject, inside=False))
    parts = [_describe(member, subject, inside=len(node[name]) > 1) for member in node[name]]
    if not parts:
        return _("every record")
    joined = parts[0]
    for part in parts[1:]:
        template = _("{first} and {second}") if name == "all" else _("{first} or {second}")
        joined = template.format(first=joined, second=part)
    return f"({joined})" if inside and len(parts) > 1 else joined
