"""Finish: the end of the trunk, from where people may go on into other flows."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from flows import exits
from flows.models import Flow, Step
from flows.path import Path

from .base import Batch, Lack, SettingsError, StepKind, only


class Finish(StepKind):
    """Settings: {"success_flow": id, "otherwise_flow": id}, each only where people are handed over.

    The engine hands over: whoever succeeds early finishes without having come here.
    """

    kind, label, family, icon = "finish", _("Finish"), "finish", "flag"

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Flows for those who succeeded, and for the others."""
        only(settings, *exits.AT_FINISH)
        errors: dict[str, Any] = {}
        cleaned = exits.clean_flows(settings, exits.AT_FINISH, flow=flow, errors=errors)
        if errors:
            raise SettingsError(errors)
        return cleaned

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """The other flows, still there."""
        return [Lack(*each) for each in exits.lacks(step, path)]

    def summary(self, step: Step, path: Path) -> str:
        """ "The flow ends here", and where people go."""
        succeeded, others = (exits.target_name(step, path, name) for name in exits.AT_FINISH)
        if succeeded and others:
            return gettext("Success goes on in “%(first)s”, others in “%(second)s”") % {
                "first": succeeded,
                "second": others,
            }
        if succeeded:
            return gettext("Success goes on in “%s”") % succeeded
        return gettext("Without success on in “%s”") % others if others else gettext("The flow ends here")

    def run(self, batch: Batch) -> None:
        """Everyone has arrived."""
        batch.execute("update batch set decision = 'finish' where decision = 'continue'")
