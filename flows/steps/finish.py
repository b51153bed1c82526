"""Finish: the end of the trunk."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from flows.models import Flow, Step
from flows.path import Path

from .base import Batch, StepKind, only


class Finish(StepKind):
    """No settings."""

    kind, label, family, icon = "finish", _("Finish"), "finish", "flag"

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Nothing to set."""
        only(settings)
        return {}

    def summary(self, step: Step, path: Path) -> str:
        """ "The end"."""
        return gettext("The flow ends here")

    def run(self, batch: Batch) -> None:
        """Everyone has arrived."""
        batch.execute("update batch set decision = 'finish' where decision = 'continue'")
