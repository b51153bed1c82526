"""The condition about records that belong with a record: one hop away, and no further."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from .criteria_trees import compile_node, describe_node
from .leaves import Compiler, Inner, Leaf, Node, Reference, Subject
from .refusals import Error, legible


class AssociatedLeaf(Leaf):
    """{"associated": key of an object type, "primary": false, "where": tree}: at least one such record meets the tree.

    "primary": true asks only the primary one. Archived records are not asked. {"not": ...} around it is "none of them".
    """

    keys = frozenset({"primary", "where"})

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """An object type of the account; the tree is checked by whoever walks."""
        key = node["associated"]
        if subject.is_associated:
            yield Error("associated", _("Conditions about associated records do not stand inside each other."))
        elif not isinstance(key, str) or subject.of_associated(key) is None:
            yield Error("associated", _("There is no object type “{key}”.").format(key=legible(key)))
        if not isinstance(node.get("primary", False), bool):
            yield Error("primary", _("True or false."))
        if "where" not in node:
            yield Error("where", _("Say what is true of the associated record."))

    def compile(self, node: Node, sql: Compiler) -> str:
        """By the index of a record's associations."""
        about = sql.subject.of_associated(node["associated"])
        assert about is not None  # checked
        link, other = f"{sql.prefix}_link", f"{sql.prefix}_other"
        primary = f" and {link}.is_primary" if node.get("primary") else ""
        where = compile_node(node["where"], sql.about(about, other))
        return (
            f"exists (select 1 from records_association {link} join records_record {other}"
            f" on {other}.account_id = {sql.account} and {other}.id = {link}.other_id"
            f" where {link}.account_id = {sql.account} and {link}.record_id = {sql.record}.id"
            f" and {link}.other_type_id = {sql.bind(about.object_type.pk)}{primary}"
            f" and {other}.archived_at is null and {where})"
        )

    def describe(self, node: Node, subject: Subject) -> str:
        """As in "Company: Country is NO"."""
        about = subject.of_associated(node["associated"])
        assert about is not None  # checked
        name = about.object_type.name
        label = _("Primary {name}").format(name=name.lower()) if node.get("primary") else name
        where = describe_node(node["where"], about, inside=True)
        return _("{object_type}: {condition}").format(object_type=label, condition=where)

    def references(self, node: Node, object_type: str) -> Iterator[Reference]:
        """The object type; what the tree refers to is found by whoever walks."""
        yield Reference("object_type", object_type, str(node["associated"]))

    def inside(self, node: Node) -> Inner | None:
        """The tree about the other records."""
        key = node["associated"]
        return Inner("where", node["where"], key) if isinstance(key, str) and "where" in node else None
