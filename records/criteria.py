"""Who: the one filter language, as a tree of groups over conditions. Checked, compiled to SQL over sets, described.

{"all": [...]} | {"any": [...]} | {"not": ...} over leaves such as {"property": "country", "operator": "eq",
"value": "NO"} and {"list": 7, "operator": "not_in"}. {"all": []} is every record. See docs/criteria.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .associated_leaf import AssociatedLeaf
from .criteria_trees import compile_node, describe_node, every_leaf, faults, register_leaf
from .event_leaf import EventLeaf
from .leaves import Compiler, ListLeaf, Subject
from .models import ObjectType
from .property_leaf import PropertyLeaf
from .refusals import Error, Invalid

__all__ = [
    "Condition",
    "check",
    "check_all",
    "compile",
    "describe",
    "describe_all",
    "is_time_dependent",
    "register_leaf",
]


@dataclass(frozen=True)
class Condition:
    """A boolean SQL expression over one alias of records_record, never NULL, and its named parameters."""

    sql: str
    params: dict[str, Any]


register_leaf("property", PropertyLeaf())
register_leaf("list", ListLeaf())
register_leaf("event", EventLeaf())
register_leaf("associated", AssociatedLeaf())


def check(tree: object, object_type: ObjectType) -> list[Error]:
    """Every fault of a tree that someone wrote, with its path ("all.0.value"); none when it may be saved."""
    return check_all([tree], object_type)[0]


def check_all(trees: Sequence[object], object_type: ObjectType) -> list[list[Error]]:
    """`check()` of several trees, with the queries of one."""
    subject = Subject(object_type)
    return [faults(tree, subject) for tree in trees]


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
    _refuse(faults(tree, subject))
    sql = Compiler(subject, moment, ZoneInfo(zone) if isinstance(zone, str) else zone, prefix, record)
    return Condition(compile_node(tree, sql), sql.params)


def describe(tree: object, object_type: ObjectType) -> str:
    """The tree as a sentence without a full stop: "Country is NO and Score is at least 50". Raises `Invalid`."""
    subject = Subject(object_type, stored=True)
    _refuse(faults(tree, subject))
    return describe_node(tree, subject, inside=False)


def describe_all(trees: Sequence[object], object_type: ObjectType) -> list[str]:
    """`describe()` of several trees, with the queries of one; "" for a tree that cannot be read."""
    subject = Subject(object_type, stored=True)
    return ["" if faults(tree, subject) else describe_node(tree, subject, inside=False) for tree in trees]


def is_time_dependent(tree: object) -> bool:
    """Whether time alone can change whom it takes, as with "in the last 7 days": such lists are evaluated on a timer.

    No queries; nothing of a tree that cannot be read.
    """
    return any(leaf.is_time_dependent(node) for leaf, node, _key in every_leaf(tree, ""))


def _refuse(errors: list[Error]) -> None:
    if errors:
        raise Invalid(errors)
