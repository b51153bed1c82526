"""An event whose consequences fail holds up no other: it is set aside, tried again, and given up after days."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Account
from flows.models import Flow
from participants import hearing, onward
from participants.halving import MOST_IN_A_ROW
from participants.models import Intake, Participant
from records import events
from records.models import Event, EventPending
from scheduling import clock
from tests.make import make_contacts, make_flow, make_list, make_participant, steps_of
from tests.walking import walk
from triggers import matching, setting_aside, tasks
from triggers.models import EventSetAside

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow(in_acme: Account) -> Flow:
    """Three people wait for an event."""
    step = {"kind": "wait_for_event", "settings": {"events": [{"event": "custom.a", "detail": {}}]}}
    flow = make_flow([step], status="running")
    events.listen([*hearing.heard_kinds(flow), "flow_handed_over"])
    for person in make_contacts(3):
        make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    assert woken() == 0
    return flow


def woken() -> int:
    """How many are due."""
    return Participant.objects.filter(due_at__lte=clock.now()).count()


def malformed(n: int = 1) -> None:
    """Events that the database cannot make an intake of."""
    person = Participant.objects.order_by("pk").values_list("record_id", flat=True)[0]
    for _ in range(n):
        events.record_events("flow_handed_over", [person], {"flow": "ola@example.com"}, flow_id=99)


def happen() -> None:
    """What everybody waits for."""
    events.record_events("custom.a", list(Participant.objects.values_list("record_id", flat=True)))


def match(account: Account) -> None:
    """As the worker does."""
    while matching.match(account.pk):
        pass


def test_the_others_have_their_consequences(in_acme: Account, flow: Flow, caplog: pytest.LogCaptureFixture) -> None:
    malformed()
    happen()
    match(in_acme)
    assert woken() == 3 and not EventPending.objects.exists()
    event = Event.objects.get(kind="flow_handed_over")
    aside = EventSetAside.objects.get()
    assert (aside.event_id, aside.failures) == (event.pk, 1)
    assert aside.retry_at and aside.retry_at - clock.now() < timedelta(seconds=11)
    line = f"account {in_acme.pk} event {event.pk} (flow_handed_over) is set aside: DataError 22P02 at participants/"
    assert line in caplog.text and "take_in" in caplog.text and "example.com" not in caplog.text


def test_a_detail_that_no_code_can_read_is_set_aside_too(in_acme: Account, flow: Flow) -> None:
    """A list of lists is no id of a list."""
    Flow.objects.update(unenrolment={"list": make_list().pk, "operator": "in"})
    events.listen(["list_joined"])
    person = Participant.objects.values_list("record_id", flat=True)[0]
    events.record_events("list_joined", [person], {"list": [[1]]})
    match(in_acme)
    assert EventSetAside.objects.count() == 1
    happen()
    match(in_acme)
    assert woken() == 3


def test_it_is_tried_again_and_has_its_consequences_when_it_is_mended(in_acme: Account, flow: Flow) -> None:
    malformed()
    match(in_acme)
    clock.forward(timedelta(seconds=11))
    match(in_acme)
    assert EventSetAside.objects.get().failures == 2 and not EventPending.objects.exists()
    target = make_flow(["wait 1 day"], status="running")
    Event.objects.filter(kind="flow_handed_over").update(detail={"flow": target.pk})
    match(in_acme)
    assert EventSetAside.objects.exists(), "before its time"
    assert tasks.accounts_with_events() == []
    clock.forward(timedelta(minutes=2))
    assert tasks.accounts_with_events() == [in_acme.pk]
    match(in_acme)
    assert not EventSetAside.objects.exists() and not EventPending.objects.exists()
    assert Intake.objects.get().flow_id == target.pk


def test_it_is_given_up_after_days_and_says_so(in_acme: Account, flow: Flow, caplog: pytest.LogCaptureFixture) -> None:
    malformed()
    match(in_acme)
    for _ in range(6):
        clock.forward(timedelta(hours=10))
        match(in_acme)
    assert EventSetAside.objects.get().failures == 7, "two and a half days: what failed may yet be mended"
    clock.forward(setting_aside.PATIENCE)
    match(in_acme)
    assert not EventSetAside.objects.exists() and not EventPending.objects.exists()
    assert caplog.text.count("is given up: DataError") == 1


def test_the_story_of_a_hand_over_says_that_it_waits_and_in_the_end_that_nothing_came_of_it(in_acme: Account) -> None:
    target = make_flow(["wait 1 day"], status="running")
    end = {"kind": "finish", "settings": {"otherwise_flow": target.pk}}
    flow = make_flow([end], status="running")
    events.listen(hearing.heard_kinds(flow))
    walk_of_one = make_participant(flow, step=steps_of(flow)[0])
    walk(flow)
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute(
            """create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
               create trigger broken before insert on participants_intake for each row execute function broken()"""
        )

    def told() -> list[str]:
        return [each.outcome_text for each in onward.of_walk(Participant.objects.get(pk=walk_of_one.pk))]

    match(in_acme)
    assert EventSetAside.objects.exists() and not EventPending.objects.exists()
    assert told() == ["Not answered yet"]
    clock.forward(setting_aside.PATIENCE + timedelta(hours=1))
    match(in_acme)
    assert not EventSetAside.objects.exists() and not EventPending.objects.exists()
    assert told() == ["Did not come in: Could not be enrolled, tried again and again"]


def test_an_event_that_is_gone_meanwhile_is_forgotten(in_acme: Account, flow: Flow) -> None:
    malformed()
    match(in_acme)
    Event.objects.filter(kind="flow_handed_over").delete()
    clock.forward(timedelta(hours=1))
    match(in_acme)
    assert not EventSetAside.objects.exists() and not EventPending.objects.exists()


def test_an_event_that_is_erased_while_it_is_pending_again_is_forgotten(in_acme: Account, flow: Flow) -> None:
    malformed()
    match(in_acme)
    clock.forward(timedelta(hours=1))
    setting_aside.put_back()  # and the worker is killed
    EventPending.objects.all().delete()
    Event.objects.filter(kind="flow_handed_over").delete()
    assert tasks.accounts_with_events() == [in_acme.pk]
    match(in_acme)
    assert not EventSetAside.objects.exists() and tasks.accounts_with_events() == []


def test_many_malformed_ones_before_the_others_hold_them_up_for_some_turns_only(in_acme: Account, flow: Flow) -> None:
    malformed(60)
    happen()
    turns = 0
    while woken() < 3:
        matching.match(in_acme.pk)
        clock.forward(timedelta(seconds=11))
        turns += 1
    assert turns <= 60 / setting_aside.MOST_BACK + 2


def test_an_event_that_two_matchers_find_fails_once(in_acme: Account, flow: Flow) -> None:
    malformed()
    event = Event.objects.get(kind="flow_handed_over")
    for _ in range(2):
        setting_aside.set_aside({event.pk: "ValueError"}, [])
    assert EventSetAside.objects.get().failures == 1


def test_when_one_after_the_other_fails_the_rest_is_put_off_too_and_only_those_tried_count(
    in_acme: Account, flow: Flow
) -> None:
    """Otherwise whatever happens after thousands of them would wait for hours."""
    malformed(60)
    assert matching.match(in_acme.pk) is False
    assert not EventPending.objects.exists()
    assert EventSetAside.objects.filter(failures=1).count() == MOST_IN_A_ROW
    assert EventSetAside.objects.filter(failures=0, retry_at__gt=clock.now()).count() == 60 - MOST_IN_A_ROW


def test_many_whose_time_has_come_together_keep_nobody_waiting(in_acme: Account, flow: Flow) -> None:
    malformed(200)
    moment = clock.now()
    EventPending.objects.all().delete()
    EventSetAside.objects.bulk_create(
        EventSetAside(event_id=event_id, failures=4, retry_at=moment, set_aside_at=moment)
        for event_id in Event.objects.filter(kind="flow_handed_over").values_list("pk", flat=True)
    )
    happen()
    matching.match(in_acme.pk)
    assert woken() == 3
    assert EventSetAside.objects.filter(failures=5).count() == setting_aside.MOST_BACK
    Event.objects.filter(kind="flow_handed_over").update(detail={"flow": flow.pk})
    clock.forward(timedelta(hours=1))
    match(in_acme)
    assert not EventSetAside.objects.exists(), "once they are mended they have their consequences one after the other"


@pytest.mark.parametrize("code", ["40P01", "40001", "57P01"])
def test_a_clash_or_a_lost_connection_sets_nothing_aside(in_acme: Account, flow: Flow, code: str) -> None:
    happen()
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute(
            f"""create function clash() returns trigger language plpgsql as $$
                begin raise exception 'as in a clash' using errcode = '{code}'; end $$;
                create trigger clash before update on participants_participant for each row execute function clash()"""
        )
    with pytest.raises(Exception, match="as in a clash"):
        matching.match(in_acme.pk)
    assert EventPending.objects.count() == 3 and not EventSetAside.objects.exists()
