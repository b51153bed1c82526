"""What events are called and may be about. Kinds of one's own begin with custom. and are called as they are written."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# In the order of menus.
EVENT_NAMES: Final[dict[str, Promise]] = {
    "record_created": _("Record created"),
    "record_updated": _("Record changed"),
    "record_archived": _("Record archived"),
    "record_restored": _("Record restored"),
    "associated": _("Associated with a record"),
    "association_removed": _("Association removed"),
    "list_joined": _("Put on a list"),
    "list_left": _("Taken off a list"),
    "message_handed_over": _("Message sent"),
    "message_failed": _("Message failed"),
    "message_cancelled": _("Message cancelled"),
    "link_clicked": _("Link clicked"),
    "unsubscribed": _("Unsubscribed"),
}

# Written only while something in the account listens, so they are to be waited for, not to be asked for in retrospect:
# that is what the condition about a flow is for.
WALK_NAMES: Final[dict[str, Promise]] = {
    "flow_enrolled": _("Enrolled in a flow"),
    "flow_finished": _("Finished a flow"),
    "flow_finished_with_success": _("Finished a flow with success"),
    "flow_dropped_out": _("Dropped out of a flow"),
    "flow_cancelled": _("Taken out as a flow ended"),
    "flow_handed_over": _("Asked to go on in another flow"),
    "flow_refused": _("Not taken in by another flow"),
    "flow_takes_out": _("Asked to leave other flows"),
}

ABOUT_MESSAGES: Final = ("link_clicked", "unsubscribed", "message_handed_over", "message_failed", "message_cancelled")
ABOUT_LISTS: Final = ("list_joined", "list_left")


def about(kind: str) -> str:
    """What an event of that kind is about beside its record: a "message", a "list", what its sender says ("own"), or
    "" for nothing that anybody would choose."""
    if kind in ABOUT_MESSAGES:
        return "message"
    if kind in ABOUT_LISTS:
        return "list"
    return "own" if kind.startswith("custom.") else ""


def event_name(kind: str) -> str:
    """ "link_clicked" as "Link clicked", "custom.order_placed" as "Order placed"."""
    known = EVENT_NAMES.get(kind) or WALK_NAMES.get(kind)
    return str(known) if known else kind.removeprefix("custom.").replace("_", " ").capitalize()
