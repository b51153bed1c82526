"""Ways out of a flow: who exits by a step, and where they go from there. Another flow only ever asks: its own checks
decide, in its own transaction. So a hand-over is an event, which the matcher turns into an intake of that flow.
"""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actors import Actor
from records import events
from records.criteria_references import References
from records.models import List, ListKind

from .entries import put_in_list
from .models import Flow, FlowStatus, Step
from .path import Path
from .visibility import name_of, visible_to

if TYPE_CHECKING:
    from .steps.base import Batch  # the step kinds import this module

HANDED_OVER = "flow_handed_over"
NAMES = ("exit", "exit_flow", "exit_list")  # settings of a step by which people may exit
AT_FINISH = ("success_flow", "otherwise_flow")  # settings of Finish
FLOWS = ("exit_flow", *AT_FINISH)
NO_TARGET = gettext_lazy("Choose another flow for records of the same type.")

HAND_OVER = """
select record_id, jsonb_build_object('flow', %(target)s::bigint, 'participant', id) as detail, depth
from batch where {who} order by record_id
"""


def clean(settings: dict[str, Any], *, flow: Flow, errors: dict[str, Any]) -> dict[str, Any]:
    """The settings `NAMES` as they are stored, none while nobody exits; what is wrong goes into `errors`."""
    is_exit, chosen = settings.get("exit", False), settings.get("exit_list")
    if not isinstance(is_exit, bool):
        errors["exit"] = _("Write true or false.")
    if chosen is not None and not (_is_id(chosen) and _static_lists(flow, {chosen}).exists()):
        errors["exit_list"] = _("Choose a static list of the flow's object type.")
    flows = clean_flows(settings, ("exit_flow",), flow=flow, errors=errors)
    return {"exit": True, "exit_list": chosen, "exit_flow": flows.get("exit_flow")} if is_exit else {}


def clean_flows(
    settings: dict[str, Any], names: tuple[str, ...], *, flow: Flow, errors: dict[str, Any]
) -> dict[str, int]:
    """The settings that name a flow to hand people over to, those that do: another one, of the same object type."""
    chosen = {name: settings[name] for name in names if settings.get(name) is not None}
    for name, target in chosen.items():
        if not (_is_id(target) and targets(flow, {target}).exists()):
            errors[name] = str(NO_TARGET)
    return chosen


def lacks(step: Step, path: Path) -> list[tuple[str, str, str, bool]]:
    """Flows and lists that people would be handed over to, and that are gone or take nobody.

    Each as (code, message, field, is_warning) of a lack.
    """
    missing = []
    for name in FLOWS:
        if not step.settings.get(name):
            continue
        target = _flows(path, step).get(step.settings[name])
        if target is None:
            missing.append(("flow_is_gone", _("The flow to hand over to is gone. Choose another."), name, False))
        elif target.status == FlowStatus.NOT_RUNNING:
            message = _("The flow “%s” is not running: whoever is handed over does not come in.") % name_of(target)
            missing.append(("hand_over_target_not_running", message, name, True))
    if step.settings.get("exit_list") and step.settings["exit_list"] not in _lists(path, step):
        missing.append(("list_is_gone", _("The list is gone. Choose another."), "exit_list", False))
    return missing


def references(settings: dict[str, Any]) -> References:
    """The list that whoever exits is put in."""
    return References(lists=frozenset([settings["exit_list"]] if settings.get("exit_list") else []))


def target_name(step: Step, path: Path, setting: str) -> str:
    """The name of the flow or list in a setting, as whoever reads may know it; "" for none and for one that is gone."""
    target = step.settings.get(setting) or 0
    if setting == "exit_list":
        return str(_lists(path, step).get(target, ""))
    flow = _flows(path, step).get(target)
    return name_of(flow) if flow else ""


def targets(flow: Flow, ids: set[int] | None = None) -> Any:
    """The flows that people of `flow` may be handed over to; of those with these ids only."""
    others = Flow.objects.filter(object_type_id=flow.object_type_id).exclude(pk=flow.pk)
    return others if ids is None else others.filter(pk__in=ids)


def may_choose(flow: Flow, target: int, *, by: Actor) -> bool:
    """Whether `by` may send people of `flow` there: nobody into a flow that they may not know of."""
    return bool(targets(flow, {target}).filter(visible_to(by)).exists())


def exit_by(batch: "Batch", reason: str) -> None:
    """Whoever drops out of the batch with this reason goes into the step's list, and is handed over to its flow."""
    who, settings = f"decision = 'drop_out' and reason = '{reason}'", batch.step.settings
    if settings.get("exit_list") and _static_lists(batch.flow, {settings["exit_list"]}).exists():
        put_in_list(batch, settings["exit_list"], who=who)
    if settings.get("exit_flow"):
        _hand_over(batch, settings["exit_flow"], who=who)


def finish_into(batch: "Batch") -> None:
    """Whoever finishes, at whatever step, is handed over to the flow that Finish names for success or otherwise."""
    finish = next((step for step in batch.path.steps.values() if step.kind == "finish"), None)
    for name, succeeded in zip(AT_FINISH, ("succeeded", "not succeeded"), strict=True):
        target = finish.settings.get(name) if finish else None
        if target:
            _hand_over(batch, target, who=f"decision = 'finish' and {succeeded}")


def _hand_over(batch: "Batch", target: int, *, who: str) -> None:
    if not targets(batch.flow, {target}).exists():
        return  # it is gone: whoever leaves just leaves
    sql, params = events.insert_sql(HANDED_OVER, HAND_OVER.format(who=who), flow_id=batch.flow.pk)
    batch.execute(sql, **params, target=target)


def _flows(path: Path, step: Step) -> dict[int, Flow]:
    """The flows that steps of the path point at, by id."""
    ids = set().union(*(path.pointed_at(name) for name in FLOWS))
    return path.once("exit flows", lambda: targets(step.flow, ids).in_bulk())


def _lists(path: Path, step: Step) -> dict[int, List]:
    return path.once("exit lists", lambda: _static_lists(step.flow, path.pointed_at("exit_list")).in_bulk())


def _static_lists(flow: Flow, ids: set[int]) -> Any:
    return List.objects.filter(pk__in=ids, kind=ListKind.STATIC, object_type_id=flow.object_type_id)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
