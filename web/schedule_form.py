"""A schedule as a form: filled from the document, read back into the document's words as it was posted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext_lazy as _

from scheduling.reading import WEEKDAYS as WEEKDAY_NAMES
from triggers.models import CatchUp
from web.paging import read_id
from web.step_panel import number_or_text

# "flexible" is the monthly frequency on days such as the last Friday.
FREQUENCIES = (
    ("daily", _("Daily")),
    ("weekly", _("Weekly")),
    ("monthly", _("Monthly, on dates")),
    ("flexible", _("Monthly, flexible")),
    ("yearly", _("Yearly")),
    ("once", _("Once")),
)
ORDINAL_LABELS = {
    "first": _("first"),
    "second": _("second"),
    "third": _("third"),
    "fourth": _("fourth"),
    "last": _("last"),
}
DAY_LABELS = {
    "day": _("day"),
    **dict(zip(WEEKDAY_NAMES, WEEKDAYS.values(), strict=True)),
    "working_day": _("working day"),
}
CATCH_UP = (
    (CatchUp.LATEST, _("Run the latest missed one, if less than 24 hours late")),
    (CatchUp.ALL, _("Run all missed ones")),
    (CatchUp.SKIP, _("Run none")),
)
LOOSE_TIME = re.compile(r"(\d{1,2})(?:[:.]?([0-5]\d))?", re.ASCII)
USUAL_BRAKE = 1000


@dataclass
class ScheduleForm:
    """The fields as they are shown: texts as they were typed."""

    frequency: str = "weekly"
    times: list[str] = field(default_factory=lambda: ["09:00"])
    interval: str = "1"
    weekdays: list[str] = field(default_factory=lambda: ["monday"])
    days: list[str] = field(default_factory=lambda: ["1"])
    short_month: str = "skip"
    flexible: list[tuple[str, str]] = field(default_factory=lambda: [("last", "friday")])
    month: str = "1"
    day: str = "1"
    on: str = ""
    starts_on: str = ""
    ends_on: str = ""
    excluded_dates: list[str] = field(default_factory=list)
    catch_up: str = CatchUp.LATEST.value
    has_brake: bool = False
    safety_brake: str = str(USUAL_BRAKE)
    new_field: str = ""  # takes the focus

    frequencies = FREQUENCIES
    months = tuple(MONTHS.items())
    month_days = tuple(str(day) for day in range(1, 32))
    weekday_choices = tuple(zip(WEEKDAY_NAMES, WEEKDAYS.values(), strict=True))
    ordinals = tuple(ORDINAL_LABELS.items())
    flexible_days = tuple(DAY_LABELS.items())
    catch_ups = CATCH_UP

    @classmethod
    def of_document(cls, schedule: Mapping[str, Any] | None) -> "ScheduleForm":
        """Filled from the document; with what is usual where it says nothing."""
        if schedule is None:
            return cls()
        flexible = schedule.get("flexible") or []
        pairs = [(each["ordinal"], each["day"]) for each in (flexible if isinstance(flexible, list) else [flexible])]
        texts = {
            name: str(schedule[name])
            for name in ("interval", "short_month", "month", "day", "on", "starts_on", "ends_on", "catch_up")
            if schedule.get(name) is not None
        }
        several = {
            name: [str(each) for each in schedule[name]]
            for name in ("times", "weekdays", "days", "excluded_dates")
            if schedule.get(name)
        }
        brake = schedule.get("safety_brake")
        return cls(
            frequency="flexible" if pairs else schedule["frequency"],
            has_brake=brake is not None,
            safety_brake=str(brake or USUAL_BRAKE),
            **{**texts, **several, **({"flexible": pairs} if pairs else {})},  # type: ignore[arg-type]
        )

    @classmethod
    def of_post(cls, data: QueryDict) -> "ScheduleForm":
        """Filled from what was posted, after the button that was pressed."""
        frequency = data.get("frequency", "")
        form = cls(
            frequency=frequency if frequency in dict(FREQUENCIES) else "weekly",
            times=[_clock_time(text) for text in data.getlist("times") if text.strip()],
            interval=data.get(f"interval_{frequency}", "1"),
            weekdays=data.getlist("weekdays"),
            days=data.getlist("days"),
            short_month=data.get(f"short_month_{frequency}", "skip"),
            flexible=list(zip(data.getlist("ordinal"), data.getlist("flexible_day"), strict=False)),
            month=data.get("month", ""),
            day=data.get("day", ""),
            on=data.get("on", ""),
            starts_on=data.get("starts_on", ""),
            ends_on=data.get("ends_on", ""),
            excluded_dates=[text for text in data.getlist("excluded_dates") if text.strip()],
            catch_up=data.get("catch_up", CatchUp.LATEST.value),
            has_brake="has_brake" in data,
            safety_brake=data.get("safety_brake", ""),
        )
        form._act(*data.get("do", "").partition(" ")[::2])
        return form

    def as_document(self) -> dict[str, Any]:
        """The document's schedule; what cannot be read stays as typed, for the check to refuse."""
        own: dict[str, Any] = {"frequency": self.frequency, "times": self.times}
        if self.frequency != "once":
            interval = number_or_text(self.interval)
            own |= {
                "interval": 1 if interval is None else interval,
                "starts_on": self.starts_on or None,
                "ends_on": self.ends_on or None,
                "excluded_dates": sorted(set(filter(None, self.excluded_dates))),
            }
        return {**own, **self._of_frequency(), "catch_up": self.catch_up, "safety_brake": self._brake()}

    def _of_frequency(self) -> dict[str, Any]:
        match self.frequency:
            case "weekly":
                return {"weekdays": self.weekdays}
            case "monthly":
                return {"days": [number_or_text(day) for day in self.days], "short_month": self.short_month}
            case "flexible":
                pairs = [{"ordinal": ordinal, "day": day} for ordinal, day in self.flexible]
                return {"frequency": "monthly", "flexible": pairs}
            case "yearly":
                day, month = number_or_text(self.day), number_or_text(self.month)
                return {"month": month, "day": day, "short_month": self.short_month}
            case "once":
                return {"on": self.on}
        return {}

    def _brake(self) -> Any:
        return (number_or_text(self.safety_brake) or "") if self.has_brake else None

    def _act(self, verb: str, target: str) -> None:
        """Another time, flexible day or date, or one less."""
        if verb == "add_time":
            self.times.append("")
        elif verb == "add_flexible":
            self.flexible.append(("first", "monday"))
        elif verb == "add_excluded":
            self.excluded_dates.append("")
        self.new_field = verb.removeprefix("add_") if verb.startswith("add_") else ""
        lists: dict[str, list[Any]] = {
            "remove_time": self.times,
            "remove_flexible": self.flexible,
            "remove_excluded": self.excluded_dates,
        }
        if verb in lists and (number := read_id(target)) is not None and number < len(lists[verb]):
            del lists[verb][number]


def _clock_time(text: str) -> str:
    """ "9", "9.30" and "0930" as "09:00" and "09:30"; anything else as typed."""
    found = LOOSE_TIME.fullmatch(text.strip())
    return f"{int(found[1]):02}:{found[2] or '00'}" if found else text.strip()
