"""The shape of criteria: groups over conditions. What walks a tree stands here; what a condition means, in its leaf."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from .leaves import Compiler, Leaf, Node, Subject
from .refusals import Error, legible

DEEPEST = 8  # groups inside each other
MOST_LEAVES = 250
MOST_FAULTS = 100  # that are told at once
GROUPS = ("all", "any", "not")

_leaves: dict[str, Leaf] = {}


def register_leaf(name: str, leaf: Leaf) -> None:
    """Let trees hold {name: ...} conditions. Called once, as the app of the package that knows them is made ready."""
    if name in GROUPS or name in _leaves:
        raise ValueError(f"There is a {name} in criteria already.")
    _leaves[name] = leaf


def faults(tree: object, subject: Subject) -> list[Error]:
    """The faults of a tree that may be anything, with their paths: every one, or the first hundred."""
    return list(islice(_Faults().of(tree, subject, 0), MOST_FAULTS))


def every_leaf(tree: object, object_type: str) -> Iterator[tuple[Leaf, Node, str]]:
    """Each condition, with the key of the object type that it is about. Passes over what cannot be read."""
    waiting = [(tree, object_type)]
    while waiting:
        node, key = waiting.pop()
        name = _name(node)
        if name is None or not isinstance(node, dict):
            continue
        if name in _leaves:
            yield _leaves[name], node, key
            inner = _leaves[name].inside(node)
            waiting += [(inner.tree, inner.object_type)] if inner else []
        else:
            members = [node["not"]] if name == "not" else node[name]
            waiting += [(member, key) for member in members] if isinstance(members, list) else []


def compile_node(node: Any, sql: Compiler) -> str:
    """A tree without faults as a boolean SQL expression that is never NULL."""
    name = _name(node) or ""
    if name in _leaves:
        return _leaves[name].compile(node, sql)
    if name == "not":
        return f"(not {compile_node(node['not'], sql)})"
    parts = [compile_node(member, sql) for member in node[name]]
    return f"({(' and ' if name == 'all' else ' or ').join(parts)})" if parts else "true"


def describe_node(node: Any, subject: Subject, *, inside: bool) -> str:
    """A tree without faults in words; in brackets when it stands `inside` another and holds several conditions."""
    name = _name(node) or ""
    if name in _leaves:
        return _leaves[name].describe(node, subject)
    if name == "not":
        return _("not ({condition})").format(condition=describe_node(node["not"], subject, inside=False))
    parts = [describe_node(member, subject, inside=len(node[name]) > 1) for member in node[name]]
    if not parts:
        return _("every record")
    joined = parts[0]
    for part in parts[1:]:
        template = _("{first} and {second}") if name == "all" else _("{first} or {second}")
        joined = template.format(first=joined, second=part)
    return f"({joined})" if inside and len(parts) > 1 else joined


class _Faults:
    """A walk through a tree that may be anything, so it stops at the limits."""

    def __init__(self) -> None:
        self.leaves = 0

    def of(self, node: object, subject: Subject, depth: int) -> Iterator[Error]:
        """Every fault at and below `node`, which lies inside `depth` groups."""
        if self.leaves > MOST_LEAVES:
            return
        name = _name(node)
        if name is None or not isinstance(node, dict):
            yield Error("", _("Give one of: {names}.").format(names=", ".join([*GROUPS, *_leaves])))
        elif name in _leaves:
            yield from self._of_leaf(name, node, subject, depth)
        elif depth == DEEPEST:
            yield Error("", _("The groups are nested more than {most} deep.").format(most=DEEPEST))
        else:
            yield from _unknown_keys(node, {name})
            yield from self._of_members(name, node[name], subject, depth + 1)

    def _of_leaf(self, name: str, node: Node, subject: Subject, depth: int) -> Iterator[Error]:
        yield from (too_many := self._counted())
        if too_many:
            return
        leaf = _leaves[name]
        yield from _unknown_keys(node, {name, *leaf.keys})
        found = list(leaf.check(node, subject))
        yield from found
        inner = leaf.inside(node)
        about = subject.of_associated(inner.object_type) if inner and not found else None
        if inner and about:
            yield from (error.under(inner.path) for error in self.of(inner.tree, about, depth))

    def _counted(self) -> list[Error]:
        """One condition more; the fault when that is one too many."""
        self.leaves += 1
        too_many = _("There are more than {most} conditions.").format(most=MOST_LEAVES)
        return [Error("", too_many)] if self.leaves > MOST_LEAVES else []

    def _of_members(self, name: str, members: object, subject: Subject, depth: int) -> Iterator[Error]:
        if name == "not":
            yield from (error.under("not") for error in self.of(members, subject, depth))
        elif not isinstance(members, list):
            yield Error(name, _("Give a list of conditions."))
        elif name == "any" and not members:
            yield Error(name, _("Give at least one condition: any of none would be nobody."))
        elif not members:
            yield from self._counted()  # "every record": there may be no end of those either
        else:
            for number, member in enumerate(members):
                yield from (error.under(name, number) for error in self.of(member, subject, depth))


def _name(node: object) -> str | None:
    """What kind of node it is; None for none, and for more than one."""
    names = [name for name in (*GROUPS, *_leaves) if isinstance(node, dict) and name in node]
    return names[0] if len(names) == 1 else None


def _unknown_keys(node: Node, known: set[str]) -> Iterator[Error]:
    for key in node:
        if key not in known:
            yield Error(legible(key), _("Not known here. Leave it out."))
