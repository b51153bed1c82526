"""Erasing a walk: no table of the account holds its id any more but what is about the record, or says who did it."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from accounts.actors import Actor
from accounts.models import Account, IdempotencyKey
from accounts.tenancy import AccountModel, account_scope
from flows.models import Flow
from participants import commands, enrolment, intake
from participants.models import Intake, LongestDue, Participant, Wish
from records import criteria, erasing, events, list_refresh
from records.event_words import WALK_NAMES
from records.models import Event, EventPending, Record
from scheduling import clock
from tests.make import make_contact, make_flow, make_participant, steps_of
from tests.participants.test_races import session
from tests.records import dynamic
from tests.triggers.stage import make_account
from tests.walking import check_counts, walk
from triggers import matching

pytestmark = pytest.mark.django_db
FIRST = 987_654_321  # of the walks here: no other number of a row is like it
OWNED = [model for model in apps.get_models(include_auto_created=True) if issubclass(model, AccountModel)]
# What is about the record, and the account's history of what members did.
STAYS = {"accounts_history", "messaging_message"}


@pytest.fixture
def flows(in_acme: Account) -> tuple[Flow, Flow]:
    """One that hands over to another, which takes nobody; everything about walks is listened to."""
    events.listen(WALK_NAMES)
    with connection.as_owner(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("select setval(pg_get_serial_sequence('participants_participant', 'id'), %s)", [FIRST])
    target = make_flow(["wait 1 day"], name="Off")
    left = make_flow(["wait 1 day"], status="running")
    end = {"kind": "finish", "settings": {"otherwise_flow": target.pk}}
    return make_flow(["send_email", end], status="running", leave_flows=[left.pk]), target


def left_of(walk_id: int) -> set[str]:
    """The tables in which a row still names the walk, events by kind."""
    found = set()
    with connection.cursor() as cursor:
        for model in OWNED:
            table = model._meta.db_table
            kind = "t.kind" if model is Event else "''"
            cursor.execute(f"select distinct {kind} from {table} t where t::text like %s", [f"%{walk_id}%"])
            found |= {f"{table}: {row[0]}" if row[0] else table for row in cursor.fetchall()}
    return found


def enrol(flow: Flow, person: Record, owner: Actor) -> Participant:
    """A walk of the person, by the door."""
    enrolment.enrol_records(flow.account_id, flow.pk, [person.pk], by=owner)
    return Participant.objects.get(flow=flow, record=person)


@pytest.mark.parametrize("is_one", [True, False])
def test_no_table_holds_an_erased_walk(in_acme: Account, owner: Actor, flows: tuple[Flow, Flow], is_one: bool) -> None:
    flow, _target = flows
    inside = enrol(flow, make_contact(), owner)
    walk(flow)
    Intake.objects.create(
        flow=flow, record_id=inside.record_id, wish=Wish.LEAVE, participant_id=inside.pk, cause_key="event:1"
    )
    moment = clock.now()
    LongestDue.objects.create(
        flow_id=flow.pk, participant_id=inside.pk, hop=0, due_at=moment, seen_at=moment, looked_at=moment
    )
    answer = {"id": inside.pk, "record": inside.record_id, "log": []}
    IdempotencyKey.objects.create(key="1", fingerprint="1", status=200, body={"data": answer, "headers": {}})
    Event.objects.create(record_id=inside.record_id, kind="flow_cancelled", detail={"participant": inside.pk})
    Event.objects.create(record_id=inside.record_id, kind="flow_cancelled", detail={"participant": inside.pk + 1})
    assert left_of(inside.pk) >= {
        "participants_participant",
        "participants_flowaddress",
        "participants_intake",
        "participants_longestdue",
        "accounts_idempotencykey",
        "messaging_message",
        "records_event: flow_enrolled",
        "records_event: flow_takes_out",
    }
    if is_one:
        commands.erase(in_acme.pk, inside.pk, by=owner)
    else:
        commands.erase_together(in_acme.pk, flow.pk, [inside.pk], by=owner)
    assert left_of(inside.pk) == STAYS
    assert Event.objects.filter(kind="flow_cancelled").count() == 1, "what another walk left stays"
    assert not EventPending.objects.exclude(event_id__in=Event.objects.values("pk")).exists()
    assert IdempotencyKey.objects.get().body == {"data": None, "headers": {}}
    check_counts(flow)


def test_a_walk_that_ended_and_its_hand_over_leave_nothing(
    in_acme: Account, owner: Actor, flows: tuple[Flow, Flow]
) -> None:
    flow, target = flows
    steps_of(flow)[0].delete()
    people = [make_contact(), make_contact()]
    gone, stays = (enrol(flow, person, owner) for person in people)
    walk(flow)
    assert left_of(gone.pk) >= {"participants_steplog", "records_event: flow_handed_over"}
    while matching.match(in_acme.pk):
        pass
    intake.drain(in_acme.pk, target.pk)
    kinds = {"flow_enrolled", "flow_finished", "flow_handed_over", "flow_refused", "flow_takes_out"}
    assert {f"records_event: {kind}" for kind in kinds} < left_of(gone.pk)
    commands.erase_together(in_acme.pk, flow.pk, [gone.pk], by=owner)
    assert left_of(gone.pk) == {"accounts_history"}
    assert {f"records_event: {kind}" for kind in kinds} < left_of(stays.pk), "of nobody else"


def test_what_an_older_version_wrote_without_the_walk_goes_too(
    in_acme: Account, owner: Actor, flows: tuple[Flow, Flow]
) -> None:
    flow, _target = flows
    inside = make_participant(flow)
    for at in (inside.enrolled_at, inside.enrolled_at + timedelta(seconds=1)):
        detail = {"flows": [1]}
        Event.objects.create(record_id=inside.record_id, kind="flow_takes_out", detail=detail, flow_id=flow.pk, at=at)
    Event.objects.create(record_id=inside.record_id, kind="record_updated", flow_id=flow.pk, at=inside.enrolled_at)
    commands.erase(in_acme.pk, inside.pk, by=owner)
    assert sorted(Event.objects.values_list("kind", flat=True)) == ["flow_takes_out", "record_updated"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("of_event", [True, False])
def test_no_condition_and_no_list_remembers_an_erased_walk(of_event: bool) -> None:
    acme = make_account("Acme")
    by = Actor.flyt(acme.pk)
    with account_scope(acme.pk):
        flow, person = make_flow([{"update_record": {"city": "Oslo"}}], status="running"), make_contact()
        events.listen(WALK_NAMES)
    flow_tree = {"flow": flow.pk, "operator": "in", "status": "finished"}
    tree: dict[str, Any] = {"event": "flow_finished", "happened": True} if of_event else flow_tree
    enrolment.enrol_records(acme.pk, flow.pk, [person.pk], by=by)
    walk(flow)
    chosen = dynamic.made(acme, tree, "Finished")
    assert dynamic.inside(acme, chosen) == {person.pk}
    with account_scope(acme.pk):
        walk_id = Participant.objects.get().pk
        assert meets(flow, tree) == [person.pk]
    commands.erase(acme.pk, walk_id, by=by)
    with account_scope(acme.pk):
        assert meets(flow, tree) == []
    assert chosen.pk in {list_id for _account, list_id in list_refresh.due(10)}
    dynamic.evaluate(acme, chosen)
    assert dynamic.inside(acme, chosen) == set()


def test_a_record_that_is_erased_takes_the_answers_about_its_walks_along(acme: Account, owner: Actor) -> None:
    with account_scope(acme.pk):
        inside = make_participant(make_flow(["wait 1 day"], status="running"))
        answer = {"id": inside.pk, "record": inside.record_id, "log": []}
        IdempotencyKey.objects.create(key="1", fingerprint="1", status=200, body={"data": answer, "headers": {}})
    erasing.erase(acme.pk, [inside.record_id], by=owner)
    with account_scope(acme.pk):
        assert IdempotencyKey.objects.get().body == {"data": None, "headers": {}}


def meets(flow: Flow, tree: dict[str, Any]) -> list[int]:
    """The records that meet criteria."""
    asked = criteria.compile(tree, object_type_id=flow.object_type_id, moment=clock.now(), zone="UTC")
    sql = f"select r.id from records_record r where r.account_id = %(account)s and ({asked.sql})"
    return [each.pk for each in Record.objects.raw(sql, {**asked.params, "account": flow.account_id})]


@pytest.mark.django_db(transaction=True)
def test_erasing_does_not_wait_for_a_matcher_that_has_the_events_at_hand() -> None:
    """The matcher goes on to wake whoever is on that walk, which is locked here: both would wait for each other."""
    acme = make_account("Acme")
    with account_scope(acme.pk):
        events.listen(WALK_NAMES)
        inside = make_participant(make_flow(["wait 1 day"], status="running"))
        events.record_events("flow_enrolled", [inside.record_id], {"participant": inside.pk})
    with session() as matcher, connection.cursor() as cursor:
        matcher.execute("delete from records_eventpending")
        cursor.execute("set lock_timeout = '3s'")
        try:
            commands.erase(acme.pk, inside.pk, by=Actor.flyt(acme.pk))
        finally:
            cursor.execute("set lock_timeout = 0")
        with account_scope(acme.pk):
            assert not Participant.objects.exists() and not Event.objects.exists()
        matcher.connection.rollback()
    while matching.match(acme.pk):
        pass
    with account_scope(acme.pk):
        assert not EventPending.objects.exists(), "nothing comes of an event that is gone"
