"""Wait for event: what ends the wait, what counts as having happened, and what becomes of those it never does for."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Step
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from messaging import lifecycle as messages
from messaging.models import Message
from participants import hearing
from participants.models import Participant, StepLog
from records import events
from records.models import EventPending, Record
from scheduling import clock
from tests.make import make_contact, make_content, make_flow, make_list, make_participant, steps_of
from tests.walking import check_counts, walk
from triggers import matching

pytestmark = pytest.mark.django_db
ORDER = "custom.order_placed"


def waiting(*awaited: dict[str, Any], before: list[Any] | None = None, **settings: Any) -> Flow:
    """A running flow that waits for one of these events, and listens to them as a started one does."""
    step = {
        "kind": "wait_for_event",
        "settings": {"events": list(awaited), "amount": 7, "unit": "days", **settings},
    }
    flow = make_flow([*(before or []), step], status=FlowStatus.RUNNING)
    events.listen(hearing.heard_kinds(flow))
    return flow


def enter(flow: Flow, person: Record | None = None) -> Participant:
    """Somebody who has come to the first step and been looked at."""
    participant = make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    return participant


def happen(kind: str, record: Record, detail: dict[str, Any] | None = None, **about: Any) -> None:
    """An event, and what follows from it."""
    events.record_events(kind, [record.pk], detail or {}, **about)
    while matching.match(record.account_id):
        pass


def awaited(kind: str = ORDER, **detail: Any) -> dict[str, Any]:
    """An event to wait for."""
    return {"event": kind, "detail": detail}


def test_one_of_several_events_ends_the_wait(in_acme: Account) -> None:
    flow = waiting(awaited(ORDER), awaited("custom.called"))
    participant, other = enter(flow), enter(flow)
    happen("custom.called", participant.record)
    walk(flow)
    participant.refresh_from_db()
    assert participant.status == "finished"
    assert StepLog.objects.filter(participant_id=participant.pk, hop=0).values_list("reason", flat=True).get() == (
        "custom.called"
    )
    other.refresh_from_db()
    assert (other.status, other.hop, other.due_at) == ("active", 0, other.wait_until)
    check_counts(flow)


def test_an_event_without_the_awaited_detail_changes_nothing(in_acme: Account) -> None:
    flow = waiting(awaited(ORDER, shop="oslo"))
    participant = enter(flow)
    until = Participant.objects.get().wait_until
    happen(ORDER, participant.record, {"shop": "bergen"})
    assert Participant.objects.get().due_at < until, "woken, to be looked at"
    walk(flow)
    participant.refresh_from_db()
    assert (participant.hop, participant.due_at, participant.wait_until) == (0, until, until)
    assert not StepLog.objects.exists()
    happen(ORDER, participant.record, {"shop": "oslo", "amount": 12})
    walk(flow)
    assert Participant.objects.get().status == "finished"


def test_what_happened_before_the_step_does_not_count(in_acme: Account) -> None:
    flow, person = waiting(awaited(ORDER)), make_contact()
    happen(ORDER, person)
    clock.forward(timedelta(minutes=1))
    enter(flow, person)
    assert Participant.objects.get().status == "active"


def test_what_the_flow_does_itself_does_not_count(in_acme: Account) -> None:
    flow = waiting(awaited("record_updated"), before=[{"update_record": {"city": "Oslo"}}])
    participant = enter(flow, make_contact(city="Bergen"))
    while matching.match(in_acme.pk):
        pass
    walk(flow)
    assert Participant.objects.get().hop == 1
    happen("record_updated", participant.record, {"changes": {"city": ["Oslo", "Bergen"]}})
    walk(flow)
    assert Participant.objects.get().status == "finished"


def test_what_happens_during_a_pause_counts(in_acme: Account) -> None:
    flow = waiting(awaited(ORDER))
    participant = enter(flow)
    Flow.objects.update(status=FlowStatus.PAUSED)
    happen(ORDER, participant.record)
    walk(flow)
    assert Participant.objects.get().hop == 0
    Flow.objects.update(status=FlowStatus.RUNNING)
    clock.forward(timedelta(days=30))
    walk(flow)
    assert StepLog.objects.get(hop=0).reason == ORDER, "it came in time, though the look was late"


def test_a_click_in_a_message_of_this_walk_counts_from_its_hand_over(in_acme: Account) -> None:
    flow = waiting(awaited("link_clicked"), before=["send_email", "wait 1 day"])
    participant, stranger = enter(flow), enter(flow)
    for message in Message.objects.order_by("pk"):
        messages.move_many("take", "m.id = %(id)s", {"id": message.pk})
        messages.move_many("send", "m.id = %(id)s", {"id": message.pk})
    Participant.objects.update(due_at=clock.now())
    walk(flow)
    own = Message.objects.get(record_id=participant.record_id)
    messages.record("link_clicked", own, url="https://example.com/")
    events.record_events("link_clicked", [stranger.record_id], {"url": "https://example.com/"})
    clock.forward(timedelta(days=2))
    walk(flow)
    walked = dict(Participant.objects.values_list("pk", "status"))
    assert walked == {participant.pk: "finished", stranger.pk: "active"}


@pytest.mark.parametrize("is_exit", [False, True])
def test_whose_time_is_over_goes_on_or_exits(in_acme: Account, is_exit: bool) -> None:
    chosen = make_list("Silent")
    flow = waiting(awaited(ORDER), **({"exit": True, "exit_list": chosen.pk} if is_exit else {}))
    enter(flow)
    clock.forward(timedelta(days=6))
    walk(flow)
    assert Participant.objects.get().hop == 0
    clock.forward(timedelta(days=2))
    walk(flow)
    participant = Participant.objects.get()
    if is_exit:
        assert (participant.status, participant.reason) == ("dropped_out", "exit_after_max_waiting_time")
    else:
        assert (participant.status, participant.reason) == ("finished", "")
        assert StepLog.objects.get(hop=0).reason == "max_waiting_time"
    assert chosen.entries.count() == is_exit
    check_counts(flow)


def test_an_event_after_the_time_is_over_comes_too_late(in_acme: Account) -> None:
    flow = waiting(awaited(ORDER))
    participant = enter(flow)
    clock.forward(timedelta(days=8))
    happen(ORDER, participant.record)
    walk(flow)
    assert StepLog.objects.get(hop=0).reason == "max_waiting_time"


def test_without_a_maximum_they_wait_for_ever(in_acme: Account) -> None:
    flow = waiting(awaited(ORDER), amount=None)
    participant = enter(flow)
    participant.refresh_from_db()
    assert (participant.wait_until, participant.due_at) == (None, None)
    happen(ORDER, participant.record)
    walk(flow)
    assert Participant.objects.get().status == "finished"
    assert not EventPending.objects.exists()


def test_another_accounts_event_wakes_nobody(in_acme: Account, globex: Account) -> None:
    flow = waiting(awaited(ORDER))
    participant = enter(flow)
    until = Participant.objects.get().due_at
    with account_scope(globex.pk):
        events.listen([ORDER])
        events.record_events(ORDER, [participant.record_id])
    matching.match(globex.pk)
    assert Participant.objects.get().due_at == until


def lacks_of(flow: Flow) -> list[tuple[str, str, bool]]:
    """Code, field and whether it is only a warning."""
    step = steps_of(flow, "wait_for_event")[0]
    found = KINDS["wait_for_event"].lacks(step, Path.of(flow))
    return [(lack.code, lack.field, lack.is_warning) for lack in found]


def test_it_says_what_is_missing(in_acme: Account) -> None:
    assert lacks_of(waiting(amount=None)) == [
        ("wait_without_event", "events", False),
        ("wait_without_maximum", "amount", True),
    ]
    content, chosen, other = make_content(), make_list(), make_flow(status="running")
    flow = waiting(
        awaited("link_clicked", content_id=content.pk),
        awaited("list_joined", list=chosen.pk),
        exit=True,
        exit_flow=other.pk,
    )
    assert lacks_of(flow) == []
    other.status = "not_running"
    other.save()
    assert lacks_of(flow) == [("hand_over_target_not_running", "exit_flow", True)]
    content.delete()
    chosen.delete()
    other.delete()
    assert lacks_of(flow) == [
        ("flow_is_gone", "exit_flow", False),
        ("event_is_gone", "events.0.detail.content_id", False),
        ("event_is_gone", "events.1.detail.list", False),
    ]


def test_its_card_tells_what_it_waits_for(in_acme: Account) -> None:
    content = make_content("Welcome")
    flow = waiting(awaited("link_clicked", content_id=content.pk), awaited(ORDER))
    step = steps_of(flow, "wait_for_event")[0]
    said = KINDS["wait_for_event"].summary(step, Path.of(flow))
    assert said == "Link clicked in “Welcome” or Order placed, at most 7 days"
    assert KINDS["wait_for_event"].summary(Step(flow=flow, settings={}), Path.of(flow)) == "No event chosen"


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ({"events": "click"}, {"events"}),
        ({"events": [7]}, {"events.0"}),
        ({"events": [{"event": "two words"}]}, {"events.0.event"}),
        ({"events": [{"event": ORDER, "detail": {"a": None}}]}, {"events.0.detail.a"}),
        ({"events": [{"event": "link_clicked", "detail": {"content_id": 10**9}}]}, {"events.0.detail.content_id"}),
        ({"events": [{"event": "list_joined", "detail": {"list": 10**9}}]}, {"events.0.detail.list"}),
        ({"amount": 0}, {"amount"}),
        ({"unit": "moons"}, {"unit"}),
        ({"exit": "yes"}, {"exit"}),
        ({"exit": True, "exit_flow": 10**9, "exit_list": "x"}, {"exit_flow", "exit_list"}),
        ({"speed": 1}, {"speed"}),
    ],
)
def test_wrong_settings_are_refused_at_their_place(
    in_acme: Account, settings: dict[str, Any], places: set[str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        KINDS["wait_for_event"].clean(settings, flow=make_flow())
    assert set(refused.value.errors) == places


def test_settings_are_stored_whole(in_acme: Account) -> None:
    flow, other = make_flow(), make_flow()
    kind = KINDS["wait_for_event"]
    assert kind.clean({"events": [{"event": ORDER}]}, flow=flow) == {
        "events": [{"event": ORDER, "detail": {}}],
        "amount": None,
        "unit": "days",
    }
    kept = kind.clean({"events": [], "exit": True, "exit_flow": other.pk}, flow=flow)
    assert kept == {
        "events": [],
        "amount": None,
        "unit": "days",
        "exit": True,
        "exit_list": None,
        "exit_flow": other.pk,
    }
    with pytest.raises(SettingsError):
        kind.clean({"events": [], "exit": True, "exit_flow": flow.pk}, flow=flow)
