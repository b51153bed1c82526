"""The settings of a wait as a form: for a time, or for an event."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from flows.steps.wait import UNITS
from messaging.models import Content
from records.event_words import ABOUT_MESSAGES, EVENT_NAMES, about, event_name
from records.models import EventKind, List
from web.step_panel import ExitPanel, StepPanel, number_or_text


class WaitPanel(StepPanel):
    """How long."""

    def read(self, data: QueryDict) -> None:
        """`settings.amount` and `settings.unit`."""
        super().read(data)
        self.settings = {
            "amount": number_or_text(data.get("settings.amount", "")),
            "unit": data.get("settings.unit", "days"),
        }

    @property
    def units(self) -> list[tuple[str, str]]:
        """The units with their names."""
        names = {"minutes": _("minutes"), "hours": _("hours"), "days": _("days"), "weeks": _("weeks")}
        return [(unit, names[unit]) for unit in UNITS]


@dataclass
class EventRow:
    """One of the awaited events. `detail` is what its detail must hold."""

    name: str
    event: str
    detail: dict[str, Any]
    is_new: bool = False

    @property
    def about(self) -> str:
        """What the event may be about: a message, a list, anything of its own, or nothing more."""
        return about(self.event)

    @property
    def pair(self) -> tuple[str, Any]:
        """The first key and value that an own event must have."""
        return next(iter(self.detail.items()), ("", ""))

    @property
    def others(self) -> dict[str, Any]:
        """What the form has no field for."""
        if self.about == "own":
            return dict(list(self.detail.items())[1:])
        fields = {"message": ("content_id", "url"), "list": ("list",)}.get(self.about, ())
        return {key: value for key, value in self.detail.items() if key not in fields}


class WaitForEventPanel(ExitPanel, WaitPanel):
    """What ends the wait, how long it may last, and what becomes of those it never ends for."""

    rows: list[EventRow]
    contents: list[Content]
    event_lists: list[List]
    events: list[tuple[str, str]]

    def load(self) -> None:
        """One row for each event, and one to begin with."""
        given = self.settings.get("events") or []
        self.rows = [
            EventRow(f"events.{number}", each["event"], each["detail"]) for number, each in enumerate(given)
        ] or [EventRow("events.0", "", {})]

    def read(self, data: QueryDict) -> None:
        """`events.<number>.event` with its fields, the time, and the exit; rows without an event are left out."""
        super().read(data)
        numbers = {key.split(".")[1] for key in data if key.startswith("events.") and key.count(".") == 2}
        stored = {row.name: row for row in self.rows}
        rows = [
            _row(data, f"events.{number}", stored.get(f"events.{number}"))
            for number in sorted((each for each in numbers if each.isdecimal()), key=int)
        ]
        verb, _space, target = data.get("do", "").partition(" ")
        self.rows = [row for row in rows if (verb, target) != ("remove_event", row.name)]
        if verb == "add_event" or not self.rows:
            self.rows.append(EventRow("", "", {}, is_new=True))
        for number, row in enumerate(self.rows):
            row.name = f"events.{number}"
        awaited = [{"event": row.event, "detail": row.detail} for row in self.rows if row.event]
        self.settings = {"events": awaited, **self.settings, **self.read_exit(data)}

    def settle(self) -> None:
        """The kinds of events, and the contents and lists that they may be about."""
        super().settle()
        self.event_lists = self.any_lists() if any(row.about == "list" for row in self.rows) else []
        chosen = [row.detail.get("content_id") for row in self.rows if isinstance(row.detail.get("content_id"), int)]
        usable = Q(flow_id=self.flow.pk) | Q(flow_id=None) | Q(pk__in=chosen)
        rows = Content.objects.filter(usable).only("name", "flow_id")
        self.contents = sorted(rows, key=lambda each: (each.flow_id is None, each.name.casefold(), each.pk))
        own = EventKind.objects.order_by("kind").values_list("kind", flat=True)
        kinds = dict.fromkeys([*ABOUT_MESSAGES[:1], *EVENT_NAMES, *own, *(row.event for row in self.rows if row.event)])
        self.events = [(kind, event_name(kind)) for kind in kinds]

    def any_lists(self) -> list[List]:
        """The lists of the flow's records, static and dynamic, by name."""
        rows = List.objects.filter(is_hidden=False, object_type_id=self.flow.object_type_id)
        return sorted(rows, key=lambda each: (each.name.casefold(), each.pk))

    def slot(self, place: str) -> str:
        """A fault of an event stands at its row."""
        parts = place.removeprefix("settings.").split(".")
        if parts[0] == "events":
            return ".".join(parts[:2]) if len(parts) > 1 else "events"
        return super().slot(place)


def _row(data: QueryDict, name: str, stored: EventRow | None) -> EventRow:
    """A row as posted. What it has no field for stays while its event does."""
    row = EventRow(name, data.get(f"{name}.event", ""), {})
    if row.about == "message":
        row.detail = {
            "content_id": number_or_text(data.get(f"{name}.content", "")),
            "url": data.get(f"{name}.url", "").strip() or None,
        }
    elif row.about == "list":
        row.detail = {"list": number_or_text(data.get(f"{name}.list", ""))}
    elif row.about == "own" and (key := data.get(f"{name}.key", "").strip()):
        row.detail = {key: number_or_text(data.get(f"{name}.value", ""))}
    row.detail = {key: value for key, value in row.detail.items() if value is not None}
    if stored is not None and stored.event == row.event:
        row.detail |= {key: value for key, value in stored.others.items() if key not in row.detail}
    return row
