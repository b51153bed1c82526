"""A whole list that a flow takes in: whoever asked reads how many came in, and why the others did not."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from participants import commands, enrolment, intake
from participants.models import Intake, ListEnrolment, ParticipantStatus
from records.models import Record
from scheduling.clock import now
from tests.conftest import make_account
from tests.make import make_contacts, make_flow, make_list, make_participant

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow(in_acme: Account) -> Flow:
    """A running flow that takes everybody once."""
    return make_flow(["wait 1 days"], status=FlowStatus.RUNNING)


def told(asked: ListEnrolment) -> tuple[bool, int, dict[str, int]]:
    """Whether some still wait, how many came in, and how many did not, by reason."""
    found = enrolment.list_enrolments(asked.flow).get(pk=asked.pk)
    return found.is_under_way, found.enrolled, found.left_out


def test_everyone_of_the_list_is_told_of(in_acme: Account, flow: Flow, owner: Actor) -> None:
    new, inside, been, archived, erased, *others = make_contacts(9)
    make_participant(flow, inside)
    make_participant(flow, been, status=ParticipantStatus.FINISHED)
    asked = enrolment.enrol_list(
        in_acme.pk, flow.pk, make_list("All", [new, inside, been, archived, erased, *others]).pk, by=owner
    )
    assert told(asked) == (True, 0, {}) and asked.asked == 9
    Record.objects.filter(pk=archived.pk).update(archived_at=now())
    Record.objects.filter(pk=erased.pk).delete()
    while intake.drain(in_acme.pk, flow.pk, limit=3, seconds=0):
        assert told(asked)[0] is True
    assert told(asked) == (False, 5, {"already_active": 1, "only_once": 1, "not_found": 1}), (
        "erased people leave no trace"
    )


def test_each_list_has_its_own_figures(in_acme: Account, flow: Flow, owner: Actor) -> None:
    people = make_contacts(3)
    first = enrolment.enrol_list(in_acme.pk, flow.pk, make_list("First", people[:2]).pk, by=owner)
    second = enrolment.enrol_list(in_acme.pk, flow.pk, make_list("Second", people).pk, by=owner)
    assert not intake.drain(in_acme.pk, flow.pk)
    assert told(first) == (False, 2, {})
    assert told(second) == (False, 1, {"already_active": 2})


def test_an_empty_list_is_done_at_once(in_acme: Account, flow: Flow, owner: Actor) -> None:
    assert told(enrolment.enrol_list(in_acme.pk, flow.pk, make_list("Nobody").pk, by=owner)) == (False, 0, {})


def test_when_enrolment_has_ended_meanwhile_nobody_comes_in(in_acme: Account, flow: Flow, owner: Actor) -> None:
    asked = enrolment.enrol_list(in_acme.pk, flow.pk, make_list("Late", make_contacts(2)).pk, by=owner)
    Flow.objects.filter(pk=flow.pk).update(enrolment_ends_at=now())
    assert not intake.drain(in_acme.pk, flow.pk)
    assert told(asked) == (False, 0, {"enrolment_closed": 2})


def test_what_an_older_flyt_was_asked_is_done_without_figures(in_acme: Account, flow: Flow) -> None:
    Intake.objects.create(flow=flow, record=make_contacts(1)[0], cause="list", cause_key="list:9:abc")
    assert not intake.drain(in_acme.pk, flow.pk)
    assert not ListEnrolment.objects.exists() and not Intake.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_whom_the_end_drops_and_whom_a_worker_drains_are_told_of() -> None:
    acme = make_account("Acme", "acme")
    by = Actor.flyt(acme.pk)
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
        everyone = make_list("All", make_contacts(20))
    asked = enrolment.enrol_list(acme.pk, flow.pk, everyone.pk, by=by)
    with account_scope(acme.pk):
        Flow.objects.filter(pk=flow.pk).update(status=FlowStatus.NOT_RUNNING)
    dropped, go = threading.Event(), threading.Event()

    def drop() -> None:
        with account_scope(acme.pk, durable=True):
            intake.drop(flow.pk, limit=10)
            dropped.set()
            go.wait(10)
        connections.close_all()

    def drain() -> None:
        intake.drain(acme.pk, flow.pk)
        connections.close_all()

    one, two = threading.Thread(target=drop), threading.Thread(target=drain)
    one.start()
    assert dropped.wait(10)
    two.start()
    _until_one_waits()
    go.set()
    one.join(10)
    two.join(10)
    with account_scope(acme.pk):
        assert told(asked) == (False, 0, {"flow_ended": 20})


@pytest.mark.django_db(transaction=True)
def test_erasing_and_draining_do_not_wait_for_each_other_in_a_circle() -> None:
    acme = make_account("Acme", "acme")
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 days"], status=FlowStatus.RUNNING)
        people = make_contacts(300)
        lists = [make_list(f"List {number}", people) for number in range(4)]
    for each in lists:
        enrolment.enrol_list(acme.pk, flow.pk, each.pk, by=Actor.flyt(acme.pk))
    intake.drain(acme.pk, flow.pk, limit=300, seconds=0)

    def drain() -> None:
        while intake.drain(acme.pk, flow.pk, limit=300, seconds=0):
            pass

    def erase() -> None:
        for each in people[::-1][:60]:
            while commands.erase_walks(acme.pk, [each.pk]):
                pass

    assert faults_of(drain, erase) == []


def faults_of(*works: Callable[[], None]) -> list[Exception]:
    """What goes wrong where these are done at the same time."""
    faults: list[Exception] = []

    def do(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as fault:
            faults.append(fault)
        connections.close_all()

    at_work = [threading.Thread(target=do, args=[work]) for work in works]
    for each in at_work:
        each.start()
    for each in at_work:
        each.join(60)
    return faults


def _until_one_waits() -> None:
    """Until a session of this database waits for another's lock."""
    for _look in range(200):
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_locks where not granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.05)


def test_another_account_sees_none_of_it(in_acme: Account, flow: Flow, owner: Actor, globex: Account) -> None:
    enrolment.enrol_list(in_acme.pk, flow.pk, make_list("Ours", make_contacts(1)).pk, by=owner)
    with account_scope(globex.pk):
        assert not enrolment.list_enrolments(flow).exists()
