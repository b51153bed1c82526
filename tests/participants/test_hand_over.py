"""From one flow into another: hand-over at an exit and at the end, leaving others, chains that have no end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.actors import Actor, read_by
from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from flows.models import Branch, Flow, FlowStatus, Visibility
from participants import commands, enrolment, hearing, intake, onward, statistics
from participants.models import Intake, Participant
from participants.tasks import FLOWS_WITH_INTAKE
from records import events
from records.models import Event, EventPending, ListEntry, Record
from running import ending
from scheduling import clock
from tests.make import EVERY_RECORD, make_contact, make_contacts, make_flow, make_list, make_participant, steps_of
from tests.walking import check_counts, walk
from triggers import matching

pytestmark = pytest.mark.django_db

NORWAY = {"all": [{"property": "country", "operator": "eq", "value": "NO"}]}
SUCCESS = [{"name": "Norwegian", "criteria": NORWAY}]


def on(*steps: Any, **fields: Any) -> Flow:
    """A running flow that is listened for as a started one is."""
    flow = make_flow([*steps], status=FlowStatus.RUNNING, **fields)
    events.listen(hearing.heard_kinds(flow))
    return flow


def finish(**settings: int) -> dict[str, Any]:
    """A Finish that hands over."""
    return {"kind": "finish", "settings": settings}


def go(*flows: Flow) -> None:
    """Walk, match and drain until nothing moves any more."""
    for _round in range(4):
        for flow in flows:
            walk(flow)
        while matching.match(flows[0].account_id):
            pass
        for flow in flows:
            while intake.drain(flow.account_id, flow.pk):
                pass


def in_flow(flow: Flow) -> dict[int, tuple[str, str, str]]:
    """Per record the status, reason and cause of its walk."""
    rows = Participant.objects.filter(flow=flow).values_list("record_id", "status", "reason", "cause")
    return {record: tuple(rest) for record, *rest in rows}


def test_whom_no_branch_takes_exits_into_a_list_and_another_flow(in_acme: Account) -> None:
    next_flow, chosen = on("wait 1 day"), make_list("Foreign")
    settings = {"exit": True, "exit_flow": next_flow.pk, "exit_list": chosen.pk}
    flow = on({"split": [(NORWAY, ["wait 1 day"])], "settings": settings})
    taken, foreign = make_contact(country="NO"), make_contact(country="SE")
    for person in (taken, foreign):
        make_participant(flow, person, step=steps_of(flow)[0])
    go(flow, next_flow)
    assert in_flow(flow) == {
        taken.pk: ("active", "", "by_hand"),
        foreign.pk: ("dropped_out", "exit_after_split", "by_hand"),
    }
    assert in_flow(next_flow) == {foreign.pk: ("active", "", "hand_over")}
    assert list(ListEntry.objects.values_list("list_id", "record_id")) == [(chosen.pk, foreign.pk)]
    assert Participant.objects.get(flow=next_flow).depth == 1
    assert not EventPending.objects.exists() and not Intake.objects.exists()
    took, everyone_else = statistics.taken(flow.pk), Branch.objects.get(flow=flow, is_everyone_else=True)
    assert took[everyone_else.pk] == 1, "whoever exits there has taken that branch"
    check_counts(flow)
    commands.erase(in_acme.pk, Participant.objects.get(flow=flow, record_id=foreign.pk).pk, by=Actor.flyt(in_acme.pk))
    assert statistics.taken(flow.pk)[everyone_else.pk] == 0, "no count knows of whoever is erased"
    check_counts(flow)
    check_counts(next_flow)


def test_who_waited_in_vain_is_handed_over_too(in_acme: Account) -> None:
    next_flow = on("wait 1 day")
    awaited = {"events": [{"event": "custom.called", "detail": {}}], "amount": 1, "unit": "days"}
    flow = on({"kind": "wait_for_event", "settings": {**awaited, "exit": True, "exit_flow": next_flow.pk}})
    participant = make_participant(flow, step=steps_of(flow)[0])
    go(flow, next_flow)
    assert in_flow(next_flow) == {}
    clock.forward(timedelta(days=2))
    go(flow, next_flow)
    assert list(in_flow(next_flow)) == [participant.record_id]


@pytest.mark.parametrize("jump", [False, True])
def test_finish_hands_over_by_success(in_acme: Account, jump: bool) -> None:
    winners, others = on("wait 1 day"), on("wait 1 day")
    end = finish(success_flow=winners.pk, otherwise_flow=others.pk)
    flow = on({"update_record": {"city": "Oslo"}}, end, success=SUCCESS, jump_to_finish=jump)
    good, bad = make_contact(country="NO"), make_contact(country="SE")
    for person in (good, bad):
        make_participant(flow, person, step=steps_of(flow)[0])
    go(flow, winners, others)
    assert (list(in_flow(winners)), list(in_flow(others))) == ([good.pk], [bad.pk])


OFF: dict[str, Any] = {"status": FlowStatus.NOT_RUNNING}


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "enrolled"),
        ({"status": FlowStatus.PAUSED}, "enrolled"),
        (OFF, "not_running"),
        ({"filter": NORWAY}, "filtered"),
        ({"unenrolment": EVERY_RECORD}, "unenrolment"),
        ({"enrolment_ends_at": clock.now}, "enrolment_closed"),
    ],
)
def test_what_came_of_a_hand_over_is_known(in_acme: Account, fields: dict[str, Any], outcome: str) -> None:
    fields = {name: value() - timedelta(days=1) if callable(value) else value for name, value in fields.items()}
    target = make_flow(["wait 1 day"], **{"status": FlowStatus.RUNNING, **fields})
    flow = on(finish(otherwise_flow=target.pk))
    walks = [make_participant(flow, person, step=steps_of(flow)[0]) for person in make_contacts(3, country="SE")]
    walk(flow)
    assert {outcome for each in walks for outcome in outcomes(each)} == {"waiting"}
    go(flow, target)
    assert [outcomes(each) for each in walks] == [[outcome]] * 3
    (told,) = onward.of_walk(Participant.objects.get(pk=walks[0].pk))
    assert told.flow == target and told.outcome_text and told.outcome_text != told.outcome


def test_each_walk_is_told_its_own_outcome(in_acme: Account) -> None:
    target = on("wait 1 day", only_once=True)
    first, second = on(finish(otherwise_flow=target.pk)), on(finish(otherwise_flow=target.pk))
    person = make_contact()
    came = make_participant(first, person, step=steps_of(first)[0])
    go(first, target)
    late = make_participant(second, person, step=steps_of(second)[0])
    go(second, target)
    assert (outcomes(came), outcomes(late)) == (["enrolled"], ["already_active"])
    both = [make_participant(each, step=steps_of(each)[0]) for each in (first, second)]
    Participant.objects.filter(pk=both[1].pk).update(record_id=both[0].record_id)
    walk(first)
    walk(second)
    go(first, target)
    assert [outcomes(each) for each in both] == [["enrolled"], ["already_active"]], "also when they ask at once"


def test_whoever_is_dropped_with_a_flow_that_ends_is_told_so(in_acme: Account, owner: Actor) -> None:
    target = on("wait 1 day")
    flow = on(finish(otherwise_flow=target.pk))
    inside = make_participant(flow, step=steps_of(flow)[0])
    walk(flow)
    matching.match(in_acme.pk)
    Flow.objects.filter(pk=target.pk).update(status=FlowStatus.NOT_RUNNING)
    intake.drop(target.pk, limit=10)
    assert outcomes(inside) == ["flow_ended"] and not Intake.objects.exists()


def test_an_archived_record_and_one_that_is_erased_leave_nothing_behind(in_acme: Account) -> None:
    target = on("wait 1 day")
    flow = on(finish(otherwise_flow=target.pk))
    archived, erased = (make_participant(flow, step=steps_of(flow)[0]) for _ in range(2))
    walk(flow)
    Record.objects.filter(pk__in=[archived.record_id, erased.record_id]).update(archived_at=clock.now())
    matching.match(in_acme.pk)
    Event.objects.filter(record_id=erased.record_id).delete()
    go(flow, target)
    assert outcomes(archived) == ["not_found"]
    assert not Event.objects.filter(record_id=erased.record_id).exists()


def test_of_a_flow_of_somebody_elses_a_story_does_not_tell(in_acme: Account, owner: Actor) -> None:
    target = on("wait 1 day", name="Secret", visibility=Visibility.OWNER)
    flow = on(finish(otherwise_flow=target.pk))
    inside = make_participant(flow, step=steps_of(flow)[0])
    go(flow, target)
    assert list(in_flow(target)) == [inside.record_id]
    (told,) = onward.of_walk(Participant.objects.get(pk=inside.pk))
    assert (told.outcome, told.outcome_text) == ("", "") and "Secret" not in told.text
    with read_by(owner):
        assert outcomes(inside) == ["enrolled"]


def outcomes(participant: Participant) -> list[str]:
    """What a story knows of its hand-overs."""
    return [each.outcome for each in onward.of_walk(Participant.objects.get(pk=participant.pk))]


def test_the_other_flow_decides_by_its_own_rules(in_acme: Account) -> None:
    """A hand-over only asks: filter, only once, a flow that is off, one that has closed its doors."""
    for fields in (
        {"filter": NORWAY},
        {"unenrolment": EVERY_RECORD},
        {"enrolment_ends_at": clock.now() - timedelta(days=1)},
    ):
        target = on("wait 1 day", **fields)
        flow = on(finish(otherwise_flow=target.pk))
        make_participant(flow, make_contact(country="SE"), step=steps_of(flow)[0])
        go(flow, target)
        assert in_flow(target) == {}, fields
        assert check_counts(flow).finished == 1
    ended = make_flow(["wait 1 day"])
    flow = on(finish(otherwise_flow=ended.pk))
    make_participant(flow, step=steps_of(flow)[0])
    go(flow, ended)
    assert in_flow(ended) == {} and not Intake.objects.exists()


def test_a_paused_flow_queues_who_is_handed_over(in_acme: Account) -> None:
    target = on("wait 1 day")
    Flow.objects.filter(pk=target.pk).update(status=FlowStatus.PAUSED)
    flow = on(finish(otherwise_flow=target.pk))
    make_participant(flow, step=steps_of(flow)[0])
    go(flow, target)
    assert Participant.objects.get(flow=target).step_id is None


def test_a_target_that_is_gone_stops_nobody(in_acme: Account) -> None:
    flow = on(finish(otherwise_flow=10**9))
    make_participant(flow, step=steps_of(flow)[0])
    go(flow)
    assert check_counts(flow).finished == 1 and not Event.objects.exists()


def test_another_accounts_flow_is_no_target(in_acme: Account, globex: Account) -> None:
    with account_scope(globex.pk):
        theirs = make_flow(["wait 1 day"], status=FlowStatus.RUNNING)
    flow = on(finish(otherwise_flow=theirs.pk))
    make_participant(flow, step=steps_of(flow)[0])
    go(flow)
    event_for(flow, theirs)
    while matching.match(in_acme.pk):
        pass
    with account_scope(globex.pk):
        assert not Intake.objects.exists() and not Participant.objects.exists()


def event_for(flow: Flow, target: Flow) -> None:
    """A hand-over that a step wrote while it could."""
    events.listen(["flow_handed_over"])
    record = Record.objects.order_by("pk").first()
    assert record is not None
    events.record_events("flow_handed_over", [record.pk], {"flow": target.pk}, flow_id=flow.pk)


def test_a_circle_of_flows_is_cut_after_ten(in_acme: Account, caplog: pytest.LogCaptureFixture) -> None:
    first, second = on("finish", only_once=False), on("finish", only_once=False)
    for flow, target in ((first, second), (second, first)):
        end = steps_of(flow)[0]
        end.settings = {"otherwise_flow": target.pk}
        end.save()
        events.listen(hearing.heard_kinds(flow))
    person = make_participant(first, step=steps_of(first)[0]).record
    for _round in range(12):
        go(first, second)
    walks = Participant.objects.filter(record=person).order_by("depth")
    assert list(walks.values_list("depth", flat=True)) == list(range(11))
    assert "a chain of more than 10 flows was cut" in caplog.text


def test_one_event_asks_once_however_often_it_is_matched(in_acme: Account) -> None:
    target, flow = on("wait 1 day", only_once=False), on("finish")
    make_contact()
    event_for(flow, target)
    happened = list(Event.objects.all())
    assert intake.take_in(happened) == {target.pk} and intake.take_in(happened) == set()
    assert Intake.objects.get().depth == 1


def test_a_flow_never_leads_into_itself(in_acme: Account) -> None:
    flow = on("wait 1 day")
    make_contact()
    event_for(flow, flow)
    assert intake.take_in(list(Event.objects.all())) == set() and not Intake.objects.exists()


def test_who_is_enrolled_leaves_the_flows_that_are_named(in_acme: Account, owner: Actor) -> None:
    nurturing, other = on("wait 9 days"), on("wait 9 days")
    welcome = on("wait 1 day", leave_flows=[nurturing.pk])
    coming, staying = make_contacts(2)
    for flow in (nurturing, other):
        for person in (coming, staying):
            make_participant(flow, person, step=steps_of(flow)[0])
    assert enrolment.enrol_records(in_acme.pk, welcome.pk, [coming.pk], by=owner) == {coming.pk: "enrolled"}
    go(welcome, nurturing, other)
    assert in_flow(nurturing)[coming.pk][:2] == ("dropped_out", "added_to_flow")
    assert in_flow(nurturing)[staying.pk][0] == "active"
    assert {row[0] for row in in_flow(other).values()} == {"active"}
    check_counts(nurturing)


def test_a_paused_flow_is_left_when_it_is_resumed(in_acme: Account, owner: Actor) -> None:
    nurturing = on("wait 9 days")
    welcome = on("wait 1 day", leave_flows=[nurturing.pk])
    person = make_participant(nurturing, step=steps_of(nurturing)[0]).record
    Flow.objects.filter(pk=nurturing.pk).update(status=FlowStatus.PAUSED)
    enrolment.enrol_records(in_acme.pk, welcome.pk, [person.pk], by=owner)
    go(welcome, nurturing)
    assert in_flow(nurturing)[person.pk][0] == "active" and Intake.objects.get().wish == "leave"
    assert (in_acme.pk, nurturing.pk) not in flows_with_intake(), "nothing to do until it is resumed"
    Flow.objects.filter(pk=nurturing.pk).update(status=FlowStatus.RUNNING)
    assert (in_acme.pk, nurturing.pk) in flows_with_intake()
    go(welcome, nurturing)
    assert in_flow(nurturing)[person.pk][:2] == ("dropped_out", "added_to_flow")


def flows_with_intake() -> list[tuple[int, int]]:
    """What dispatch finds."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(FLOWS_WITH_INTAKE, {"now": clock.now()})
        return cursor.fetchall()


def test_who_comes_into_a_paused_flow_later_is_not_meant(in_acme: Account, owner: Actor) -> None:
    """Enrolled elsewhere, then here: the last word counts."""
    left = on("wait 1 day")
    into = on("wait 1 day", leave_flows=[left.pk])
    person = make_contact()
    Flow.objects.filter(pk=left.pk).update(status=FlowStatus.PAUSED)
    enrolment.enrol_records(in_acme.pk, into.pk, [person.pk], by=owner)
    go(into, left)
    assert not Intake.objects.exists()
    enrolment.enrol_records(in_acme.pk, left.pk, [person.pk], by=owner)
    Flow.objects.filter(pk=left.pk).update(status=FlowStatus.RUNNING)
    go(into, left)
    assert in_flow(left) == {person.pk: ("active", "", "by_hand")}


def test_who_leaves_a_paused_flow_and_comes_again_is_not_meant_either(in_acme: Account, owner: Actor) -> None:
    left = on("wait 1 day", only_once=False)
    into = on("wait 1 day", leave_flows=[left.pk])
    first = make_participant(left, step=steps_of(left)[0])
    Flow.objects.filter(pk=left.pk).update(status=FlowStatus.PAUSED)
    enrolment.enrol_records(in_acme.pk, into.pk, [first.record_id], by=owner)
    go(into, left)
    assert Intake.objects.get().participant_id == first.pk
    commands.leave(in_acme.pk, first.pk, by=owner)
    enrolment.enrol_records(in_acme.pk, left.pk, [first.record_id], by=owner)
    Flow.objects.filter(pk=left.pk).update(status=FlowStatus.RUNNING)
    go(into, left)
    ends = list(Participant.objects.filter(flow=left).order_by("pk").values_list("status", "reason"))
    assert ends == [("dropped_out", "left_by_hand"), ("active", "")] and not Intake.objects.exists()


def test_walks_are_told_only_while_something_listens(in_acme: Account, owner: Actor) -> None:
    flow = on("finish")
    first, second = make_contacts(2)
    enrolment.enrol_records(in_acme.pk, flow.pk, [first.pk], by=owner)
    walk(flow)
    assert not Event.objects.exists()
    events.listen(["flow_enrolled", "flow_finished"])
    enrolment.enrol_records(in_acme.pk, flow.pk, [second.pk], by=owner)
    walk(flow)
    told = list(Event.objects.order_by("pk").values_list("record_id", "kind", "flow_id"))
    assert told == [(second.pk, "flow_enrolled", flow.pk), (second.pk, "flow_finished", flow.pk)]
    assert EventPending.objects.count() == 2
    assert Event.objects.first().detail["flow"] == flow.pk


@pytest.mark.parametrize(
    ("how", "kind"),
    [("drop_out", "flow_dropped_out"), ("succeed", "flow_finished_with_success"), ("cancel", "flow_cancelled")],
)
def test_every_end_of_a_walk_has_its_event(in_acme: Account, how: str, kind: str) -> None:
    flow = on("finish", success=[{"name": "All", "criteria": EVERY_RECORD}] if how == "succeed" else [])
    events.listen([kind])
    participant = make_participant(flow, step=steps_of(flow)[0])
    if how == "drop_out":
        Record.objects.update(former_employee=True)
        walk(flow)
    elif how == "succeed":
        walk(flow)
    else:
        Flow.objects.update(status=FlowStatus.NOT_RUNNING)
        while ending.finish(in_acme.pk, flow.pk):
            pass
    event = Event.objects.get()
    assert (event.kind, event.detail["participant"]) == (kind, participant.pk)
