"""The story of one walk, and what may be done to it: leaving, erasing, enrolling by hand."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from messaging import lifecycle as messages
from messaging.models import Message, MessageStatus, Suppression
from participants import hearing, intake
from participants.models import Intake, Participant, ParticipantStatus, StepLog
from records import events
from records.models import List, Record
from scheduling import clock
from scheduling.clock import now
from tests.make import make_contact, make_contacts, make_content, make_flow, make_list, make_participant, steps_of
from tests.walking import walk
from tests.web.conftest import Browsers
from triggers import matching

DRAWER = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "asks"}
IN_NORWAY = {"property": "country", "operator": "eq", "value": "Norway"}


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A letter, a wait, a split."""
    with account_scope(acme.pk):
        events.listen(["message_handed_over"])
        return make_flow(
            [{"send_email": make_content("Hello there")}, "wait 3 days", {"split": [(IN_NORWAY, ["wait 1 days"])]}],
            status=FlowStatus.RUNNING,
            success=[{"name": "Moved to Norway", "criteria": {"property": "city", "operator": "eq", "value": "Oslo"}}],
        )


def story(client: Client, participant: Participant, **headers: str) -> str:
    """The text of somebody's story."""
    address = f"/acme/flows/{participant.flow_id}/participants/{participant.pk}/"
    answer = client.get(address, **headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_waits_for_events_chance_exits_and_hand_overs_are_told(member: Client, acme: Account) -> None:
    awaited = {"event": "custom.order_placed", "detail": {}}
    with account_scope(acme.pk):
        onward = make_flow(["wait 1 day"], name="Winback", status=FlowStatus.RUNNING)
        wait = {"events": [awaited], "amount": 7, "unit": "days"}
        flow = make_flow(
            [
                {"kind": "wait_for_event", "settings": wait},
                {"random_split": [(1, []), (0, [])]},
                {"kind": "wait_for_event", "settings": {**wait, "exit": True, "exit_flow": onward.pk}},
            ],
            name="Nurturing",
            status=FlowStatus.RUNNING,
        )
        events.listen(hearing.heard_kinds(flow))
        inside, slow = (make_participant(flow, step=steps_of(flow)[0]) for _each in range(2))
    try:
        walk(flow)
        assert "Waits for: Order placed, at most 7 days" in story(member, inside)
        with account_scope(acme.pk):
            events.record_events("custom.order_placed", [inside.record_id])
        matching.match(acme.pk)
        clock.forward(timedelta(minutes=1))
        walk(flow)
        clock.forward(timedelta(days=8))
        walk(flow)
        matching.match(acme.pk)
        intake.drain(acme.pk, onward.pk)
        told = story(member, inside)
        assert "Waits for: Order placed" in story(member, slow) and "went on" in story(member, slow)
    finally:
        clock.reset()
    lines = [
        "Asked to go on in the flow “Winback”",
        "Exit after the maximum waiting time",
        "Took the branch “Branch 1”",
        "Waited until: Order placed",
        "Enrolled by hand",
    ]
    places = [told.rfind(line) for line in lines]
    assert places == sorted(places) and -1 not in places, "newest first"
    with account_scope(acme.pk):
        there = Participant.objects.get(flow=onward)
    assert "Handed over by the flow “Nurturing”" in story(member, there)


def test_a_refused_hand_over_is_told_with_the_reason(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        closed = make_flow(["wait 1 day"], name="Winback", status=FlowStatus.RUNNING, filter=IN_NORWAY)
        off = make_flow(["wait 1 day"], name="Sleeping")
        end = {"kind": "finish", "settings": {"otherwise_flow": closed.pk, "success_flow": off.pk}}
        in_oslo = {"property": "city", "operator": "eq", "value": "Oslo"}
        flow = make_flow([end], status=FlowStatus.RUNNING, success=[{"name": "In Oslo", "criteria": in_oslo}])
        events.listen(hearing.heard_kinds(flow))
        plain, happy = (
            make_participant(flow, make_contact(city=city), step=steps_of(flow)[0]) for city in ("Moss", "Oslo")
        )
    walk(flow)
    told = story(member, plain)
    assert "Asked to go on in the flow “Winback”" in told and "Not answered yet" in told
    matching.match(acme.pk)
    intake.drain(acme.pk, closed.pk)
    told = story(member, plain)
    assert "Asked to go on in the flow “Winback”" in told and "Handed over" not in told
    assert "Did not come in: Does not meet the flow&#x27;s filter" in told
    told = story(member, happy)
    assert "Asked to go on in the flow “Sleeping”" in told and "Did not come in: The flow was not running" in told
    timeline = member.get(f"/acme/records/{plain.record_id}/").content.decode()
    assert "Not taken in by another flow" in timeline and "Does not meet the flow&#x27;s filter" in timeline


def test_what_was_done_is_told_as_it_was_done_whatever_the_steps_say_now(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        first, other = make_list("Spring"), make_list("Autumn")
        flow = make_flow(
            [
                "wait 2 days",
                {"update_record": {"city": "Oslo", "first_name": None}},
                "wait 90 minutes",
                {"add_to_list": first},
                "wait 1 day",
                {"update_record": {"city": "Oslo"}},
            ],
            status=FlowStatus.RUNNING,
        )
        inside = make_participant(flow, make_contact(city="Moss", first_name="Kari"), step=steps_of(flow)[0])
    try:
        walk(flow)
        for length in (timedelta(days=2), timedelta(minutes=91), timedelta(days=1, hours=3)):
            clock.forward(length)
            walk(flow)
        with account_scope(acme.pk):
            edits = ({"amount": 9, "unit": "weeks"}, {"values": {"city": "Narvik"}}, None, {"list": other.pk})
            for step, settings in zip(steps_of(flow), edits, strict=False):
                step.settings = settings or step.settings
                step.save()
        told = story(member, inside)
    finally:
        clock.reset()
    assert "Waited 2 days" in told and "Waited 1 hour, 31 minutes" in told and "Waited 1 day, 3 hours" in told
    assert "Update record: City = Oslo, First name = –" in told and "Add to list: Spring" in told
    assert told.count("City = Oslo") == 1, "the second update changed nothing, so it tells of no value"
    assert "9 weeks" not in told and "Narvik" not in told and "Autumn" not in told


def test_a_story_tells_why_an_address_gets_no_more_messages(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        gone = Suppression.objects.create(address="kari@example.com", reason="bounced")
        inside = make_participant(flow, make_contact("kari@example.com"), step=steps_of(flow)[0])
    walk(flow)
    assert "The address gets no more messages: one came back · " in story(member, inside)
    with account_scope(acme.pk):
        gone.delete()
    assert "The address gets no more messages · " in story(member, inside), "taken back meanwhile"


def hand_over(account: Account) -> None:
    """What is queued leaves."""
    with account_scope(account.pk):
        messages.move_many("take", "true", {})
        for message in Message.objects.filter(
            pk__in=messages.move_many("send", "true", {"at": now()}, also="sent_at = %(at)s")
        ):
            messages.record("message_handed_over", message)
    matching.match(account.pk)


def test_a_story_reads_like_one(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        kari = make_contact("kari@example.com", first_name="Kari", country="Norway")
        inside = make_participant(flow, kari, step=steps_of(flow)[0])
    try:
        walk(flow)
        assert "Waits until “Hello there” has left" in story(member, inside)
        hand_over(acme)
        walk(flow)
        waiting = story(member, inside, **DRAWER)
        assert "until" in waiting and "Then: Split: 2 branches" in waiting
        clock.forward(timedelta(days=3))
        walk(flow)
        clock.forward(timedelta(days=1))
        walk(flow)
    finally:
        clock.reset()
    told = story(member, inside)
    lines = [
        "Finished",
        "Waited 1 day",
        "Took the branch “Branch 1”",
        "Waited 3 days",
        "Hello there",
        "Enrolled by hand",
    ]
    assert [told.index(line) for line in lines] == sorted(told.index(line) for line in lines), "newest first"
    assert "To kari@example.com." in told


def test_success_and_an_early_end_are_told(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        happy = make_participant(flow, make_contact(city="Oslo"), step=steps_of(flow)[1])
        silent = make_participant(flow, make_contact(consent=False), step=steps_of(flow)[0])
    walk(flow)
    clock.forward(timedelta(days=5))
    walk(flow)
    clock.reset()
    assert "Finished with success by “Moved to Norway”" in story(member, happy) and "Finished" in story(member, happy)
    assert "Left the flow" in story(member, silent) and "No consent to marketing" in story(member, silent)


def test_a_paused_flow_and_its_queue_say_that_nobody_moves(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], status=FlowStatus.PAUSED)
        queued = make_participant(flow)
    told = story(member, queued)
    assert "Waits in the queue" in told and "The flow is paused: nobody moves" in told


def test_what_is_gone_is_called_gone(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        inside = make_participant(flow, step=steps_of(flow)[1], hop=3)
        for hop, outcome in enumerate(("continued", "continued")):
            StepLog.objects.create(
                participant_id=inside.pk, hop=hop, flow_id=flow.pk, step_id=999_999 * hop, outcome=outcome, at=now()
            )
        Record.objects.filter(pk=inside.record_id).delete()
    told = story(member, inside)
    assert "Passed a step that is gone" in told and "Left the queue" in told and "Deleted record" in told


def test_clicks_in_the_walks_own_messages_are_told(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        inside = make_participant(flow, step=steps_of(flow)[1], hop=1)
        message = Message.objects.create(
            outbox=flow.outbox,
            origin_key=f"participant:{inside.pk}:0",
            record=inside.record,
            content=make_content("Letter"),
            flow_id=flow.pk,
            status=MessageStatus.SENT,
        )
        messages.record("link_clicked", message, url="https://example.com/winter")
    assert "https://example.com/winter" in story(member, inside)


def test_a_drawer_is_a_dialog_and_the_page_stands_alone(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        inside = make_participant(flow, step=steps_of(flow)[0])
        other = make_flow(["wait 2 days"])
    assert story(member, inside, **DRAWER).lstrip().startswith("<dialog")
    assert "<html" in story(member, inside)
    assert member.get(f"/acme/flows/{other.pk}/participants/{inside.pk}/").status_code == 404


def test_a_long_story_takes_as_many_queries_as_a_short_one(member: Client, acme: Account, flow: Flow) -> None:
    used = []
    with account_scope(acme.pk):
        inside = make_participant(flow, step=steps_of(flow)[1], hop=50)
    for hops in (range(2), range(2, 40)):
        with account_scope(acme.pk):
            for hop in hops:
                StepLog.objects.create(
                    participant_id=inside.pk,
                    hop=hop,
                    flow_id=flow.pk,
                    step_id=steps_of(flow)[hop % 3].pk,
                    outcome="continued",
                    at=now(),
                )
        story(member, inside)
        with CaptureQueriesContext(connection) as queries:
            story(member, inside)
        used.append(len(queries))
    assert used[0] == used[1] < 50


# --- Leave and erase --------------------------------------------------------------------------------------


def test_somebody_is_let_go_and_the_story_stays(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        inside = make_participant(flow, make_contact(first_name="Kari"), step=steps_of(flow)[0])
    address = f"/acme/flows/{flow.pk}/participants/{inside.pk}/leave/"
    assert "Let Kari leave the flow?" in member.get(address, **DRAWER).content.decode()
    assert member.post(address)["Location"] == f"/acme/flows/{flow.pk}/participants/"
    assert "Taken out by a member" in story(member, inside)
    assert member.post(address).status_code == 409


def test_somebody_is_erased_without_a_trace(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        inside = make_participant(flow, make_contact(first_name="Kari"), step=steps_of(flow)[0])
    address = f"/acme/flows/{flow.pk}/participants/{inside.pk}/erase/"
    assert "Erase 1 person" in member.get(address).content.decode()
    assert member.post(address).status_code == 302
    with account_scope(acme.pk):
        assert not Participant.objects.exists()
    assert member.post(address).status_code == 404


def test_a_marketer_lets_go_but_does_not_erase_and_a_viewer_neither(
    acme: Account, browser_of: Browsers, flow: Flow
) -> None:
    with account_scope(acme.pk):
        inside = make_participant(flow, step=steps_of(flow)[0])
    base = f"/acme/flows/{flow.pk}/participants/{inside.pk}"
    viewer, marketer = browser_of(acme, Role.VIEWER), browser_of(acme, Role.MARKETER)
    assert viewer.post(f"{base}/leave/").status_code == 403 and viewer.post(f"{base}/erase/").status_code == 403
    menus = {who: who.get(f"{base}/menu/").content.decode() for who in (viewer, marketer)}
    assert f"{base}/leave/" not in menus[viewer] and f'hx-get="{base}/leave/"' in menus[marketer]
    assert "Open the record" in menus[viewer] and f'hx-get="{base}/erase/"' not in menus[marketer]
    assert f"{base}/leave/" not in story(viewer, inside) and "You need the role marketer" in story(viewer, inside)
    assert marketer.post(f"{base}/erase/").status_code == 403 and f"{base}/erase/" not in story(marketer, inside)
    assert marketer.post(f"{base}/leave/").status_code == 302


# --- By hand ----------------------------------------------------------------------------------------------


def test_records_are_found_ticked_and_enrolled_one_by_one(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        new, inside = make_contact(first_name="Kari"), make_contact(first_name="Karin")
        make_participant(flow, inside, step=steps_of(flow)[0])
        make_contact(first_name="Ola")
    address = f"/acme/flows/{flow.pk}/participants/enrol/"
    found = member.get(f"{address}?search=kari")
    assert {record.pk for record in found.context["found"]} == {new.pk, inside.pk}
    told = member.post(address, {"record": [new.pk, inside.pk, 10**18, "x"]})
    assert sorted((each["n"], each["outcome"]) for each in told.context["counted"]) == [
        (1, "already_active"),
        (1, "enrolled"),
        (1, "not_found"),
    ]
    assert "Already in the flow" in told.content.decode()
    with account_scope(acme.pk):
        assert Participant.objects.filter(record=new, status=ParticipantStatus.ACTIVE, cause="by_hand").exists()


def test_a_list_is_enrolled_in_the_background(member: Client, acme: Account, flow: Flow, stranger: Client) -> None:
    with account_scope(acme.pk):
        chosen = make_list("Regulars", make_contacts(3))
    address = f"/acme/flows/{flow.pk}/participants/enrol/"
    assert "Regulars" in member.get(address).content.decode()
    of_list = f"{address}list/?list={chosen.pk}"
    assert "3 records are on the list." in member.get(of_list).content.decode()
    with account_scope(acme.pk):
        assert not Intake.objects.exists(), "it only asks"
    answer = member.post(of_list, follow=True)
    assert "3 records of the list are being enrolled." in answer.content.decode()
    assert "under way" in answer.content.decode()
    with account_scope(acme.pk):
        Record.objects.filter(pk=Intake.objects.first().record_id).update(archived_at=now())
    intake.drain(acme.pk, flow.pk)
    live = member.get(address, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="live").content.decode()
    assert ">Regulars</a>" in live and "under way" not in live and "1 no such record" in live
    with account_scope(acme.pk):
        assert Participant.objects.count() == 2
        List.objects.all().delete()
    assert member.post(of_list).status_code == 404 and member.get(f"{address}list/").status_code == 422
    assert stranger.post(of_list).status_code == 404


def test_a_flow_that_is_off_takes_nobody_and_says_so(member: Client, acme: Account, browser_of: Browsers) -> None:
    with account_scope(acme.pk):
        still, record = make_flow(["wait 2 days"]), make_contact()
    address = f"/acme/flows/{still.pk}/participants/enrol/"
    assert "it takes nobody while it is not running" in member.get(address).content.decode()
    assert member.post(address, {"record": record.pk}).status_code == 409
    assert browser_of(acme, Role.VIEWER).post(address, {"record": record.pk}).status_code == 403
