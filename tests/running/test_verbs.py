"""The verbs of the switch: what each does, refuses, and leaves behind."""

from datetime import timedelta

import pytest

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.rights import Role
from flows.document import as_document
from flows.models import Flow, FlowStatus, Step
from messaging.models import Content, Message, Outbox
from participants import engine, enrolment, intake, statistics
from participants.models import Participant, StepLog
from records.models import Record
from running import copying, deletion, ending, verbs
from scheduling import clock
from tests.make import make_contact, make_contacts, make_flow, make_list, make_participant, make_schedule, steps_of
from triggers.models import Schedule

pytestmark = pytest.mark.django_db


def verb_of(flow: Flow) -> list[str]:
    return list(
        History.objects.filter(subject="flow", subject_id=flow.pk).order_by("pk").values_list("verb", flat=True)
    )


def empty(flow: Flow) -> None:
    """Let the ending job run to its end."""
    while ending.finish(flow.account_id, flow.pk):
        pass


def test_start_opens_the_outbox_and_arms_the_schedule(in_acme: Account, owner: Actor) -> None:
    flow = make_flow(schedule={"frequency": "daily"})
    verbs.start(in_acme.pk, flow.pk, by=owner)
    flow.refresh_from_db()
    assert (flow.status, flow.outbox.held) == (FlowStatus.RUNNING, False)
    assert Schedule.objects.get().next_run_at > clock.now()
    assert flow.activations.get().ended_at is None
    assert verb_of(flow) == ["start"]


def test_start_is_refused_while_a_problem_stops_it(in_acme: Account, owner: Actor) -> None:
    flow = make_flow(["send_email"], email=False)
    with pytest.raises(NotAllowed) as refused:
        verbs.start(in_acme.pk, flow.pk, by=owner)
    assert refused.value.code == "has_problems"
    assert "sender_missing" in {problem.code for problem in refused.value.detail["problems"]}
    flow.refresh_from_db()
    assert (flow.status, verb_of(flow)) == (FlowStatus.NOT_RUNNING, [])


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        (FlowStatus.RUNNING, verbs.start),
        (FlowStatus.PAUSED, verbs.start),
        (FlowStatus.NOT_RUNNING, verbs.pause),
        (FlowStatus.PAUSED, verbs.pause),
        (FlowStatus.NOT_RUNNING, verbs.resume),
        (FlowStatus.RUNNING, verbs.resume),
        (FlowStatus.NOT_RUNNING, verbs.end),
    ],
)
def test_a_verb_from_another_status_is_refused(in_acme: Account, owner: Actor, status: str, verb: object) -> None:
    flow = make_flow(status=status)
    with pytest.raises(NotAllowed, match="the status is"):
        verb(in_acme.pk, flow.pk, by=owner)
    flow.refresh_from_db()
    assert (flow.status, verb_of(flow)) == (status, [])


def test_resume_moves_the_queue_to_the_first_step_and_lets_ended_waits_pass(in_acme: Account, owner: Actor) -> None:
    flow = make_flow(["wait 2 days", "wait 5 days"], status=FlowStatus.RUNNING)
    inside = make_participant(flow, step=steps_of(flow)[0])
    engine.advance(in_acme.pk, flow.pk)
    verbs.pause(in_acme.pk, flow.pk, by=owner)
    newcomer = make_contact()
    enrolment.enrol_records(in_acme.pk, flow.pk, [newcomer.pk], by=owner)
    clock.forward(timedelta(days=3))
    engine.advance(in_acme.pk, flow.pk)
    assert set(Participant.objects.values_list("hop", flat=True)) == {0}
    verbs.resume(in_acme.pk, flow.pk, by=owner)
    while engine.advance(in_acme.pk, flow.pk):
        pass
    first, second, _finish = steps_of(flow)
    inside.refresh_from_db()
    assert inside.step_id == second.pk
    assert Participant.objects.get(record=newcomer).step_id == first.pk


def test_end_cancels_whoever_is_inside_and_what_has_not_left(in_acme: Account, owner: Actor) -> None:
    flow = make_flow(["send_email"], status=FlowStatus.RUNNING)
    for person in make_contacts(3):
        make_participant(flow, person, step=steps_of(flow)[0])
    engine.advance(in_acme.pk, flow.pk)
    assert Message.objects.filter(status="queued").count() == 3
    verbs.end(in_acme.pk, flow.pk, by=owner)
    assert Outbox.objects.get().held
    for verb in (verbs.start, verbs.delete):
        with pytest.raises(NotAllowed):
            verb(in_acme.pk, flow.pk, by=owner)
    empty(flow)
    assert set(Participant.objects.values_list("status", "reason")) == {("cancelled", "flow_ended")}
    assert set(Message.objects.values_list("status", "reason")) == {("cancelled", "flow_ended")}
    assert statistics.counts([flow.pk])[flow.pk].cancelled == 3
    assert History.objects.get(verb="end").detail == {"cancelled": 3, "messages": 3}


def test_a_flow_that_starts_again_takes_newcomers_only(in_acme: Account, owner: Actor) -> None:
    flow = make_flow(["wait 1 day"], status=FlowStatus.RUNNING, only_once=False)
    person = make_contact()
    make_participant(flow, person, step=steps_of(flow)[0])
    verbs.end(in_acme.pk, flow.pk, by=owner)
    empty(flow)
    verbs.start(in_acme.pk, flow.pk, by=owner)
    engine.advance(in_acme.pk, flow.pk)
    assert Participant.objects.get().status == "cancelled"
    assert enrolment.enrol_records(in_acme.pk, flow.pk, [person.pk], by=owner) == {person.pk: "enrolled"}


def test_delete_takes_the_flow_and_its_story_and_leaves_the_records(in_acme: Account, owner: Actor) -> None:
    kept, chosen = make_flow(["wait 1 day"], status=FlowStatus.RUNNING), make_list("Chosen")
    flow = make_flow(["send_email", {"split": [({"all": []}, [{"add_to_list": chosen}])]}], status=FlowStatus.RUNNING)
    make_schedule(flow, {"frequency": "daily"})
    people = make_contacts(2)
    for person in people:
        make_participant(kept, person, step=steps_of(kept)[0])
        make_participant(flow, person, step=steps_of(flow, "split")[0])
    while engine.advance(in_acme.pk, flow.pk):
        pass
    with pytest.raises(NotAllowed) as refused:
        verbs.delete(in_acme.pk, flow.pk, by=owner)
    assert refused.value.code == "not_ended"
    verbs.end(in_acme.pk, flow.pk, by=owner)
    empty(flow)
    verbs.delete(in_acme.pk, flow.pk, by=owner)
    assert list(Flow.objects.all()) == [kept]
    while deletion.purge(in_acme.pk, flow.pk):
        pass
    assert set(Participant.objects.values_list("flow_id", flat=True)) == {kept.pk}
    assert not StepLog.objects.filter(flow_id=flow.pk).exists()
    assert not Step.objects.filter(flow_id=flow.pk).exists()
    assert not Content.objects.filter(flow_id=flow.pk).exists()
    assert Record.objects.count() == 2
    assert chosen.entries.count() == 2
    assert verb_of(flow)[-1] == "delete"


def test_a_copy_has_its_own_steps_and_contents_and_nobody_inside(in_acme: Account, owner: Actor) -> None:
    norwegian = {"all": [{"property": "country", "operator": "eq", "value": "NO"}]}
    flow = make_flow(
        [{"split": [(norwegian, ["send_email"])], "everyone_else": ["wait 3 days"]}],
        schedule={"frequency": "monthly", "days": [31]},
        criteria=norwegian,
        status=FlowStatus.RUNNING,
    )
    make_participant(flow, step=steps_of(flow)[0])
    made = copying.copy(in_acme.pk, flow.pk, by=owner)
    assert (made.status, made.name) == (FlowStatus.NOT_RUNNING, f"{flow.name} (copy)")
    assert not Participant.objects.filter(flow=made).exists()
    original, copied = as_document(flow), as_document(Flow.objects.get(pk=made.pk))
    assert copied["triggers"][0]["schedule"] == original["triggers"][0]["schedule"]
    branch, other = original["steps"][0]["branches"][0], copied["steps"][0]["branches"][0]
    assert (other["criteria"], other["id"] != branch["id"]) == (branch["criteria"], True)
    new = Content.objects.get(flow_id=made.pk)
    assert other["steps"][0]["settings"] == {"content": new.pk} != branch["steps"][0]["settings"]
    assert Schedule.objects.get(flow=made).next_run_at is None


def test_a_copy_does_not_pass_on_what_the_copier_may_not_do(in_acme: Account) -> None:
    flow = make_flow()
    Outbox.objects.update(override_consent=True)
    admin = Actor(account_id=in_acme.pk, role=Role.FLOW_ADMIN, name="Flora")
    made = copying.copy(in_acme.pk, flow.pk, by=admin)
    assert made.outbox.override_consent is False


def test_whoever_waits_in_the_intake_of_an_ended_flow_does_not_enter_it_when_it_starts_anew(
    in_acme: Account, owner: Actor
) -> None:
    flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
    people = make_list("People", make_contacts(3))
    asked = enrolment.enrol_list(in_acme.pk, flow.pk, people.pk, by=owner)
    assert asked.asked == 3
    verbs.end(in_acme.pk, flow.pk, by=owner)
    with pytest.raises(NotAllowed) as refused:
        verbs.start(in_acme.pk, flow.pk, by=owner)
    assert "still_ending" in {problem.code for problem in refused.value.detail["problems"]}
    empty(flow)
    verbs.start(in_acme.pk, flow.pk, by=owner)
    assert not intake.drain(in_acme.pk, flow.pk)
    assert Participant.objects.count() == 0
    asked.refresh_from_db()
    assert (asked.enrolled, asked.left_out) == (0, {"flow_ended": 3})
