"""Ending: after `end()` has flipped the status, a job cancels whoever is inside, in chunks.

An update of millions would hold the flow's lock for minutes; until nobody is left the flow says "ending, n left" and
start, edit and delete are refused.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef

from accounts.tenancy import account_scope, every_account
from flows.locks import try_shared
from flows.models import Activation, Flow, FlowStatus
from messaging import lifecycle as messages
from messaging.models import Message, MessageStatus
from participants import intake, lifecycle, statistics
from participants.leaving import forget_addresses
from participants.models import Intake, Participant, ParticipantStatus
from scheduling.clock import now

CHUNK = 10_000
# Asked for one by one: a partial index answers for each of them, and none for both together.
UNSENT = (MessageStatus.QUEUED, MessageStatus.SENDING)
MOST_COUNTED = 10_000  # messages that have not left: more are told as this many, so that the look takes no longer


@dataclass(frozen=True)
class Left:
    """Who is still inside a flow that ends."""

    participants: int
    messages: int

    def __bool__(self) -> bool:
        return bool(self.participants or self.messages)


def left(flow_id: int) -> Left:
    """How many participants are active, and how many messages have not left, in a flow of the current account.

    Constant time: people by the counts, messages up to `MOST_COUNTED` of a kind.
    """
    flow = Flow.objects.only("outbox_id").get(pk=flow_id)
    return Left(
        participants=statistics.counts([flow_id])[flow_id].active,
        messages=sum(
            Message.objects.filter(outbox_id=flow.outbox_id, status=each)[:MOST_COUNTED].count() for each in UNSENT
        ),
    )


def is_ending(flow: Flow) -> bool:
    """True while an ended flow still has people or messages inside, or an intake that may no longer enter."""
    return bool(among([flow]))


def among(flows: Iterable[Flow]) -> set[int]:
    """The ids of those flows that are still ending; at most one query."""
    return among_ended([flow.pk for flow in flows if flow.status == FlowStatus.NOT_RUNNING])


def among_ended(flow_ids: Collection[int]) -> set[int]:
    """The ids of those flows that are not running, yet not empty; at most one query."""
    if not flow_ids:
        return set()
    people = Participant.objects.filter(flow_id=OuterRef("pk"), status=ParticipantStatus.ACTIVE)
    queued, sending = (Message.objects.filter(outbox_id=OuterRef("outbox_id"), status=each) for each in UNSENT)
    # Left where it is, the intake would enter the flow when it is started anew.
    waiting = Intake.objects.filter(flow_id=OuterRef("pk"))
    somebody = Exists(people) | Exists(waiting) | Exists(queued) | Exists(sending)
    inside = Flow.objects.filter(somebody, pk__in=flow_ids)
    return set(inside.values_list("pk", flat=True))


def to_empty(limit: int) -> list[tuple[int, int]]:
    """Flows of all accounts that have ended and may still hold somebody, as (account id, flow id).

    The longest ended come last, so that one which cannot be emptied does not keep the others waiting.
    """
    with every_account(), connection.cursor() as cursor:
        cursor.execute(
            """select account_id, flow_id from flows_activation where ended_at is not null and emptied_at is null
               order by ended_at desc limit %s""",
            [limit],
        )
        return [(account_id, flow_id) for account_id, flow_id in cursor.fetchall()]


def finish(account_id: int, flow_id: int) -> bool:
    """Cancel one chunk of an ended flow's participants and messages; True when some are left."""
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        if not try_shared(flow_id):
            return True
        flow = Flow.objects.filter(pk=flow_id).first()
        if flow is None or flow.status != FlowStatus.NOT_RUNNING:
            return False
        intake.drop(flow_id, limit=CHUNK)
        # People before messages, as whoever leaves or is erased meanwhile locks them.
        lifecycle.take_out(
            cursor,
            "cancel",
            account_id=account_id,
            flow_id=flow_id,
            reason="flow_ended",
            now=now(),
            limit=CHUNK,
        )
        messages.cancel(
            """select origin_key from messaging_message
               where account_id = %(account)s and outbox_id = %(outbox)s and status = 'queued' limit %(chunk)s""",
            {"account": account_id, "outbox": flow.outbox_id, "chunk": CHUNK},
            reason="flow_ended",
        )
        more = is_ending(flow) or forget_addresses(flow_id, at_most=CHUNK)
        if not more:
            settle(flow)
    return more


def settle(flow: Flow) -> None:
    """Nobody is left inside: free the last addresses, and look no more at the activations that have ended."""
    forget_addresses(flow.pk)
    statistics.roll_up(flow.pk)
    Activation.objects.filter(flow=flow, ended_at__isnull=False, emptied_at=None).update(emptied_at=now())
