"""What happened to a record, in sentences: its events, newest first, day by day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account
from flows.models import Flow
from messaging.models import Content
from participants import reasons
from participants.onward import REFUSED
from records.event_words import WALK_NAMES
from records.models import Consent, Event, Import, List, Property, Record
from web.property_values import Members, full_moment, shown
from web.templatetags.ui import record_name

# Kind -> icon, tone, sentence. What a sentence names is put in as a link.
SENTENCES: Final[dict[str, tuple[str, str, Promise]]] = {
    "record_created": ("person-plus", "", gettext_lazy("Created")),
    "record_updated": ("edit", "", gettext_lazy("Changed")),
    "record_archived": ("block", "red", gettext_lazy("Archived")),
    "record_restored": ("person-plus", "", gettext_lazy("Restored")),
    "associated": ("link", "", gettext_lazy("Associated with {record}")),
    "association_removed": ("link", "amber", gettext_lazy("No longer associated with {record}")),
    "flow_enrolled": ("flow", "accent", gettext_lazy("Enrolled in a flow")),
    "flow_finished": ("flow", "accent", gettext_lazy("Finished a flow")),
    "flow_finished_with_success": ("flow", "accent", gettext_lazy("Finished a flow with success")),
    "flow_dropped_out": ("flow", "amber", gettext_lazy("Dropped out of a flow")),
    "flow_cancelled": ("flow", "amber", gettext_lazy("Taken out as a flow ended")),
    "flow_handed_over": ("flow", "", gettext_lazy("Asked to go on in another flow")),
    "flow_refused": ("flow", "amber", gettext_lazy("Not taken in by another flow")),
    "flow_takes_out": ("flow", "", gettext_lazy("Asked to leave other flows")),
    "list_joined": ("list", "", gettext_lazy("Put on the list {list}")),
    "list_left": ("list", "", gettext_lazy("Taken off the list {list}")),
    "message_handed_over": ("mail", "accent", gettext_lazy("Was sent {content}")),
    "message_failed": ("error", "red", gettext_lazy("{content} could not be sent")),
    "message_cancelled": ("block", "amber", gettext_lazy("{content} was cancelled before it left")),
    "link_clicked": ("link", "accent", gettext_lazy("Clicked a link in {content}")),
    "unsubscribed": ("block", "amber", gettext_lazy("Unsubscribed")),
}
PARTS: Final = {
    "messages": ("message_handed_over", "message_failed", "message_cancelled", "link_clicked", "unsubscribed"),
    "changes": (
        "record_created",
        "record_updated",
        "record_archived",
        "record_restored",
        "associated",
        "association_removed",
        "list_joined",
        "list_left",
    ),
    "flows": tuple(WALK_NAMES),
    "own": (),  # kinds of the account's own
}
COLUMNS: Final = {
    "consent": gettext_lazy("Consent"),
    "consent_at": gettext_lazy("Date of consent"),
    "external_id": gettext_lazy("External id"),
    "former_employee": gettext_lazy("Former employee"),
}
SOURCES: Final = {
    "member": gettext_lazy("By a member"),
    "api": gettext_lazy("By the API"),
    "import": gettext_lazy("By an import"),
    "unsubscribe_link": gettext_lazy("By the link in a message"),
}


@dataclass(frozen=True)
class Entry:
    """One event, or the beginning, as the timeline tells it; `day` is set on the first of each day."""

    icon: str
    tone: str
    sentence: SafeString
    notes: list[str]
    at: datetime
    day: date | None


def events_of(record_id: int, part: str) -> QuerySet[Event]:
    """The events of a record, of one part if it is named."""
    found: QuerySet[Event] = Event.objects.filter(record_id=record_id)
    if part == "own":
        return found.filter(kind__startswith="custom.")
    return found.filter(kind__in=PARTS[part]) if part in PARTS else found


def who(detail: dict[str, Any]) -> str:
    """Who did what an event tells, as far as it says."""
    by = detail.get("by")
    if isinstance(by, dict) and by.get("name"):
        named = _("By the API key {name}") if by.get("kind") == "key" else _("By {name}")
        return named.format(name=by["name"])
    return str(SOURCES.get(str(detail.get("source", "")), ""))


def beginning(record: Record, source: Import | None, day_above: date | None) -> Entry | None:
    """How a record that an import made began, which no event tells: that of a million rows would cost too much.

    `day_above`: the day of the entry above it. None for a record that was made in another way.
    """
    if record.import_id is None:
        return None
    day = timezone.localtime(record.created_at).date()
    sentence = format_html("{}", _("Created by an import"))
    if source:
        address = reverse("web:import", args=[source.account.slug, source.pk])
        link = format_html('<a href="{}">{}</a>', address, source.name)
        sentence = format_html(_("Created by the import {name}"), name=link)
    return Entry("person-plus", "", sentence, [], record.created_at, day if day != day_above else None)


def who_settled_consent(record_id: int) -> str:
    """Who said last what the consent of a record is; "" when nobody is known to have."""
    changed = Event.objects.filter(record_id=record_id, kind="record_updated", detail__changes__has_key="consent")
    last = changed.order_by("-pk").first()
    return who(last.detail) if last else ""


def tell(
    events: Iterable[Event],
    *,
    account: Account,
    flows: QuerySet[Flow],
    properties: dict[str, Property],
    members: Members,
) -> list[Entry]:
    """The events as entries. `flows`: those that the reader may see; in five queries however many events."""
    known = list(events)
    teller = _Teller(account, flows, properties, members, known)
    entries, last = [], None
    for event in known:
        day = timezone.localtime(event.at).date()
        entries.append(teller.entry(event, day if day != last else None))
        last = day
    return entries


class _Teller:
    """Knows the names of what the events mention."""

    def __init__(
        self,
        account: Account,
        flows: QuerySet[Flow],
        properties: dict[str, Property],
        members: Members,
        events: list[Event],
    ) -> None:
        self.account, self.properties, self.members = account, properties, members
        self.records = Record.objects.in_bulk(_ids(events, "record"))
        self.flows = flows.in_bulk({event.flow_id for event in events if event.flow_id})
        self.lists = List.objects.in_bulk(_ids(events, "list"))
        contents = Content.objects.defer("html", "text").in_bulk(_ids(events, "content_id"))
        seen = {None, *flows.in_bulk({each.flow_id for each in contents.values() if each.flow_id})}
        self.contents = {pk: each for pk, each in contents.items() if each.flow_id in seen}

    def entry(self, event: Event, day: date | None) -> Entry:
        icon, tone, sentence = SENTENCES.get(event.kind, ("bolt", "teal", gettext_lazy("{kind}")))
        names = {"list": self._list(event), "content": self._content(event), "kind": _own_kind(event.kind)}
        names["record"] = self._record(event)
        return Entry(icon, tone, format_html(str(sentence), **names), list(self._notes(event)), event.at, day)

    def _list(self, event: Event) -> SafeString:
        found = self.lists.get(event.detail.get("list"))
        return self._link("list", found) if found else format_html("{}", _("that was deleted"))

    def _content(self, event: Event) -> SafeString:
        found = self.contents.get(event.detail.get("content_id"))
        return self._link("content", found) if found else format_html("{}", _("A message"))

    def _record(self, event: Event) -> SafeString:
        found = self.records.get(event.detail.get("record"))
        if found is None:
            return format_html("{}", _("a record that is gone"))
        address = reverse("web:record", args=[self.account.slug, found.pk])
        return format_html('<a href="{}">{}</a>', address, record_name(found))

    def _link(self, page: str, thing: List | Content | Flow) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse(f"web:{page}", args=[self.account.slug, thing.pk]), thing)

    def _notes(self, event: Event) -> Iterable[Any]:
        for key, pair in sorted((event.detail.get("changes") or {}).items()):
            property = self.properties.get(key)
            old, new = (_value(key, each, property, self.members) for each in pair)
            label = property.label if property else COLUMNS.get(key, key)
            yield format_html("{}: {} → <b>{}</b>", label, old, new)
        if event.kind == "link_clicked" and event.detail.get("url"):
            yield event.detail["url"]
        if named := who(event.detail):
            yield named
        if flow := self.flows.get(event.flow_id):
            yield format_html("{} {}", _("Flow"), self._link("flow", flow))
            if event.kind == REFUSED:
                yield reasons.text(event.detail.get("reason", ""))


def _value(key: str, value: Any, property: Property | None, members: Members) -> str:
    if key == "consent" and value in Consent.values:
        return str(Consent(value).label)
    if key == "consent_at" and value:
        return full_moment(datetime.fromisoformat(value))
    return shown(property, value, members)


def _own_kind(kind: str) -> str:
    """ "custom.order_placed" as "Order placed"."""
    return kind.removeprefix("custom.").replace("_", " ").capitalize()


def _ids(events: list[Event], key: str) -> set[int]:
    return {event.detail[key] for event in events if isinstance(event.detail.get(key), int)}
