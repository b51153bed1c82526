"""Two enrolments of the same people at the same time must never wait for each other in a circle."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope
from flows.locks import try_intake
from flows.models import FlowStatus
from participants import enrolment, intake
from participants.models import Intake, Participant
from records.models import Record
from tests.conftest import make_account
from tests.make import make_contacts, make_flow, make_participant


def read(*, as_they_lie: bool) -> None:
    """Make this session read tables as they lie, or by their keys: the planner does either, as it sees fit."""
    without = ("indexscan", "bitmapscan") if as_they_lie else ("seqscan", "bitmapscan")
    with connection.cursor() as cursor:
        for way in without:
            cursor.execute(f"set enable_{way} = off")


def contacts_in_another_order_on_disk(n: int) -> list[int]:
    """Contacts whose rows do not lie in the table by id (a freed place may be taken again); their ids, ascending."""
    ids = [record.pk for record in make_contacts(n)]
    for record_id in reversed(ids):
        Record.objects.filter(pk=record_id).update(former_employee=False)
    with connection.cursor() as cursor:
        cursor.execute("select id from records_record where id = any(%s) order by ctid", [ids])
        assert [row[0] for row in cursor.fetchall()] != ids
    return ids


@pytest.mark.django_db
def test_people_are_enrolled_in_the_order_of_their_records(in_acme: Account, owner: Actor) -> None:
    flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
    ids = contacts_in_another_order_on_disk(40)
    read(as_they_lie=True)
    enrolment.enrol_records(in_acme.pk, flow.pk, ids[::-1], by=owner)
    assert list(Participant.objects.order_by("pk").values_list("record_id", flat=True)) == ids


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"only_once": False}),  # somebody on their way
        ({"status": "finished", "only_once": True}, {"only_once": True}),
        ({"status": "finished", "occurrence_id": 7}, {"occurrence_id": 7, "only_once": False}),
    ],
    ids=["one_active_walk", "only_once", "once_per_occurrence"],
)
def test_the_database_itself_refuses_a_walk_too_many(
    in_acme: Account, first: dict[str, Any], second: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """Whatever the enrolments looked at before: that is what they may rely on."""
    flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
    person = make_contacts(1)[0]
    make_participant(flow, person, **{"only_once": False, **first})
    with pytest.raises(IntegrityError, match=request.node.callspec.id):
        make_participant(flow, person, **second)


@pytest.mark.django_db(transaction=True)
def test_what_a_flow_is_asked_for_different_causes_is_done_in_different_transactions() -> None:
    """Two statements that each enrol in the order of the records would together have none."""
    acme = make_account("Acme", "acme")
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
        people = make_contacts(4)
        asks = (("list", "enrol"), ("hand_over", "enrol"), ("list", "enrol"), ("added_to_flow", "leave"))
        for number, (person, (cause, wish)) in enumerate(zip([*people[2::-1], people[2]], asks, strict=True)):
            Intake.objects.create(flow=flow, record=person, wish=wish, cause=cause, cause_key=f"key:{number}")
    assert not intake.drain(acme.pk, flow.pk)
    with account_scope(acme.pk):
        assert not Intake.objects.exists()
        found = Participant.objects.extra(select={"written": "xmin::text"}).order_by("record_id")
        rows = [(each.record_id, each.cause, each.status) for each in found]
        transactions = {each.written for each in found}
    assert rows == [
        (people[0].pk, "list", "active"),
        (people[1].pk, "hand_over", "active"),
        (people[2].pk, "list", "dropped_out"),
    ], "whoever is to leave after they came has left"
    assert len(transactions) == 3


@pytest.mark.django_db(transaction=True)
def test_one_worker_at_a_time_drains_an_intake() -> None:
    acme = make_account("Acme", "acme")
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
        Intake.objects.create(flow=flow, record=make_contacts(1)[0], cause="list", cause_key="key")
    drained: list[bool] = []

    def drain() -> None:
        drained.append(intake.drain(acme.pk, flow.pk))
        connections.close_all()

    with account_scope(acme.pk, durable=True):
        assert try_intake(flow.pk)
        beside = threading.Thread(target=drain)
        beside.start()
        beside.join()
        assert drained == [False] and Intake.objects.exists(), "who comes second leaves it to the first"
    drain()
    with account_scope(acme.pk):
        assert Participant.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_enrolments_of_the_same_people_at_the_same_time_all_succeed() -> None:
    acme = make_account("Acme", "acme")
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
        ids = contacts_in_another_order_on_disk(2_000)
    outcomes: list[str] = []
    together = threading.Barrier(4)

    def enrol(asked: list[int], as_they_lie: bool) -> None:
        try:
            read(as_they_lie=as_they_lie)
            together.wait()
            outcomes.extend(enrolment.enrol_records(acme.pk, flow.pk, asked, by=Actor.flyt(acme.pk)).values())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=enrol, args=[ids, place % 2 == 0]) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("enrolled"), outcomes.count("already_active")) == (2_000, 6_000)
    with account_scope(acme.pk):
        assert Participant.objects.count() == 2_000
