"""Waking: an event brings back whoever stands on a step that listens to its kind.

By position, after the arrival has committed: either the step's next look sees what happened, or this sees the
arrival. No flow lock (a wake only sets when to look next, also while a flow is paused), and no SKIP LOCKED: a row
that a batch holds is waited for, in id order.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from accounts.tenancy import current_account_id
from flows.models import Step
from flows.steps import KINDS
from records.models import Event
from scheduling.clock import now


def wake(happened: Sequence[Event]) -> int:
    """Make everyone due whom one of these events concerns; returns how many."""
    woken = 0
    for kind in sorted({event.kind for event in happened}):
        step_kinds = [name for name, step in KINDS.items() if kind in step.listens_to]
        if step_kinds:
            woken += _wake(step_kinds, [event.record_id for event in happened if event.kind == kind])
    return woken


def _wake(step_kinds: list[str], record_ids: list[int]) -> int:
    steps = Step.objects.filter(kind__in=step_kinds).values_list("pk", flat=True)
    params: dict[str, Any] = {
        "account": current_account_id(),
        "steps": list(steps),
        "records": record_ids,
        "now": now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with found as (
              select id from participants_participant
              where account_id = %(account)s and record_id = any(%(records)s) and step_id = any(%(steps)s)
                and status = 'active'
              order by id for no key update
            )
            update participants_participant p set due_at = %(now)s from found
            where p.id = found.id and p.account_id = %(account)s and (p.due_at is null or p.due_at > %(now)s)
            """,
            params,
        )
        return cursor.rowcount


def heard_kinds(step_kinds: Sequence[str]) -> set[str]:
    """The kinds of events that these step kinds listen to."""
    return {event for kind in step_kinds for event in KINDS[kind].listens_to}
