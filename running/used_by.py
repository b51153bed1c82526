"""Which flows use a property, lists or an object type: in criteria, in steps, or by excluding a list."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from accounts.actors import Actor
from flows.models import Branch, ExclusionList, Flow, Step, Visibility
from flows.steps import KINDS
from flows.visibility import visible_to
from records.used_by import Use, Wanted
from triggers.models import Trigger


def flows_using(wanted: Wanted) -> Iterator[Use]:
    """The flows of the account that use it; the number of queries does not grow with them."""
    trees, settings, excluded = _trees(), _settings(), _excluded(wanted)
    for flow in Flow.objects.select_related("object_type").order_by("pk"):
        key = flow.object_type.key
        own = [*_own_trees(flow), *trees[flow.pk]]
        named = [(KINDS[kind].references(given, key), given) for kind, given in settings[flow.pk]]
        lists = excluded[flow.pk].union(*(wanted.lists_in(tree, key) for tree in own))
        lists = lists.union(*(wanted.lists & found.lists for found, _given in named))
        if (
            lists
            or key == wanted.object_type
            or any(wanted.is_in_criteria(tree, key) for tree in own)
            or any(wanted.is_in(found) and wanted.is_named(given) for found, given in named)
        ):
            yield Use("flow", flow.pk, flow.name, is_private=flow.visibility != Visibility.ALL, lists=lists)


def seen_by(actor: Actor, uses: Iterable[Use]) -> list[Use]:
    """Those that `actor` may know of: all but flows that are hidden from them; at most one query."""
    found = list(uses)
    private = [use.id for use in found if use.is_private]
    seen = set(Flow.objects.filter(visible_to(actor), pk__in=private).values_list("pk", flat=True)) if private else ()
    return [use for use in found if not use.is_private or use.id in seen]


def _excluded(wanted: Wanted) -> dict[int, frozenset[int]]:
    """Which of the lists each flow leaves out, by flow."""
    found: dict[int, frozenset[int]] = defaultdict(frozenset)
    for flow_id, list_id in ExclusionList.objects.filter(list_id__in=wanted.lists).values_list("flow_id", "list_id"):
        found[flow_id] |= {list_id}
    return found


def _own_trees(flow: Flow) -> Iterator[Any]:
    yield flow.filter
    yield flow.unenrolment
    yield from (criterion.get("criteria") for criterion in flow.success)


def _trees() -> dict[int, list[Any]]:
    """The criteria of triggers and branches, by flow."""
    found = defaultdict(list)
    for model in (Trigger, Branch):
        for flow_id, tree in model.objects.exclude(criteria=None).values_list("flow_id", "criteria"):
            found[flow_id].append(tree)
    return found


def _settings() -> dict[int, list[tuple[str, dict[str, Any]]]]:
    """Kind and settings of the steps, by flow."""
    found = defaultdict(list)
    for flow_id, kind, settings in Step.objects.exclude(settings={}).values_list("flow_id", "kind", "settings"):
        found[flow_id].append((kind, settings))
    return found
