"""Add to list: put everyone who passes into a static list. Being in it already is fine."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from flows.entries import put_in_list
from flows.models import Flow, Step
from flows.path import Path
from records.criteria_references import References
from records.models import List, ListKind

from .base import Batch, Lack, SettingsError, StepKind, only


class AddToList(StepKind):
    """Settings: {"list": id}."""

    kind, label, family, icon = "add_to_list", _("Add to list"), "record", "person-plus"
    hint = _("A static list of your own")

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """A static list of the flow's object type."""
        only(settings, "list")
        chosen = settings.get("list")
        if chosen is None:
            return {"list": None}
        if not isinstance(chosen, int) or isinstance(chosen, bool) or not _static_lists(flow, [chosen]).exists():
            raise SettingsError({"list": gettext("Choose a static list of the flow's object type.")})
        return {"list": chosen}

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """The list, still there."""
        chosen = step.settings.get("list")
        if chosen is None:
            return [Lack("step_without_list", gettext("Choose a list."), "list")]
        if chosen not in _lists(path, step):
            return [Lack("list_is_gone", gettext("The list is gone. Choose another."), "list")]
        return []

    def summary(self, step: Step, path: Path) -> str:
        """The list's name."""
        found = _lists(path, step).get(step.settings.get("list"))
        return found.name if found else gettext("No list chosen")

    def references(self, settings: dict[str, Any], object_type: str) -> References:
        """The list."""
        return References(lists=frozenset([settings["list"]] if settings.get("list") else []))

    def run(self, batch: Batch) -> None:
        """Whoever has passed the checks."""
        put_in_list(batch, batch.step.settings["list"], who="decision = 'continue'")


def _lists(path: Path, step: Step) -> dict[int, List]:
    """The static lists that steps of the path point at, by id."""
    return path.once("lists", lambda: _static_lists(step.flow, path.pointed_at("list")).in_bulk())


def _static_lists(flow: Flow, list_ids: Iterable[int]) -> Any:
    return List.objects.filter(pk__in=list_ids, kind=ListKind.STATIC, object_type_id=flow.object_type_id)
