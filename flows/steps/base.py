"""What a step kind is: it checks its settings, says what is missing, and decides for a whole batch at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext as _

from flows.models import Flow, Step
from flows.path import Path
from records.criteria_references import References


class SettingsError(ValueError):
    """Settings that a kind refuses: `errors` maps the place in the settings to what to do."""

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__(str(errors))
        self.errors = errors


@dataclass(frozen=True)
class Lack:
    """Something in a step, or a trigger, that stops the flow from running, or is only worth a warning."""

    code: str
    message: str
    field: str = ""
    is_warning: bool = False


@dataclass(frozen=True)
class Batch:
    """Participants who stand on one step, as the temporary table `batch`, never as a Python list.

    Its rows: id (participant), record_id, hop, arrived_at, wait_until, succeeded, depth, and what a step decides:
    decision ('continue' at first; 'wait', 'finish', 'drop_out'), next_step_id, branch_id, wait_until, due_at (when
    to look again; null waits for a wake), reason (of a drop-out, or what a wait ended by). A step touches only
    rows whose decision is 'continue'. A step that writes to people finds them in person_id, screened.
    """

    cursor: CursorWrapper
    account_id: int
    flow: Flow
    path: Path
    step: Step
    now: datetime  # the moment of this batch: a step never reads a clock

    def execute(self, sql: str, **params: Any) -> int:
        """Run a statement with the batch's own values as named parameters; returns the number of rows."""
        self.cursor.execute(sql, self._values(params))
        return self.cursor.rowcount

    def _values(self, params: dict[str, Any]) -> dict[str, Any]:
        own = {"account": self.account_id, "flow": self.flow.pk, "step": self.step.pk, "now": self.now}
        return {**own, **params}


class StepKind:
    """One kind of step. `run` decides and inserts effects by set statements; the engine moves the participants."""

    kind: ClassVar[str]
    label: ClassVar[Any]
    family: ClassVar[str]  # message, control, record, activity, internal, finish: colour and group in menus
    icon: ClassVar[str]  # a drawing of static/icons.svg
    hint: ClassVar[Any] = ""  # what it is for, in menus
    batch_size: ClassVar[int] = 1000
    waits: ClassVar[bool] = False  # may decide 'wait'
    listens_to: ClassVar[frozenset[str]] = frozenset()  # event kinds that wake whoever stands here
    has_branches: ClassVar[bool] = False
    has_everyone_else: ClassVar[bool] = False  # its last branch takes whom no other took
    channel: ClassVar[str] = ""  # "email": writes to people, so what that channel asks is screened before

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Settings as they are stored; raises `SettingsError`. What may be filled in later may be missing."""
        raise NotImplementedError

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """What must be filled in before the flow may run."""
        return []

    def summary(self, step: Step, path: Path) -> str:
        """The step in a few words, for its card; reads through `path.once()`, one query for all steps of the kind."""
        raise NotImplementedError

    def hears(self, settings: dict[str, Any]) -> frozenset[str]:
        """The kinds of events that wake whoever stands on a step with these settings."""
        return self.listens_to

    def references(self, settings: dict[str, Any], object_type: str) -> References:
        """The properties and lists that the settings name, in a flow of records of the type with that key."""
        return References()

    def run(self, batch: Batch) -> None:
        """Decide for everyone in the batch and insert the effects."""
        raise NotImplementedError


def only(settings: dict[str, Any], *names: str) -> None:
    """Refuse settings of any other name."""
    strange = sorted(set(settings) - set(names))
    if strange:
        message = _("Unknown setting. Known: %s.") % ", ".join(names) if names else _("This step has no settings.")
        raise SettingsError(dict.fromkeys(strange, message))
