"""Finding the flows that have ended and may still hold somebody, and emptying them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import every_account
from flows.models import Activation, Flow, FlowStatus
from messaging.models import Message, MessageStatus
from participants import statistics
from participants.models import FlowAddress, Intake, Participant, Tally
from records.models import Record
from running import ending, tasks, verbs
from scheduling import clock
from tests.make import make_contact, make_contacts, make_content, make_flow, make_participant

pytestmark = pytest.mark.django_db


def put_inside(flow: Flow, person: Record, what: str) -> None:
    """Something that keeps an ended flow from being empty."""
    match what:
        case "participant":
            make_participant(flow, person)
        case "intake":
            Intake.objects.create(flow=flow, record=person, cause="list", cause_key="list:1:a")
        case _:
            Message.objects.create(
                outbox=flow.outbox, origin_key=f"{flow.pk}:{what}", record=person, content=make_content(), status=what
            )


@pytest.mark.parametrize("what", ["participant", "intake", MessageStatus.QUEUED, MessageStatus.SENDING])
def test_a_flow_that_has_ended_is_looked_at_until_it_holds_nobody(in_acme: Account, owner: Actor, what: str) -> None:
    flow = make_flow(status=FlowStatus.RUNNING)
    put_inside(flow, make_contact(), what)
    verbs.end(in_acme.pk, flow.pk, by=owner)
    assert ending.is_ending(flow.__class__.objects.get(pk=flow.pk))
    assert ending.to_empty(10) == [(in_acme.pk, flow.pk)]
    while ending.finish(in_acme.pk, flow.pk):
        Message.objects.filter(status=MessageStatus.SENDING).update(status=MessageStatus.UNCONFIRMED)
    assert not ending.is_ending(Flow.objects.get(pk=flow.pk))
    assert ending.to_empty(10) == []
    assert flow.activations.get().emptied_at is not None


def test_flows_that_have_ended_long_ago_cost_nothing(in_acme: Account, owner: Actor) -> None:
    """One look at an index that holds only those that are still ending."""
    for _ in range(5):
        flow = make_flow(status=FlowStatus.RUNNING)
        verbs.end(in_acme.pk, flow.pk, by=owner)
        assert not ending.finish(in_acme.pk, flow.pk)
    with CaptureQueriesContext(connection) as asked:
        tasks.finish_endings()
    about_rows = [each["sql"] for each in asked if " from " in each["sql"].lower()]
    assert len(about_rows) == 1 and "flows_activation" in about_rows[0]
    with every_account(), connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute(f"explain {about_rows[0]}")
        assert "activations_to_empty" in str(cursor.fetchall())


def test_a_start_leaves_no_earlier_activation_to_look_at(in_acme: Account, owner: Actor) -> None:
    """Whoever starts a flow again before the job has come by."""
    flow = make_flow(["wait 1 day"], status=FlowStatus.RUNNING)
    FlowAddress.objects.create(flow_id=flow.pk, address="a@example.com", participant_id=1)
    verbs.end(in_acme.pk, flow.pk, by=owner)
    verbs.start(in_acme.pk, flow.pk, by=owner)
    assert ending.to_empty(10) == [] and not FlowAddress.objects.exists()
    assert Activation.objects.filter(flow=flow, emptied_at=None).count() == 1


def test_a_flow_is_emptied_in_chunks_of_everything(
    in_acme: Account, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "CHUNK", 4)
    flow = make_flow(["wait 1 day"], status=FlowStatus.RUNNING)
    for number, person in enumerate(make_contacts(10)):
        make_participant(flow, person)
        put_inside(flow, make_contact(), "intake")
        FlowAddress.objects.create(flow_id=flow.pk, address=f"{number}@example.com", participant_id=number)
    verbs.end(in_acme.pk, flow.pk, by=owner)
    left = []
    while ending.finish(in_acme.pk, flow.pk):
        left.append((Participant.objects.filter(status="active").count(), Intake.objects.count()))
    assert left[:3] == [(6, 6), (2, 2), (0, 0)]
    assert not FlowAddress.objects.exists()
    assert statistics.counts([flow.pk])[flow.pk].cancelled == 10 and not Tally.objects.exists()


def test_how_many_are_left_is_read_and_not_counted(
    in_acme: Account, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the lock of `end`, with perhaps a million people inside."""
    monkeypatch.setattr(ending, "MOST_COUNTED", 3)
    flow = make_flow(status=FlowStatus.RUNNING)
    for person in make_contacts(5):
        make_participant(flow, person)
        Message.objects.create(
            outbox=flow.outbox, origin_key=f"left:{person.pk}", record=person, content=make_content()
        )
    with CaptureQueriesContext(connection) as asked:
        assert ending.left(flow.pk) == ending.Left(participants=5, messages=3)
    assert not [each for each in asked if "participants_participant" in each["sql"]]


def test_resume_touches_no_participant(in_acme: Account, owner: Actor) -> None:
    """Constant time: whoever waits in the queue is due since they came, and stays as they are."""
    flow = make_flow(["wait 1 day"], status=FlowStatus.PAUSED)
    for person in make_contacts(5):
        make_participant(flow, person)
    with CaptureQueriesContext(connection) as asked:
        verbs.resume(in_acme.pk, flow.pk, by=owner)
    assert not [each["sql"] for each in asked if "participants_" in each["sql"]]


def test_counts_are_rolled_up_for_flows_that_the_engine_does_not_move(in_acme: Account, globex: Account) -> None:
    flows = [make_flow(status=FlowStatus.PAUSED) for _ in range(3)]
    for flow in flows[:2]:
        for person in make_contacts(3):
            make_participant(flow, person)
    before = statistics.counts([flow.pk for flow in flows])
    tasks.roll_up_counts()
    assert not Tally.objects.exists()
    assert statistics.counts([flow.pk for flow in flows]) == before
    assert before[flows[0].pk].queued == 3
    clock.forward(timedelta(days=1))
    tasks.roll_up_counts()


def test_a_flow_that_holds_nobody_is_left_by_nobody(in_acme: Account) -> None:
    """The page that asks before an end says "nobody is in it" by this."""
    flow = make_flow()
    assert not ending.left(flow.pk)
    make_participant(flow)
    assert ending.left(flow.pk) == ending.Left(participants=1, messages=0)
    assert ending.left(flow.pk)
