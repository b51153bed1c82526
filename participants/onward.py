"""What became of a hand-over to another flow: a story asks, and whoever did not come in is told of by an event."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

from accounts.tenancy import current_account_id
from flows.exits import HANDED_OVER
from flows.models import Flow
from flows.visibility import is_seen, name_of
from records import events
from records.models import Event, EventPending

from . import reasons
from .models import Intake, Participant, ParticipantStatus

REFUSED: Final = "flow_refused"
HAND_OVER: Final = "hand_over"  # the cause of whoever comes so
ENROLLED: Final = "enrolled"
WAITING: Final = "waiting"  # nobody has answered yet
KEY: Final = "event:"  # and the id of the event that asked: the cause key of an intake
MOST: Final = 200
# Only while the event that asked is there: of somebody who has been erased nothing is written any more.
TOLD: Final = """
select e.record_id, jsonb_build_object('flow', %(flow)s::bigint, 'participant', e.detail -> 'participant',
  'reason', told.reason) as detail, e.depth
from unnest(%(events)s::bigint[], %(reasons)s::text[]) told(event_id, reason)
join records_event e on e.account_id = %(account)s and e.id = told.event_id and e.kind = %(handed_over)s
order by e.record_id, e.id
"""

_put_off: list[Callable[[list[int]], set[int]]] = []


def register_put_off(among: Callable[[list[int]], set[int]]) -> None:
    """Let a higher package say which of some events it has put off: they are answered later."""
    _put_off.append(among)


@dataclass(frozen=True)
class Onward:
    """A flow that was asked to take somebody in. `outcome`: "enrolled", "waiting", why not, or "" if not known."""

    flow: Flow | None  # None: it is gone
    at: datetime
    outcome: str

    @property
    def text(self) -> str:
        """What was asked."""
        if self.flow is None:
            return _("Asked to go on in a flow that is gone")
        return _("Asked to go on in the flow “%s”") % name_of(self.flow)

    @property
    def outcome_text(self) -> str:
        """What came of it, as a sentence; "" when it is not known."""
        known = {"": "", ENROLLED: _("Came in"), WAITING: _("Not answered yet")}
        said = known.get(self.outcome)
        return said if said is not None else _("Did not come in: %s") % reasons.text(self.outcome)


def refuse(flow_id: int, refused: Mapping[int, str]) -> None:
    """Tell who does not come into a flow that another one handed them over to: the event that asked -> why not.

    Inside the account's scope, in the transaction that takes the wish away.
    """
    if not refused:
        return
    sql, params = events.insert_sql(REFUSED, TOLD, flow_id=flow_id)
    params |= {"account": current_account_id(), "flow": flow_id, "handed_over": HANDED_OVER}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "events": list(refused), "reasons": list(refused.values())})


def of_walk(participant: Participant) -> list[Onward]:
    """The flows that were asked as this walk ended, the latest first. A fixed number of queries."""
    if participant.status == ParticipantStatus.ACTIVE:
        return []
    mine = Event.objects.filter(record_id=participant.record_id, detail__participant=participant.pk).order_by("-pk")
    asked = list(mine.filter(kind=HANDED_OVER, flow_id=participant.flow_id)[:MOST])
    if not asked:
        return []
    waiting = _waiting(asked)  # first: what is answered meanwhile is known by what follows
    refused = {each.detail["flow"]: each.detail["reason"] for each in mine.filter(kind=REFUSED)[:MOST]}
    flows = Flow.objects.in_bulk({each.detail["flow"] for each in asked})
    walks = Participant.objects.filter(record_id=participant.record_id, flow_id__in=flows, cause=HAND_OVER)
    entered = list(walks.values_list("flow_id", "enrolled_at"))

    def outcome(event: Event) -> str:
        flow = flows.get(event.detail["flow"])
        if flow is None or not is_seen(flow):  # who is in a flow of somebody else's is theirs to know
            return ""
        if flow.pk in refused:
            return str(refused[flow.pk])
        if event.pk in waiting:
            return WAITING
        return ENROLLED if any(flow_id == flow.pk and at >= event.at for flow_id, at in entered) else ""

    return [Onward(flows.get(each.detail["flow"]), each.at, outcome(each)) for each in asked]


def asked_by(cause_keys: Iterable[str]) -> list[int]:
    """The events behind intakes of hand-overs."""
    found = (key.removeprefix(KEY) for key in cause_keys if key.startswith(KEY))
    return [int(each) for each in found if each.isdecimal()]


def _waiting(asked: list[Event]) -> set[int]:
    ids = [each.pk for each in asked]
    pending: set[int] = set(EventPending.objects.filter(event_id__in=ids).values_list("event_id", flat=True))
    wishes: Any = Intake.objects.filter(
        flow_id__in={each.detail["flow"] for each in asked}, cause_key__in=[f"{KEY}{each}" for each in ids]
    )
    put_off = set[int]().union(*(among(ids) for among in _put_off))
    return pending | put_off | set(asked_by(wishes.values_list("cause_key", flat=True)))
