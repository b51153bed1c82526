"""Wait: stand here for a time, counted from arrival. The end is fixed then; later edits do not move it."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from flows.models import Flow, Step
from flows.path import Path

from .base import Batch, Lack, SettingsError, StepKind, only

UNITS = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
}
LONGEST = timedelta(days=3660)


def clean_time(settings: dict[str, Any], errors: dict[str, Any]) -> dict[str, Any]:
    """The settings amount and unit as they are stored; what is wrong with them goes into `errors`."""
    amount, unit = settings.get("amount"), settings.get("unit", "days")
    if not isinstance(unit, str) or unit not in UNITS:
        errors["unit"] = gettext("Choose minutes, hours, days or weeks.")
    elif amount is not None and (
        not isinstance(amount, int) or isinstance(amount, bool) or amount < 1 or amount > LONGEST / UNITS[unit]
    ):
        errors["amount"] = gettext("A whole number from 1, at most ten years in all.")
    return {"amount": amount, "unit": unit}


def time_of(settings: dict[str, Any]) -> timedelta | None:
    """How long amount and unit are; None while no amount is chosen."""
    amount = settings.get("amount")
    return UNITS[settings["unit"]] * amount if amount else None


def time_in_words(settings: dict[str, Any]) -> str:
    """ "3 days"; "" while no amount is chosen."""
    amount = settings.get("amount")
    if not amount:
        return ""
    words = {
        "minutes": ngettext("%(n)d minute", "%(n)d minutes", amount),
        "hours": ngettext("%(n)d hour", "%(n)d hours", amount),
        "days": ngettext("%(n)d day", "%(n)d days", amount),
        "weeks": ngettext("%(n)d week", "%(n)d weeks", amount),
    }
    return words[settings.get("unit", "days")] % {"n": amount}


def length_in_words(length: timedelta) -> str:
    """How long something took: "2 days", "3 hours, 5 minutes"; the two largest units, rounded down to whole ones."""
    minutes = int(length.total_seconds()) // 60
    if minutes < 1:
        return gettext("less than a minute")
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = {"days": days, "hours": hours} if days else {"hours": hours, "minutes": minutes}
    return ", ".join(time_in_words({"amount": n, "unit": unit}) for unit, n in parts.items() if n)


class Wait(StepKind):
    """Settings: {"amount": 3, "unit": "minutes" | "hours" | "days" | "weeks"}."""

    kind, label, family, icon = "wait", _("Wait"), "control", "clock"
    hint = _("Everyone stands here for a time")
    waits = True

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """An amount from 1 and a unit."""
        only(settings, "amount", "unit")
        errors: dict[str, Any] = {}
        cleaned = clean_time(settings, errors)
        if errors:
            raise SettingsError(errors)
        return cleaned

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """The amount."""
        if step.settings.get("amount"):
            return []
        return [Lack("wait_without_time", gettext("Say how long to wait."), "amount")]

    def summary(self, step: Step, path: Path) -> str:
        """ "3 days"."""
        return time_in_words(step.settings) or gettext("No time chosen")

    def run(self, batch: Batch) -> None:
        """On the first look fix the end; on a later one pass when it has come."""
        length = time_of(batch.step.settings)
        batch.execute(
            """
            update batch set
              wait_until = coalesce(wait_until, coalesce(arrived_at, %(now)s) + %(length)s),
              due_at = coalesce(wait_until, coalesce(arrived_at, %(now)s) + %(length)s),
              decision = case
                when coalesce(wait_until, coalesce(arrived_at, %(now)s) + %(length)s) <= %(now)s then 'continue'
                else 'wait' end
            where decision = 'continue'
            """,
            length=length,
        )
