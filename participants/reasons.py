"""Why somebody left a flow early or was not enrolled: stable codes, and their texts."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from records.event_words import EVENT_NAMES, WALK_NAMES, event_name

DROP_OUT: dict[str, Promise] = {
    "record_deleted": _("The record was deleted"),
    "former_employee": _("Marked as former employee"),
    "exclusion_list": _("Put on an exclusion list"),
    "unenrolment": _("Met the unenrolment criteria"),
    "no_contact": _("No primary contact to write to"),
    "no_consent": _("No consent to marketing"),
    "not_subscribed": _("Not subscribed to this type of message"),
    "no_address": _("No e-mail address"),
    "address_suppressed": _("The address gets no more messages"),
    "duplicate_address": _("The address is active in this flow through somebody else"),
    "sending_failed": _("The message could not be sent"),
    "message_cancelled": _("The message was cancelled before it left"),
    "exit_after_split": _("Exit after split: no branch took them"),
    "exit_after_max_waiting_time": _("Exit after the maximum waiting time"),
    "added_to_flow": _("Enrolled in another flow that people leave this one for"),
    "step_failed": _("The step failed again and again"),
    "step_gone": _("The step they stood on is gone"),
    "left_by_hand": _("Taken out by a member"),
    "flow_ended": _("The flow was ended"),
}

# Why an address gets no more messages, where its suppression says so.
SUPPRESSED: dict[str, Promise] = {
    "bounced": _("The address gets no more messages: one came back"),
    "complained": _("The address gets no more messages: there was a complaint"),
    "member": _("The address gets no more messages: a member stopped them"),
    "api": _("The address gets no more messages: another system stopped them"),
    "erased": _("The address gets no more messages: whoever it belonged to was erased"),
}

NOT_ENROLLED: dict[str, Promise] = {
    "already_active": _("Already in the flow"),
    "filtered": _("Does not meet the flow's filter"),
    "excluded": _("On an exclusion list"),
    "unenrolment": _("Meets the unenrolment criteria"),
    "only_once": _("Been through the flow before"),
    "not_found": _("No such record of the flow's object type"),
    "enrolment_closed": _("Enrolment has ended"),
    "enrolment_failed": _("Could not be enrolled, tried again and again"),
    "not_running": _("The flow was not running"),
    "chain_too_long": _("Too many flows led one into the next"),
}


# What a look at a wait ended by, beside the kinds of events: the log's word for going on without one.
WENT_ON: dict[str, Promise] = {
    "max_waiting_time": _("The maximum waiting time was over"),
}


def text(code: str) -> str:
    """A code in the page's language: a reason, or the event that ended a wait; the code itself when it is not known."""
    said = DROP_OUT.get(code) or NOT_ENROLLED.get(code) or WENT_ON.get(code)
    if said is None and (code in EVENT_NAMES or code in WALK_NAMES or code.startswith("custom.")):
        return event_name(code)
    return str(said or code)
