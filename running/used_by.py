"""Which flows use a property, a list or an object type: in criteria, in steps, or by excluding a list."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from flows.models import Branch, ExclusionList, Flow, Step
from flows.steps import KINDS
from records.used_by import Use, Wanted
from triggers.models import Trigger


def flows_using(wanted: Wanted) -> Iterator[Use]:
    """The flows of the account that use it; the number of queries does not grow with them."""
    trees, settings = _trees(), _settings()
    excluding = set(ExclusionList.objects.filter(list_id=wanted.list).values_list("flow_id", flat=True))
    for flow in Flow.objects.select_related("object_type").order_by("pk"):
        key = flow.object_type.key
        if (
            flow.pk in excluding
            or key == wanted.object_type
            or any(wanted.is_in_criteria(tree, key) for tree in [*_own_trees(flow), *trees[flow.pk]])
            or any(
                wanted.is_in(KINDS[kind].references(given, key)) and wanted.is_named(given)
                for kind, given in settings[flow.pk]
            )
        ):
            yield Use("flow", flow.pk, flow.name)


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
