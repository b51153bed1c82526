"""A schedule: enrols every record that meets the criteria, at each moment of a recurrence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flows.steps.base import Lack
from scheduling.reading import Reader
from scheduling.recurrence import Recurrence, RecurrenceError
from scheduling.sentences import sentence
from triggers.models import CatchUp, Schedule, Trigger

LARGEST_BRAKE = 2**31 - 1


@dataclass(frozen=True)
class ScheduleSettings:
    """When to run, what to do about missed runs, and how many records may match at most (None: any number)."""

    recurrence: Recurrence
    catch_up: str
    safety_brake: int | None


class ScheduleKind:
    """The trigger kind `schedule`. Its settings are those of a recurrence, with `catch_up` and `safety_brake`."""

    kind: ClassVar[str] = "schedule"
    label: ClassVar[Promise] = gettext_lazy("On a schedule")

    def clean(self, settings: object, *, time_zone: str | None = None) -> ScheduleSettings:
        """Checked settings, in the flow's `time_zone` unless they name one; raises RecurrenceError with every fault."""
        reader = Reader()
        given: Mapping[str, Any] = settings if isinstance(settings, dict) else {}
        own = {"time_zone": time_zone, **given}
        catch_up = reader.choice("catch_up", own.pop("catch_up", None) or CatchUp.LATEST.value, CatchUp.values)
        brake = own.pop("safety_brake", None)
        if brake is not None:
            brake = reader.whole_number("safety_brake", brake, low=1, high=LARGEST_BRAKE)
        try:
            recurrence = Recurrence.parse(own if isinstance(settings, dict) else settings)
        except RecurrenceError as error:
            raise RecurrenceError([*error.errors, *reader.errors]) from None
        if reader.errors:
            raise RecurrenceError(reader.errors)
        return ScheduleSettings(recurrence, str(catch_up), brake)

    def summary(self, trigger: Trigger) -> str:
        """When it runs, as a sentence in the active language; "" while that is not filled in."""
        schedule = Schedule.objects.filter(trigger=trigger).first()
        return sentence(Recurrence.parse(schedule.recurrence)) if schedule else ""

    def lacks(self, trigger: Trigger, *, is_alone: bool) -> list[Lack]:
        """What must be filled in before the flow may run. `is_alone`: the flow has no other trigger.

        Asks nothing of the database when the trigger was read with its schedule.
        """
        lacks = []
        if getattr(trigger, "schedule", None) is None:
            lacks.append(Lack("schedule_missing", _("Choose when the flow runs."), "schedule"))
        if trigger.criteria is None:
            message = _("Choose whom each run enrols, or say that it enrols all records.")
            lacks.append(Lack("criteria_missing", message, "criteria"))
        if not is_alone:
            message = _("A flow with a schedule has no other trigger. Remove one of them.")
            lacks.append(Lack("schedule_not_alone", message, "kind"))
        return lacks
