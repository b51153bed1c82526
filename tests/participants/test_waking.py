"""Who waits is looked at again when something happens that success, unenrolment or an exclusion list asks for."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from participants import hearing
from participants.models import Participant, StepLog
from records import editing, events, lists
from records.models import Association, Event, EventPending, ListenedKind, Record
from scheduling import clock
from tests.make import (
    make_contact,
    make_flow,
    make_list,
    make_object_type,
    make_participant,
    make_property,
    make_record,
    steps_of,
)
from tests.walking import check_counts, walk
from triggers import matching

pytestmark = pytest.mark.django_db

CUSTOMER: dict[str, Any] = {"all": [{"property": "stage", "operator": "eq", "value": "customer"}]}


def waiting(**fields: Any) -> tuple[Flow, Participant]:
    """Somebody who stands in a wait of three weeks, and a flow that listens as a started one does."""
    for key in ("stage", "city"):
        make_property(key)
    exclusion = fields.pop("exclusion", None)
    flow = make_flow(["wait 3 weeks"], status=FlowStatus.RUNNING, **fields)
    if exclusion:
        flow.exclusion_lists.create(list=exclusion)
    events.listen(hearing.heard_kinds(flow))
    participant = make_participant(flow, make_contact(stage="lead", city="Oslo"), step=steps_of(flow)[0])
    walk(flow)
    participant.refresh_from_db()
    return flow, participant


def update(record: Record, **values: Any) -> None:
    """A change of properties with its event, and what follows."""
    changes = {key: [record.properties.get(key), value] for key, value in values.items()}
    record.properties = {**record.properties, **values}
    record.save(update_fields=["properties"])
    events.record_events("record_updated", [record.pk], {"changes": changes})
    match(record.account_id)


def match(account_id: int) -> None:
    """Until nothing is pending."""
    while matching.match(account_id):
        pass


@pytest.mark.parametrize("jump", [True, False])
def test_success_is_noticed_in_the_middle_of_a_wait(in_acme: Account, jump: bool) -> None:
    flow, participant = waiting(success=[{"name": "Customer", "criteria": CUSTOMER}], jump_to_finish=jump)
    before = participant.wait_until
    update(participant.record, stage="customer")
    walk(flow)
    participant.refresh_from_db()
    assert (participant.succeeded, participant.success_criterion) == (True, "Customer") or jump
    if jump:
        assert participant.status == "finished_with_success"
    else:
        assert (participant.status, participant.hop) == ("active", 0)
        assert participant.wait_until == participant.due_at == before
        update(participant.record, stage="lead")
        clock.forward(timedelta(days=22))
        walk(flow)
        participant.refresh_from_db()
        assert participant.status == "finished_with_success", "once met, it stays met"
    check_counts(flow)


def test_who_passes_goes_back_to_the_same_wait(in_acme: Account) -> None:
    flow, participant = waiting(unenrolment=CUSTOMER)
    before = (participant.hop, participant.wait_until, participant.due_at, participant.arrived_at)
    update(participant.record, stage="prospect")
    participant.refresh_from_db()
    assert participant.due_at < before[2], "looked at"
    walk(flow)
    participant.refresh_from_db()
    assert (participant.hop, participant.wait_until, participant.due_at, participant.arrived_at) == before
    assert not StepLog.objects.exists()
    update(participant.record, stage="customer")
    walk(flow)
    participant.refresh_from_db()
    assert (participant.status, participant.reason) == ("dropped_out", "unenrolment")


def test_a_change_that_nobody_asks_for_wakes_nobody(in_acme: Account) -> None:
    _flow, participant = waiting(unenrolment=CUSTOMER)
    update(participant.record, city="Bergen")
    assert Participant.objects.get().due_at == participant.due_at


def test_being_put_on_an_exclusion_list_takes_out_at_once(in_acme: Account) -> None:
    exclusion, other = make_list("No"), make_list("Other")
    flow, participant = waiting(exclusion=exclusion)
    lists.add(other, [participant.record_id])
    match(in_acme.pk)
    assert Participant.objects.get().due_at == participant.due_at
    lists.add(exclusion, [participant.record_id])
    match(in_acme.pk)
    walk(flow)
    assert Participant.objects.get().reason == "exclusion_list"


def test_a_change_of_the_company_is_noticed_where_criteria_look_across(in_acme: Account) -> None:
    contact, company_type = make_object_type("contact"), make_object_type("company")
    make_property("country", object_type=company_type)
    abroad = {"property": "country", "operator": "eq", "value": "SE"}
    flow, participant = waiting(unenrolment={"associated": "company", "where": abroad})
    company = make_record("company", country="NO")
    for record, other, kind in ((participant.record, company, company_type), (company, participant.record, contact)):
        Association.objects.create(record=record, other=other, other_type=kind)
    update(company, country="SE")
    walk(flow)
    assert Participant.objects.get().reason == "unenrolment"


def test_a_company_that_comes_back_is_noticed_where_criteria_look_across(in_acme: Account, owner: Actor) -> None:
    contact, company_type = make_object_type("contact"), make_object_type("company")
    make_property("country", object_type=company_type)
    abroad = {"property": "country", "operator": "eq", "value": "SE"}
    flow, participant = waiting(unenrolment={"associated": "company", "where": abroad})
    company = make_record("company", country="SE")
    editing.archive([company.pk], by=owner, source="web")
    for record, other, kind in ((participant.record, company, company_type), (company, participant.record, contact)):
        Association.objects.create(record=record, other=other, other_type=kind)
    match(in_acme.pk)
    walk(flow)
    assert Participant.objects.get().status == "active"
    editing.restore([company.pk], by=owner, source="web")
    match(in_acme.pk)
    walk(flow)
    assert Participant.objects.get().reason == "unenrolment"


def test_a_question_about_the_last_change_hears_of_every_change(in_acme: Account) -> None:
    changed = {"property": "updated_at", "operator": "gt", "value": (clock.now() + timedelta(days=1)).isoformat()}
    flow, participant = waiting(unenrolment=changed)
    clock.forward(timedelta(days=2))
    Record.objects.filter(pk=participant.record_id).update(updated_at=clock.now())
    update(participant.record, city="Bergen")
    walk(flow)
    assert Participant.objects.get().reason == "unenrolment"


def test_a_paused_flow_is_looked_at_when_it_is_resumed(in_acme: Account) -> None:
    flow, participant = waiting(unenrolment=CUSTOMER)
    Flow.objects.update(status=FlowStatus.PAUSED)
    update(participant.record, stage="customer")
    walk(flow)
    assert Participant.objects.get().status == "active"
    Flow.objects.update(status=FlowStatus.RUNNING)
    walk(flow)
    assert Participant.objects.get().reason == "unenrolment"


def test_a_flow_without_such_questions_listens_to_nothing_for_them(in_acme: Account) -> None:
    """Every pending event costs: a plain flow must not make updates of records pending."""
    flow, participant = waiting()
    assert hearing.heard_kinds(flow) == set() and not ListenedKind.objects.exists()
    update(participant.record, stage="customer")
    assert Event.objects.exists() and not EventPending.objects.exists()


def test_another_accounts_event_wakes_nobody(in_acme: Account, globex: Account) -> None:
    _flow, participant = waiting(unenrolment=CUSTOMER)
    with account_scope(globex.pk):
        events.listen(["record_updated"])
        events.record_events("record_updated", [participant.record_id], {})
    match(globex.pk)
    assert Participant.objects.get().due_at == participant.due_at


def test_participation_in_another_flow_is_a_question_too(in_acme: Account) -> None:
    other = make_flow(["finish"], status=FlowStatus.RUNNING)
    finished = {"flow": other.pk, "operator": "in", "status": "finished"}
    flow, participant = waiting(success=[{"name": "Onboarded", "criteria": finished}], jump_to_finish=True)
    make_participant(other, participant.record, step=steps_of(other)[0])
    walk(other)
    match(in_acme.pk)
    walk(flow)
    participant.refresh_from_db()
    assert (participant.status, participant.success_criterion) == ("finished_with_success", "Onboarded")
