"""What the steps of a walk did to the record, as its events tell: a step's settings may have been edited since."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import members
from flows.models import Flow, Step
from flows.steps import KINDS
from participants.models import Participant, StepLog
from records.models import Event, List, Property
from web.property_values import shown

EVENTS: Final = {"update_record": "record_updated", "add_to_list": "list_joined"}  # what a kind of step writes


class Changes:
    """Of the steps that a story tells of. A number of queries that does not grow, none where no step changes anything.

    A step writes its event and its row of the log in one transaction, so both have one moment. Without an event
    nothing changed, or it is too long ago to be known.
    """

    def __init__(self, participant: Participant, flow: Flow, log: Iterable[StepLog]) -> None:
        self.participant, self.flow, self.moments = participant, flow, {entry.at for entry in log}

    def told(self, entry: StepLog, step: Step) -> SafeString | str:
        """The step's kind, and what it did, as far as that is known."""
        label = KINDS[step.kind].label
        event = self._events.get((EVENTS[step.kind], entry.at)) if step.kind in EVENTS else None
        told = self._in_words(event) if event else ""
        return format_html("{}: {}", label, told) if told else str(label)

    def _in_words(self, event: Event) -> SafeString | str:
        if "list" in event.detail:
            return self._lists.get(event.detail["list"], "")
        changes = (event.detail.get("changes") or {}).items()
        return format_html_join(", ", "{} = {}", (self._change(key, pair[1]) for key, pair in sorted(changes)))

    def _change(self, key: str, value: Any) -> tuple[str, str]:
        property = self._properties.get(key)
        return property.label if property else key, shown(property, value, self._members)

    @cached_property
    def _events(self) -> dict[tuple[str, datetime], Event]:
        mine = Event.objects.filter(record_id=self.participant.record_id, flow_id=self.flow.pk)
        found = mine.filter(kind__in=EVENTS.values(), at__in=self.moments)
        return {(event.kind, event.at): event for event in found}

    @cached_property
    def _lists(self) -> dict[int, str]:
        ids = {event.detail["list"] for event in self._events.values() if "list" in event.detail}
        return dict(List.objects.filter(pk__in=ids).values_list("pk", "name"))

    @cached_property
    def _properties(self) -> dict[str, Property]:
        return {each.key: each for each in Property.objects.filter(object_type_id=self.flow.object_type_id)}

    @cached_property
    def _members(self) -> dict[int, str]:
        return members.names()
