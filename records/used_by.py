"""Who uses a property, a list or an object type: found by what each package registers for the things it keeps."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from .criteria_references import References, references
from .criteria_trees import every_leaf
from .models import Import, ImportStatus, List, ObjectType, Property


@dataclass(frozen=True)
class Use:
    """Something that stops making sense when what it uses goes: a flow, a content, a list, an import under way."""

    kind: str
    id: int
    name: str
    is_private: bool = False  # not everybody in the account may know of it: refusals count it and do not name it
    lists: frozenset[int] = frozenset()  # which of the lists that were looked for it uses


@dataclass(frozen=True)
class Wanted:
    """What a use is looked for of; exactly one of the three. `object_type`: its key."""

    property: tuple[str, str] | None = None  # the key of its object type, and its own
    lists: frozenset[int] = frozenset()
    object_type: str | None = None
    option: str | None = None  # of the property: only where this choice is named

    def is_in(self, found: References) -> bool:
        """Whether it is among what something refers to."""
        return (
            self.property in found.properties
            or not self.lists.isdisjoint(found.lists)
            or self.object_type in found.object_types
        )

    def lists_in(self, tree: Any, object_type: str) -> frozenset[int]:
        """Which of the lists a tree about records of the type with that key refers to; none in None."""
        return self.lists & references(tree, object_type).lists if self.lists and tree is not None else frozenset()

    def is_in_criteria(self, tree: Any, object_type: str) -> bool:
        """Whether a tree about records of the type with that key refers to it; never in None."""
        if tree is None or not self.is_in(references(tree, object_type)):
            return False
        return self.option is None or any(
            (about, node.get("property")) == self.property and self.is_named(node)
            for _leaf, node, about in every_leaf(tree, object_type)
        )

    def is_named(self, value: Any) -> bool:
        """Whether the option, if it is one that is looked for, stands anywhere in a JSON value."""
        if isinstance(value, dict | list):
            return any(self.is_named(each) for each in (value.values() if isinstance(value, dict) else value))
        return self.option is None or value == self.option


Finder = Callable[[Wanted], Iterable[Use]]
_finders: dict[str, Finder] = {}


def register_finder(kind: str, finder: Finder) -> None:
    """Let `finder` tell what of its kind uses something: in the current account, in a constant number of queries.

    Called once, as the app of the package that keeps such things is made ready.
    """
    if kind in _finders:
        raise ValueError(f"There is a finder of {kind} already.")
    _finders[kind] = finder


def users_of_property(property: Property) -> list[Use]:
    """What uses the property: flows, contents, lists, unfinished imports. Inside the account's scope."""
    return _users(Wanted(property=(property.object_type.key, property.key)))


def imports_under_way(property: Property) -> list[Use]:
    """The imports that write values of the property until they end; drafts are not among them."""
    started = [ImportStatus.WAITING, ImportStatus.RUNNING]
    uses = imports_using(Wanted(property=(property.object_type.key, property.key)))
    ids = set(Import.objects.filter(status__in=started).values_list("pk", flat=True))
    return [use for use in uses if use.id in ids]


def users_of_option(property: Property, option: str) -> list[Use]:
    """What names an option of the property: flows and lists."""
    wanted = Wanted(property=(property.object_type.key, property.key), option=option)
    return [use for use in _users(wanted) if use.kind != "import"]


def users_of_list(list: List) -> list[Use]:
    """What uses the list: flows, other lists, unfinished imports. Inside the account's scope."""
    return _users(Wanted(lists=frozenset([list.pk])))


def users_of_lists(list_ids: Collection[int]) -> dict[int, list[Use]]:
    """What uses each of the lists, in as many queries as for one; lists that nothing uses are left out."""
    found = defaultdict(list)
    for use in _users(Wanted(lists=frozenset(list_ids))) if list_ids else ():
        for list_id in use.lists:
            found[list_id].append(use)
    return dict(found)


def users_of_object_type(object_type: ObjectType) -> list[Use]:
    """What is about records of that type, or looks at them: flows, lists, unfinished imports."""
    return _users(Wanted(object_type=object_type.key))


def in_use(uses: Collection[Use]) -> str:
    """The sentence that refuses: who uses it, the first few by name."""
    named = [f"“{use.name}”" for use in uses if not use.is_private][:5]
    more = len(uses) - len(named)
    if not named:
        return _("It is used by flows that not everybody sees. Change those first.")
    if more > 0:
        return _("It is used by {names} and {more} more. Change those first.").format(names=", ".join(named), more=more)
    return _("It is used by {names}. Change that first.").format(names=", ".join(named))


def told(uses: Iterable[Use]) -> list[dict[str, Any]]:
    """The uses as a refusal carries them, whoever reads it."""
    return [{"kind": use.kind, "id": use.id, "name": use.name} for use in uses if not use.is_private]


def _users(wanted: Wanted) -> list[Use]:
    return [use for finder in _finders.values() for use in sorted(finder(wanted), key=lambda use: use.name.casefold())]


def lists_using(wanted: Wanted) -> Iterator[Use]:
    """Lists, by their criteria; for an object type those of its records too. Not those that Flyt keeps for itself."""
    for each in List.objects.filter(is_hidden=False).select_related("object_type").order_by("pk"):
        key = each.object_type.key
        if key == wanted.object_type or wanted.is_in_criteria(each.criteria, key):
            yield Use("list", each.pk, each.name, lists=wanted.lists_in(each.criteria, key))


def imports_using(wanted: Wanted) -> Iterator[Use]:
    """Imports that are not through: by where their columns go, their list, and their object type."""
    under_way = Import.objects.filter(status__in=[ImportStatus.DRAFT, ImportStatus.WAITING, ImportStatus.RUNNING])
    for each in under_way.select_related("object_type").order_by("pk"):
        targets = [target for target in each.mapping.values() if isinstance(target, dict)]
        key = each.object_type.key
        found = References(
            properties=frozenset((key, target["property"]) for target in targets if "property" in target),
            lists=frozenset([each.list_id] if each.list_id else []),
            object_types=frozenset([key, *(target["associated"] for target in targets if "associated" in target)]),
        )
        if wanted.is_in(found):
            yield Use("import", each.pk, each.name, lists=wanted.lists & found.lists)


register_finder("list", lists_using)
register_finder("import", imports_using)
