"""What a walk leaves behind beside its own rows, and what has to go with it when it is erased.

What happened to the record stays, whoever brought it about: a change, a list it was put in, a message to it and what
came of that. So do the lines of the account's history, which say what members did.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from django.db import connection

from accounts.tenancy import current_account_id
from records import list_refresh
from records.criteria_references import references
from records.event_words import WALK_NAMES
from records.models import List, ListKind

from .models import Intake, LongestDue

# By the index of a record's events. An older Flyt did not say which walk took its record out of other flows, but
# wrote that in the transaction of the enrolment. What the matcher has at hand it may finish: it waits for walks that
# are locked here.
FORGET_EVENTS: Final = """
with gone as (
  delete from records_event e using participants_participant p
  where p.account_id = %(account)s and p.id = any(%(walks)s::bigint[])
    and e.account_id = %(account)s and e.record_id = p.record_id and e.kind = any(%(kinds)s::text[])
    and (e.detail -> 'participant' = to_jsonb(p.id)
      or (e.kind = 'flow_takes_out' and not e.detail ? 'participant' and e.flow_id = p.flow_id
          and e.at = p.enrolled_at))
  returning e.id
),
waiting as (
  select w.event_id from records_eventpending w join gone on w.event_id = gone.id
  where w.account_id = %(account)s order by w.event_id for update of w skip locked
)
delete from records_eventpending w using waiting where w.account_id = %(account)s and w.event_id = waiting.event_id
"""

Forgetter = Callable[[Sequence[int]], None]
_forgetters: dict[str, Forgetter] = {}


def register_forgetter(kind: str, forgetter: Forgetter) -> None:
    """Let a higher package delete what it keeps about walks, in the transaction in which they are erased.

    Called once, as its app is made ready.
    """
    if kind in _forgetters:
        raise ValueError(f"There is a forgetter of {kind} already.")
    _forgetters[kind] = forgetter


def withdraw_wishes(flow_id: int, walks: Iterable[int]) -> None:
    """Nobody asks any more that these walks end. Before they are locked, as whoever drains the intake takes them."""
    Intake.objects.filter(flow_id=flow_id, participant_id__in=list(walks)).delete()


def forget(flow_id: int, walks: Sequence[int]) -> None:
    """Delete the events of these walks, consequences that are still to come included, and who watches them.

    Inside the transaction that erases them, while their rows are there.
    """
    params: dict[str, Any] = {"account": current_account_id(), "walks": list(walks), "kinds": list(WALK_NAMES)}
    with connection.cursor() as cursor:
        cursor.execute(FORGET_EVENTS, params)
    LongestDue.objects.filter(flow_id=flow_id, participant_id__in=walks).delete()
    for forgetter in _forgetters.values():
        forgetter(walks)


def refresh_lists() -> None:
    """Have the dynamic lists that ask who is or was in a flow evaluated, once the erasing is committed.

    Before any walk is locked: the matcher has the lists before it wakes people.
    """
    dynamic = List.objects.filter(kind=ListKind.DYNAMIC).select_related("object_type")
    asking = [each.pk for each in dynamic if not WALK_NAMES.keys().isdisjoint(_events_of(each))]
    if asking:
        list_refresh.ask(asking)


def _events_of(chosen: List) -> Iterable[str]:
    return references(chosen.criteria, chosen.object_type).events
