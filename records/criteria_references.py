"""What criteria refer to, for "used by": read from the tree alone, without a query."""

from dataclasses import dataclass, field

from .criteria_trees import every_leaf
from .models import ObjectType


@dataclass(frozen=True)
class References:
    """What a tree names. A property is (key of its object type, its own key); an object type is its key."""

    properties: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    lists: frozenset[int] = field(default_factory=frozenset)
    object_types: frozenset[str] = field(default_factory=frozenset)
    events: frozenset[str] = field(default_factory=frozenset)


def references(tree: object, object_type: ObjectType | str) -> References:
    """Everything that a tree about records of `object_type` (or of that key) refers to.

    `object_types` are those of associated records, not its own. A tree that cannot be read refers to what of it can.
    """
    key = object_type if isinstance(object_type, str) else object_type.key
    found = [each for leaf, node, about in every_leaf(tree, key) for each in leaf.references(node, about)]
    return References(
        properties=frozenset((each.object_type, str(each.name)) for each in found if each.kind == "property"),
        lists=frozenset(each.name for each in found if each.kind == "list" and isinstance(each.name, int)),
        object_types=frozenset(str(each.name) for each in found if each.kind == "object_type"),
        events=frozenset(str(each.name) for each in found if each.kind == "event"),
    )
