"""The engine: what it does to a batch, and what it never does."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Account
from flows.models import Flow, FlowStatus, Step
from messaging.models import Message
from participants import engine, enrolment, statistics
from participants.models import FlowAddress, Participant, StepLog
from records.models import Record
from scheduling import clock
from tests.make import (
    make_contact,
    make_contacts,
    make_flow,
    make_list,
    make_participant,
    steps_of,
)
from tests.walking import check_counts, stories, walk

pytestmark = pytest.mark.django_db


def test_a_flow_of_quick_steps_is_walked_to_the_end(in_acme: Account) -> None:
    chosen = make_list("Chosen")
    flow = make_flow([{"update_record": {"city": "Oslo"}}, {"add_to_list": chosen}], status=FlowStatus.RUNNING)
    people = make_contacts(3, city="Bergen")
    for person in people:
        make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    assert {tuple(story) for story in stories(flow).values()} == {("update_record", "add_to_list", "finish")}
    assert {r.properties["city"] for r in Record.objects.all()} == {"Oslo"}
    assert chosen.entries.count() == 3
    assert check_counts(flow).finished == 3


def test_whoever_waits_in_the_queue_comes_to_the_first_step(in_acme: Account) -> None:
    flow = make_flow(["wait 2 days"], status=FlowStatus.RUNNING)
    make_participant(flow)
    walk(flow)
    participant = Participant.objects.get()
    assert participant.step_id == steps_of(flow, "wait")[0].pk
    assert stories(flow) == {participant.pk: ["queue"]}
    check_counts(flow)


@pytest.mark.parametrize("status", [FlowStatus.PAUSED, FlowStatus.NOT_RUNNING])
def test_nobody_moves_in_a_flow_that_is_not_running(in_acme: Account, status: str) -> None:
    flow = make_flow([{"update_record": {"city": "Oslo"}}], status=status)
    make_participant(flow, step=steps_of(flow)[0])
    before = Participant.objects.values().get()
    assert engine.advance(in_acme.pk, flow.pk) is False
    assert Participant.objects.values().get() == before


def test_nobody_moves_before_the_flow_starts(in_acme: Account) -> None:
    flow = make_flow(["finish"], status=FlowStatus.RUNNING, starts_at=clock.now() + timedelta(hours=1))
    make_participant(flow)
    walk(flow)
    assert Participant.objects.get().hop == 0
    clock.forward(timedelta(hours=2))
    walk(flow)
    assert Participant.objects.get().status == "finished"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"archived_at": clock.now}, "record_deleted"),
        ({"former_employee": True}, "former_employee"),
    ],
)
def test_who_fails_a_check_drops_out_with_the_reason(in_acme: Account, change: dict, reason: str) -> None:
    flow = make_flow([{"update_record": {"city": "Oslo"}}], status=FlowStatus.RUNNING)
    person = make_contact(city="Bergen")
    make_participant(flow, person, step=steps_of(flow)[0])
    Record.objects.update(**{key: value() if callable(value) else value for key, value in change.items()})
    walk(flow)
    participant = Participant.objects.get()
    assert (participant.status, participant.reason) == ("dropped_out", reason)
    assert Record.objects.get().properties["city"] == "Bergen"
    assert check_counts(flow).dropped_out == 1


def test_exclusion_list_and_unenrolment_criteria_drop_people_out(in_acme: Account) -> None:
    listed, left, staying = make_contact(stage="x"), make_contact(stage="left"), make_contact(stage="x")
    flow = make_flow(
        ["finish"],
        status=FlowStatus.RUNNING,
        unenrolment={"all": [{"property": "stage", "operator": "eq", "value": "left"}]},
    )
    flow.exclusion_lists.create(list=make_list("No more", [listed]))
    for person in (listed, left, staying):
        make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    reasons = dict(Participant.objects.values_list("record_id", "reason"))
    assert reasons == {listed.pk: "exclusion_list", left.pk: "unenrolment", staying.pk: ""}


def test_success_is_remembered_and_counts_at_the_end(in_acme: Account) -> None:
    customer = {"all": [{"property": "stage", "operator": "eq", "value": "customer"}]}
    flow = make_flow(
        [{"add_to_list": make_list()}], status=FlowStatus.RUNNING, success=[{"name": "Customer", "criteria": customer}]
    )
    for stage in ("customer", "lead"):
        make_participant(flow, make_contact(stage=stage), step=steps_of(flow)[0])
    walk(flow)
    assert sorted(Participant.objects.values_list("status", "success_criterion")) == [
        ("finished", ""),
        ("finished_with_success", "Customer"),
    ]
    assert all(story == ["add_to_list", "finish"] for story in stories(flow).values())


def test_success_may_jump_to_the_finish(in_acme: Account) -> None:
    flow = make_flow(
        ["wait 3 weeks"],
        status=FlowStatus.RUNNING,
        success=[{"name": "Known", "criteria": {"all": []}}],
        jump_to_finish=True,
    )
    make_participant(flow, step=steps_of(flow)[0])
    walk(flow)
    assert Participant.objects.get().status == "finished_with_success"


def test_a_poisonous_participant_is_found_and_the_rest_moves_on(
    in_acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """A check constraint stands for whatever the database may refuse about one record."""
    flow = make_flow([{"update_record": {"city": "Oslo"}}], status=FlowStatus.RUNNING)
    people = make_contacts(7, city="Bergen")
    for person in people:
        make_participant(flow, person, step=steps_of(flow)[0])
    poison = people[4].pk
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute(
            f"alter table records_record add constraint poison check (id <> {poison} or properties->>'city' <> 'Oslo')"
        )
    for _attempt in range(5):
        walk(flow)
        clock.forward(timedelta(hours=2))
    left = Participant.objects.get(record_id=poison)
    line = f"account {in_acme.pk} flow {flow.pk} step {left.step_id} participant {left.pk}: step failed: "
    assert caplog.text.count(f"{line}IntegrityError 23514 at participants/") == 5, "where, and why"
    assert "flows/steps/update_record.py:" in caplog.text, "and by which way"
    assert "Oslo" not in caplog.text and "Bergen" not in caplog.text, "the database quotes the row; the log does not"
    assert (left.status, left.reason, left.failures) == ("dropped_out", "step_failed", 4)
    assert Participant.objects.filter(status="finished").count() == 6
    check_counts(flow)


def test_one_slice_ends_and_says_that_there_is_more(in_acme: Account) -> None:
    flow = make_flow(["finish"], status=FlowStatus.RUNNING)
    make_participant(flow)
    assert engine.advance(in_acme.pk, flow.pk, seconds=0) is True
    assert Participant.objects.get().hop == 0


def test_enrolment_gives_a_reason_for_each(in_acme: Account, owner: object) -> None:
    company = make_contact()
    people = {name: make_contact(stage="lead") for name in ("new", "active", "before", "listed")}
    people["filtered"] = make_contact(stage="other")
    flow = make_flow(
        ["wait 1 day"],
        status=FlowStatus.RUNNING,
        filter={"all": [{"property": "stage", "operator": "eq", "value": "lead"}]},
    )
    flow.exclusion_lists.create(list=make_list("No", [people["listed"]]))
    make_participant(flow, people["active"], step=steps_of(flow)[0])
    make_participant(flow, people["before"], status="finished")
    company.archived_at = clock.now()
    company.save(update_fields=["archived_at"])
    asked = [person.pk for person in people.values()] + [company.pk, 10**15]
    outcomes = enrolment.enrol_records(in_acme.pk, flow.pk, asked, by=owner)
    assert {name: outcomes[person.pk] for name, person in people.items()} == {
        "new": "enrolled",
        "active": "already_active",
        "before": "only_once",
        "listed": "excluded",
        "filtered": "filtered",
    }
    assert outcomes[company.pk] == outcomes[10**15] == "not_found"
    assert Participant.objects.get(record=people["new"]).step_id == steps_of(flow)[0].pk
    check_counts(flow)


def test_newcomers_of_a_paused_flow_stand_in_the_queue(in_acme: Account, owner: object) -> None:
    flow = make_flow(["wait 1 day"], status=FlowStatus.PAUSED)
    person = make_contact()
    assert enrolment.enrol_records(in_acme.pk, flow.pk, [person.pk], by=owner) == {person.pk: "enrolled"}
    participant = Participant.objects.get()
    assert (participant.status, participant.step_id) == ("active", None)
    assert statistics.counts([flow.pk])[flow.pk].queued == 1


def test_a_step_that_raises_in_python_is_postponed_like_any_other(in_acme: Account) -> None:
    """A split whose stored criteria cannot be compiled any more."""
    flow = make_flow([{"split": [({"no_such_leaf": 1}, [])], "everyone_else": []}], status=FlowStatus.RUNNING)
    for person in make_contacts(2):
        make_participant(flow, person, step=steps_of(flow, "split")[0])
    assert engine.advance(in_acme.pk, flow.pk) is False
    assert set(Participant.objects.values_list("failures", "status", "hop")) == {(1, "active", 0)}
    for _attempt in range(4):
        clock.forward(timedelta(hours=2))
        walk(flow)
    assert set(Participant.objects.values_list("status", "reason")) == {("dropped_out", "step_failed")}
    check_counts(flow)


def test_who_drops_out_of_a_failing_step_frees_the_address_and_gets_no_message(in_acme: Account) -> None:
    flow = make_flow(["send_email"], status=FlowStatus.RUNNING)
    make_participant(flow, make_contact("ola@example.com"), step=steps_of(flow)[0])
    walk(flow)
    assert Message.objects.get().status == "queued"
    Flow.objects.update(unenrolment={"no_such_leaf": 1})  # stored criteria that cannot be compiled any more
    Participant.objects.update(due_at=clock.now())
    for _attempt in range(5):
        walk(flow)
        clock.forward(timedelta(hours=2))
    assert Participant.objects.get().reason == "step_failed"
    assert (Message.objects.get().status, FlowAddress.objects.count()) == ("cancelled", 0)


def test_a_step_that_succeeds_again_has_all_its_tries_left(in_acme: Account) -> None:
    flow = make_flow(["wait 10 days"], status=FlowStatus.RUNNING, unenrolment={"no_such_leaf": 1})
    make_participant(flow, step=steps_of(flow)[0])
    walk(flow)
    assert Participant.objects.get().failures == 1
    Flow.objects.update(unenrolment=None)
    clock.forward(timedelta(minutes=1))
    walk(flow)
    waits = Participant.objects.get()
    assert waits.wait_until is not None and waits.failures == 0


def test_whoever_stands_on_a_step_that_is_gone_drops_out_when_one_of_them_is_due(
    in_acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    flow = make_flow(["wait 1 day", "wait 2 days"], status=FlowStatus.RUNNING)
    gone, kept = steps_of(flow)[:2]
    lost = [make_participant(flow, step=gone, due_at=due) for due in (clock.now(), clock.now(), None)]
    safe = make_participant(flow, step=kept)
    Step.objects.filter(pk=gone.pk).delete()
    walk(flow)
    assert set(Participant.objects.exclude(pk=safe.pk).values_list("status", "reason", "due_at")) == {
        ("dropped_out", "step_gone", None)
    }
    assert Participant.objects.get(pk=safe.pk).status == "active"
    told = StepLog.objects.values_list("participant_id", "step_id", "outcome", "reason").order_by("participant_id")
    assert list(told) == [(each.pk, gone.pk, "dropped_out", "step_gone") for each in lost]
    assert f"flow {flow.pk} step {gone.pk} is gone: 3 participants who stood there drop out" in caplog.text
    check_counts(flow)
