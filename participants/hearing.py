"""Which events concern whom: a step that waits for their kind, or a flow whose criteria or exclusion lists ask for
what has happened. From it follow the kinds that a flow listens to, and who is woken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Exists, OuterRef, Q

from flows.exits import FLOWS, HANDED_OVER
from flows.models import ExclusionList, Flow, FlowStatus, Step
from flows.steps import KINDS
from records.criteria_references import References, references
from records.list_matching import ASSOCIATIONS, LISTS
from records.models import Event

from .enrolment import TAKES_OUT

UPDATED: Final = "record_updated"
# Criteria that look across see no archived record.
ACROSS: Final = ASSOCIATIONS | {"record_archived", "record_restored"}


@dataclass(frozen=True)
class Concern:
    """What the success criteria, the unenrolment criteria and the exclusion lists of a flow ask for."""

    object_type: str
    named: References

    @classmethod
    def of(cls, flow: Flow, exclusion_lists: Iterable[int]) -> "Concern":
        """Of a flow that was read with its object type."""
        trees = [flow.unenrolment, *(criterion["criteria"] for criterion in flow.success)]
        found = [references(tree, flow.object_type) for tree in trees if tree]
        return cls(
            flow.object_type.key,
            References(
                properties=frozenset().union(*(each.properties for each in found)),
                lists=frozenset(exclusion_lists).union(*(each.lists for each in found)),
                object_types=frozenset().union(*(each.object_types for each in found)),
                events=frozenset().union(*(each.events for each in found)),
            ),
        )

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of events that may change the answer."""
        named = self.named
        return named.events.union(
            {UPDATED} if named.properties else (),
            LISTS if named.lists else (),
            ACROSS if named.object_types else (),
        )

    def heeds(self, event: Event) -> bool:
        """Whether the event may change the answer; a change of properties that nobody asks for is passed over."""
        if event.kind not in self.kinds:
            return False
        if event.kind in self.named.events or event.kind in ACROSS:
            return True
        if event.kind in LISTS:
            return event.detail.get("list") in self.named.lists
        changes = event.detail.get("changes")
        keys = {key for _type, key in self.named.properties}
        return not isinstance(changes, Mapping) or not changes or any(key in keys for key in (*changes, "updated_at"))


def heard_kinds(flow: Flow) -> set[str]:
    """The kinds of events that must have consequences while the flow runs."""
    steps = list(Step.objects.filter(flow=flow).values_list("kind", "settings"))
    heard = {kind for name, settings in steps for kind in KINDS[name].hears(settings)}
    lists = ExclusionList.objects.filter(flow=flow).values_list("list_id", flat=True)
    heard |= Concern.of(flow, lists).kinds
    if any(settings.get(name) for _kind, settings in steps for name in FLOWS):
        heard.add(HANDED_OVER)
    if flow.leave_flows:
        heard.add(TAKES_OUT)
    return heard


def listening_steps() -> dict[int, frozenset[str]]:
    """By id the steps of flows that are on, and the kinds of events that wake whoever stands there."""
    able = [name for name, kind in KINDS.items() if kind.waits]
    rows = Step.objects.filter(kind__in=able).exclude(flow__status=FlowStatus.NOT_RUNNING)
    heard = {
        step_id: KINDS[kind].hears(settings) for step_id, kind, settings in rows.values_list("pk", "kind", "settings")
    }
    return {step_id: kinds for step_id, kinds in heard.items() if kinds}


def concerns() -> dict[int, Concern]:
    """By id the flows that are on and whose criteria or lists people may come to meet while they wait."""
    excluding = ExclusionList.objects.filter(flow_id=OuterRef("pk"))
    asking = ~Q(success=[]) | Q(unenrolment__isnull=False) | Q(Exists(excluding))
    flows = list(Flow.objects.filter(asking).exclude(status=FlowStatus.NOT_RUNNING).select_related("object_type"))
    lists: dict[int, list[int]] = {}
    for flow_id, list_id in ExclusionList.objects.filter(flow__in=flows).values_list("flow_id", "list_id"):
        lists.setdefault(flow_id, []).append(list_id)
    return {flow.pk: Concern.of(flow, lists.get(flow.pk, ())) for flow in flows}
