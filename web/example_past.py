"""The example's past: the test clock goes back three weeks, and people walk through its flows on the real paths.

Only messages take a short way: they are marked as handed over at their moment, because nobody is to get two hundred
letters as an installation starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from accounts.actors import Actor
from accounts.tenancy import account_scope
from flows.models import Flow
from messaging import lifecycle as messages
from messaging.models import Message
from participants import engine, enrolment
from participants.models import Participant, ParticipantStatus
from records.models import Consent, ObjectType, Record
from records.upserts import IMPORT, upsert
from running import verbs
from scheduling import clock
from scheduling.models import ClockOffset
from triggers import firing, matching, occurrences
from triggers.models import Occurrence, Schedule
from web import example_people

BACK: Final = timedelta(days=24)
STEP: Final = timedelta(hours=17)  # between two looks
LATE: Final = timedelta(seconds=2)  # after the moment of a run
BUYERS: Final = 6  # of each week's subscribers
LATECOMERS: Final = 8
PAUSED_AGO: Final = timedelta(days=6)
NEWCOMERS: Final = 5


@contextmanager
def three_weeks_ago() -> Iterator[datetime | None]:
    """Everything inside happens in the past; gives the present, or None without a clock that moves.

    Whatever happens, the clock then shows again what it showed.
    """
    if not settings.TEST_CLOCK:
        yield None
        return
    before = ClockOffset.objects.filter(pk=1).values_list("offset", flat=True).first()
    present = clock.now()
    try:
        clock.move_to(present - BACK)
        yield present
    finally:
        clock.reset()
        if before is not None:
            clock.forward(before)


def live(account_id: int, welcome: Flow, renewal: Flow, *, until: datetime | None, by: Actor) -> None:
    """Turn both flows on and let time pass until the present; the second is paused on the way, and stays so."""
    for flow in (welcome, renewal):
        verbs.start(account_id, flow.pk, by=by)
    if until is None:
        verbs.pause(account_id, renewal.pk, by=by)
        return
    week, is_paused = 0, False
    for moment in _moments(account_id, [welcome, renewal], until):
        clock.move_to(moment)
        if not is_paused and moment >= until - PAUSED_AGO:
            verbs.pause(account_id, renewal.pk, by=by)
            _arrive(account_id, LATECOMERS, stage="Customer", seed=9)
            is_paused = True
        if (moment - (until - BACK)).days // 7 > week:
            week += 1
            _arrive(account_id, 24, stage="Subscriber", seed=10 + week)
            _buy(account_id, welcome)
        _work(account_id, [welcome, renewal])


def come_in(account_id: int, flow: Flow, *, by: Actor) -> None:
    """A few people who asked to come in just now; the workers send their letters as the installation starts."""
    with account_scope(account_id):
        leads = Record.objects.filter(properties__lifecycle_stage="Lead", consent=Consent.GIVEN).order_by("pk")
        new = leads.exclude(pk__in=Participant.objects.filter(flow=flow).values("record_id"))
        few = list(new.values_list("pk", flat=True)[:NEWCOMERS])
    enrolment.enrol_records(account_id, flow.pk, few, by=by)


def _moments(account_id: int, flows: list[Flow], until: datetime) -> Iterator[datetime]:
    """When somebody looks: at each run of a schedule, and twice a day."""
    moment = clock.now() + timedelta(minutes=1)
    while moment < until - timedelta(minutes=30):
        yield moment
        with account_scope(account_id):
            coming = Schedule.objects.filter(flow__in=flows, next_run_at__gt=moment).order_by("next_run_at").first()
        following = moment + STEP
        moment = min(following, coming.next_run_at + LATE) if coming else following


def _arrive(account_id: int, amount: int, *, stage: str, seed: int) -> None:
    """New people come in."""
    with account_scope(account_id):
        contact = ObjectType.objects.get(key="contact")
        upsert(contact, example_people.make(amount, stage=stage, seed=seed), match_on="email", source=IMPORT)


def _buy(account_id: int, flow: Flow) -> None:
    """A few of those in the flow become customers."""
    with account_scope(account_id):
        walking = Participant.objects.filter(flow=flow, status=ParticipantStatus.ACTIVE).order_by("-pk")
        inside = Record.objects.filter(pk__in=list(walking.values_list("record_id", flat=True)[:BUYERS]))
        rows = [{"id": record.pk, "properties": {"lifecycle_stage": "Customer"}} for record in inside]
        upsert(flow.object_type, rows, match_on="id", source="member")


def _work(account_id: int, flows: list[Flow]) -> None:
    """What the workers do at this moment."""
    with account_scope(account_id):
        for schedule in Schedule.objects.filter(flow__in=flows):
            firing.fire_one(schedule)
        due = list(Occurrence.objects.filter(flow__in=flows, status="pending").values_list("pk", flat=True))
    for occurrence_id in due:
        while occurrences.work(account_id, occurrence_id):
            pass
    for flow in flows:
        engine.advance(account_id, flow.pk)
    if _hand_over(account_id):
        matching.match(account_id)
        for flow in flows:
            engine.advance(account_id, flow.pk)


def _hand_over(account_id: int) -> int:
    """Mark what is queued as sent, as delivery would have; returns how many."""
    with account_scope(account_id):
        messages.move_many("take", "m.outbox_id in (select id from messaging_outbox where not held)", {})
        sent = messages.move_many("send", "true", {"moment": clock.now()}, also="sent_at = %(moment)s")
        for message in Message.objects.filter(pk__in=sent).order_by("pk"):
            messages.record("message_handed_over", message)
    return len(sent)
