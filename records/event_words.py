"""What events are called. Kinds of one's own begin with custom. and are called as they are written."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# In the order of menus.
EVENT_NAMES: Final[dict[str, Promise]] = {
    "record_created": _("Record created"),
    "record_updated": _("Record changed"),
    "record_archived": _("Record archived"),
    "list_joined": _("Put on a list"),
    "list_left": _("Taken off a list"),
    "message_handed_over": _("Message sent"),
    "message_failed": _("Message failed"),
    "message_cancelled": _("Message cancelled"),
    "link_clicked": _("Link clicked"),
    "unsubscribed": _("Unsubscribed"),
}


def event_name(kind: str) -> str:
    """ "link_clicked" as "Link clicked", "custom.order_placed" as "Order placed"."""
    known = EVENT_NAMES.get(kind)
    return str(known) if known else kind.removeprefix("custom.").replace("_", " ").capitalize()
