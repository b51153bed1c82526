"""The condition that a record is, or has been, in a flow."""

from collections.abc import Iterator
from typing import Final

from django.utils.translation import gettext as _

from flows.models import Flow
from flows.visibility import is_hidden, name_of
from records.leaves import Compiler, Leaf, Node, Reference, Subject
from records.refusals import Error

from .models import ParticipantStatus

EVER: Final = "ever"
STATUSES: Final = (EVER, *ParticipantStatus.values)
MOST_ID: Final = 2**63


class ParticipationLeaf(Leaf):
    """{"flow": id, "operator": "in" | "not_in", "status": "ever" | "active" | "finished" | ...}.

    With a status other than `ever`, whoever has a walk through the flow that stands there; an earlier one counts too.
    """

    keys = frozenset({"operator", "status"})

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """A flow for records of the same type that whoever asks may see, an operator, a status."""
        flow = node["flow"]
        if not isinstance(flow, int) or isinstance(flow, bool) or not 0 < flow < MOST_ID:
            yield Error("flow", _("Give the id of a flow."))
        elif not subject.stored and ((found := _flows(subject).get(flow)) is None or is_hidden(found)):
            yield Error("flow", _("There is no such flow."))
        if node.get("operator", "in") not in ("in", "not_in"):
            yield Error("operator", _("Use in or not_in."))
        if node.get("status", EVER) not in STATUSES:
            yield Error("status", _("Use one of: {names}.").format(names=", ".join(STATUSES)))

    def compile(self, node: Node, sql: Compiler) -> str:
        """By the index of a record's walks. Nobody is in a flow that is gone."""
        walk, status = f"{sql.prefix}_walk", node.get("status", EVER)
        of_status = "" if status == EVER else f" and {walk}.status = {sql.bind(str(status))}"
        found = (
            f"exists (select 1 from participants_participant {walk} where {walk}.account_id = {sql.account}"
            f" and {walk}.flow_id = {sql.bind(node['flow'])} and {walk}.record_id = {sql.record}.id{of_status})"
        )
        return found if node.get("operator", "in") == "in" else f"(not {found})"

    def describe(self, node: Node, subject: Subject) -> str:
        """As in "finished with success in the flow “Onboarding”"."""
        flow = _flows(subject).get(node["flow"])
        name = name_of(flow) if flow else _("a flow that is gone")
        status, is_in = node.get("status", EVER), node.get("operator", "in") == "in"
        if status == EVER:
            template = _("was ever in the flow “{flow}”") if is_in else _("was never in the flow “{flow}”")
            return template.format(flow=name)
        template = _("is {status} in the flow “{flow}”") if is_in else _("is not {status} in the flow “{flow}”")
        return template.format(status=str(ParticipantStatus(status).label).lower(), flow=name)

    def references(self, node: Node, object_type: str) -> Iterator[Reference]:
        """The flow, and the events that change the answer."""
        if isinstance(node["flow"], int):
            yield Reference("flow", object_type, node["flow"])
        for kind in EVENTS:
            yield Reference("event", object_type, kind)


# Enrolled, and how a walk ends: written only where something in the account listens.
EVENTS: Final = ("flow_enrolled", *(f"flow_{status}" for status in ParticipantStatus.values if status != "active"))


def _flows(subject: Subject) -> dict[int, Flow]:
    """Those of the account by id, whoever asks; only what names them."""
    kind = subject.object_type
    found = Flow.objects.filter(account_id=kind.account_id, object_type_id=kind.pk)
    return subject.once("flows", found.only("name", "visibility", "owner_id").in_bulk)
