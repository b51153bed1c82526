"""Which flows use a property, lists or an object type: in criteria, in steps, in what they say, or by excluding a list.

And which contents name a property in their merge fields."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from accounts.actors import Actor
from flows.models import Branch, ExclusionList, Flow, Step, Visibility
from flows.steps import KINDS
from flows.visibility import visible_to
from messaging.merge_fields import Naming, naming
from records.used_by import Use, Wanted
from triggers.models import Trigger


def flows_using(wanted: Wanted) -> Iterator[Use]:
    """The flows of the account that use it; the number of queries does not grow with them."""
    trees, settings, excluded, said = _trees(), _settings(), _excluded(wanted), _said(wanted)
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
            or any(_names(wanted, each, key) for each in said[flow.pk])
        ):
            yield Use("flow", flow.pk, flow.name, is_private=flow.visibility != Visibility.ALL, lists=lists)


def contents_using(wanted: Wanted) -> Iterator[Use]:
    """The contents that flows share with a merge field of the property; a flow's own is the flow's use.

    One that no flow sends may be meant for records of any type.
    """
    shared = [each for each in _naming(wanted) if each.flow_id is None]
    types = _types_of_records({each.content_id for each in shared})
    for each in shared:
        sent_for = types[each.content_id] or ([wanted.property[0]] if wanted.property else ())
        if any(_names(wanted, each, key) for key in sent_for):
            yield Use("content", each.content_id, each.name)


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


def _naming(wanted: Wanted) -> list[Naming]:
    """The contents that name the property; none say anything of lists, object types or choices."""
    return naming(wanted.property[1]) if wanted.property and wanted.option is None else []


def _names(wanted: Wanted, each: Naming, record_type: str) -> bool:
    return wanted.property is not None and each.is_about(wanted.property[0], record_type)


def _said(wanted: Wanted) -> dict[int, list[Naming]]:
    """Of the contents that name the property, those that are the flow's own or that its steps send; by flow."""
    named = {each.content_id: each for each in _naming(wanted)}
    found = defaultdict(list)
    for each in named.values():
        if each.flow_id is not None:
            found[each.flow_id].append(each)
    for flow_id, content_id in _sending(named):
        found[flow_id].append(named[content_id])
    return found


def _types_of_records(content_ids: Collection[int]) -> dict[int, set[str]]:
    """The keys of the object types of the flows that send each content."""
    sending = list(_sending(content_ids))
    flows = Flow.objects.filter(pk__in={flow_id for flow_id, _content in sending})
    types = dict(flows.values_list("pk", "object_type__key")) if sending else {}
    found: dict[int, set[str]] = defaultdict(set)
    for flow_id, content_id in sending:
        found[content_id].update([types[flow_id]] if flow_id in types else [])
    return found


def _sending(content_ids: Collection[int]) -> Iterable[tuple[int, int]]:
    """Flow and content of the steps that send one of them."""
    if not content_ids:
        return ()
    steps = Step.objects.filter(kind="send_email", settings__content__in=list(content_ids))
    found: Iterable[tuple[int, int]] = steps.values_list("flow_id", "settings__content")
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
