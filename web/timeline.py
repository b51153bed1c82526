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
from records.models import Consent, Event, List, Property
from web.property_values import shown

# Kind -> icon, tone, sentence. What a sentence names is put in as a link.
SENTENCES: Final[dict[str, tuple[str, str, Promise]]] = {
    "record_created": ("person-plus", "", gettext_lazy("Created")),
    "record_updated": ("edit", "", gettext_lazy("Changed")),
    "record_archived": ("trash", "red", gettext_lazy("Archived")),
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
    "changes": ("record_created", "record_updated", "record_archived", "list_joined", "list_left"),
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
    """One event as the timeline tells it; `day` is set on the first of each day."""

    icon: str
    tone: str
    sentence: SafeString
    notes: list[str]
    at: datetime
    day: date | None


def events_of(record_id: int, part: str) -> QuerySet[Event]:
    """The events of a record, of one part if it is named."""
    found: QuerySet[Event] = Event.objects.filter(record_id=record_id)
    return found.filter(kind__in=PARTS[part]) if part in PARTS else found


def tell(
    events: Iterable[Event], *, account: Account, flows: QuerySet[Flow], properties: dict[str, Property]
) -> list[Entry]:
    """The events as entries. `flows`: those that the reader may see; in four queries however many events."""
    known = list(events)
    teller = _Teller(account, flows, properties, known)
    entries, last = [], None
    for event in known:
        day = timezone.localtime(event.at).date()
        entries.append(teller.entry(event, day if day != last else None))
        last = day
    return entries


class _Teller:
    """Knows the names of what the events mention."""

    def __init__(
        self, account: Account, flows: QuerySet[Flow], properties: dict[str, Property], events: list[Event]
    ) -> None:
        self.account, self.properties = account, properties
        self.flows = flows.in_bulk({event.flow_id for event in events if event.flow_id})
        self.lists = List.objects.in_bulk(_ids(events, "list"))
        contents = Content.objects.defer("html", "text").in_bulk(_ids(events, "content_id"))
        seen = {None, *flows.in_bulk({each.flow_id for each in contents.values() if each.flow_id})}
        self.contents = {pk: each for pk, each in contents.items() if each.flow_id in seen}

    def entry(self, event: Event, day: date | None) -> Entry:
        icon, tone, sentence = SENTENCES.get(event.kind, ("bolt", "teal", gettext_lazy("{kind}")))
        names = {"list": self._list(event), "content": self._content(event), "kind": _own_kind(event.kind)}
        return Entry(icon, tone, format_html(str(sentence), **names), list(self._notes(event)), event.at, day)

    def _list(self, event: Event) -> SafeString:
        found = self.lists.get(event.detail.get("list"))
        return self._link("list", found) if found else format_html("{}", _("that was deleted"))

    def _content(self, event: Event) -> SafeString:
        found = self.contents.get(event.detail.get("content_id"))
        return self._link("content", found) if found else format_html("{}", _("A message"))

    def _link(self, page: str, thing: List | Content | Flow) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse(f"web:{page}", args=[self.account.slug, thing.pk]), thing)

    def _notes(self, event: Event) -> Iterable[Any]:
        for key, pair in sorted((event.detail.get("changes") or {}).items()):
            property = self.properties.get(key)
            old, new = (_value(key, each, property) for each in pair)
            label = property.label if property else COLUMNS.get(key, key)
            yield format_html("{}: {} → <b>{}</b>", label, old, new)
        if event.kind == "link_clicked" and event.detail.get("url"):
            yield event.detail["url"]
        if source := SOURCES.get(event.detail.get("source", "")):
            yield source
        if flow := self.flows.get(event.flow_id):
            yield format_html("{} {}", _("Flow"), self._link("flow", flow))


def _value(key: str, value: Any, property: Property | None) -> str:
    return str(Consent(value).label) if key == "consent" and value in Consent.values else shown(property, value)


def _own_kind(kind: str) -> str:
    """ "custom.order_placed" as "Order placed"."""
    return kind.removeprefix("custom.").replace("_", " ").capitalize()


def _ids(events: list[Event], key: str) -> set[int]:
    return {event.detail[key] for event in events if isinstance(event.detail.get(key), int)}
