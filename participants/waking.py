"""Waking: an event brings back whoever stands where it matters, so that the engine looks at them again.

By position, after the arrival has committed: either the step's next look sees what happened, or this sees the
arrival. No flow lock (a wake only sets when to look next, also while a flow is paused), and no SKIP LOCKED: a row
that a batch holds is waited for, in id order. Whoever moves between the look at where they stand and the lock has
arrived since, and their next look is still to come.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db import connection

from accounts.tenancy import current_account_id
from records.models import Association, Event
from scheduling.clock import now

from .hearing import Concern, concerns, listening_steps
from .models import Participant, ParticipantStatus

# When to look next is read under the lock, from `found`: in the row as this statement first saw it, someone whose look
# commits meanwhile is still due, and would be passed over and sleep on.
WAKE = """
with found as (
  select id, due_at from participants_participant
  where account_id = %(account)s and id = any(%(participants)s) and status = 'active'
  order by id for no key update
)
update participants_participant p set due_at = %(now)s from found
where p.id = found.id and p.account_id = %(account)s and (found.due_at is null or found.due_at > %(now)s)
"""

# Of a message `m` of a walk: the engine is to look at who waits for its hand-over, and may take them out. Whoever has
# been looked at waits without a time; a time to come says that a look failed and is tried again.
IS_WOKEN = """exists (
    select 1 from participants_participant p
    where p.account_id = m.account_id and p.status = 'active' and p.due_at is not null
      and p.id = case when starts_with(m.origin_key, 'participant:') then split_part(m.origin_key, ':', 2)::bigint end
)"""


def wake(happened: Sequence[Event]) -> int:
    """Make everyone due whom one of these events concerns; returns how many."""
    steps, flows = listening_steps(), concerns()
    if not happened or not (steps or flows):
        return 0
    own: dict[int, list[Event]] = defaultdict(list)
    for event in happened:
        own[event.record_id].append(event)
    beside = _beside(own, flows)
    standing = Participant.objects.filter(
        record_id__in={*own, *beside}, status=ParticipantStatus.ACTIVE, step_id__isnull=False
    )
    found = [
        participant_id
        for participant_id, record_id, flow_id, step_id in standing.values_list("pk", "record_id", "flow_id", "step_id")
        if any(event.kind in steps.get(step_id, ()) for event in own.get(record_id, ()))
        or _concerns(flows.get(flow_id), own.get(record_id, ()), beside.get(record_id, ()))
    ]
    if not found:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(WAKE, {"account": current_account_id(), "participants": found, "now": now()})
        return cursor.rowcount


def _concerns(concern: Concern | None, own: Iterable[Event], beside: Iterable[Event]) -> bool:
    if concern is None:
        return False
    across = beside if concern.named.object_types else ()
    return any(concern.heeds(event) for event in (*own, *across))


def _beside(own: dict[int, list[Event]], flows: dict[int, Concern]) -> dict[int, list[Event]]:
    """The events of associated records, by the record that they belong with."""
    if not any(concern.named.object_types for concern in flows.values()):
        return {}
    found: dict[int, list[Event]] = defaultdict(list)
    for record_id, other_id in Association.objects.filter(record_id__in=own).values_list("record_id", "other_id"):
        found[other_id] += own[record_id]
    return found
