"""The example that a demo account begins with, taking it away, and the first steps of an empty account."""

import time
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Folder
from messaging.models import Content, Message
from participants.models import Participant
from participants.statistics import counts
from records.models import List, Record
from records.schema import ensure_object_types
from running.problems import problems_of
from scheduling import clock
from scheduling.models import ClockOffset
from tests.make import make_contact, make_content, make_flow
from tests.walking import check_counts
from tests.web.conftest import Browsers
from triggers.models import Occurrence, OccurrenceStatus
from web import example


@pytest.fixture
def empty(acme: Account) -> Account:
    """Acme as a demo account that nobody has put anything in."""
    with account_scope(acme.pk):
        Account.objects.filter(pk=acme.pk).update(is_demo=True)
        ensure_object_types()
    return acme


@pytest.fixture
def demo(empty: Account, owner: Actor) -> Account:
    """Acme, filled."""
    assert example.fill(empty.pk, by=owner)
    return empty


def flows_of(account: Account) -> dict[str, Flow]:
    """The flows by status."""
    with account_scope(account.pk):
        return {flow.status: flow for flow in Flow.objects.select_related("object_type", "outbox", "folder")}


def test_three_flows_stand_in_three_states_and_show_what_the_product_does(demo: Account) -> None:
    flows = flows_of(demo)
    assert set(flows) == set(FlowStatus.values)
    with account_scope(demo.pk):
        counted = counts([flow.pk for flow in flows.values()])
        found = problems_of(flows.values())
        standing = Participant.objects.filter(flow=flows["running"], status="active").values("step_id").distinct()
        runs = Occurrence.objects.filter(flow=flows["running"])
        assert standing.count() >= 2 and runs.count() >= 3
        assert {run.status for run in runs} == {OccurrenceStatus.DONE}
        for flow in flows.values():
            check_counts(flow)
    running, paused, draft = (counted[flows[status].pk] for status in ("running", "paused", "not_running"))
    assert running.active > 5 and running.finished > 5 and running.finished_with_success > 2 and running.dropped_out
    assert paused.queued > 0 and paused.active > paused.queued and draft.enrolled == 0
    assert found[flows["running"].pk] == found[flows["paused"].pk] == [] and len(found[flows["not_running"].pk]) == 2


def test_the_people_are_many_and_can_be_told_apart(demo: Account) -> None:
    with account_scope(demo.pk):
        people = Record.objects.all()
        assert 180 <= people.count() <= 260
        assert len({record.email for record in people}) == people.count()
        assert List.objects.count() == 3 and Content.objects.count() == 6 and Folder.objects.count() == 2
        assert all(record.email and record.email.isascii() for record in people)


def test_the_clock_shows_the_present_again_and_nothing_lies_ahead(demo: Account) -> None:
    assert not ClockOffset.objects.exists()
    with account_scope(demo.pk):
        assert not Participant.objects.filter(enrolled_at__gt=clock.now()).exists()
        assert not Message.objects.filter(sent_at__gt=clock.now()).exists()


def test_a_clock_that_was_moved_is_put_back_as_it_was(empty: Account, owner: Actor) -> None:
    clock.move_to(clock.now().replace(year=2031))
    before = ClockOffset.objects.get().offset
    example.fill(empty.pk, by=owner)
    assert abs((ClockOffset.objects.get().offset - before).total_seconds()) < 1
    clock.reset()


def test_where_the_clock_cannot_move_the_flows_are_only_turned_on(empty: Account, owner: Actor, settings: Any) -> None:
    settings.TEST_CLOCK = False
    example.fill(empty.pk, by=owner)
    assert set(flows_of(empty)) == set(FlowStatus.values)


def test_an_account_that_is_no_demo_or_has_something_is_left_alone(acme: Account, owner: Actor) -> None:
    assert not example.fill(acme.pk, by=owner)
    with account_scope(acme.pk):
        Account.objects.filter(pk=acme.pk).update(is_demo=True)
        make_contact()
    assert not example.fill(acme.pk, by=owner)
    with account_scope(acme.pk):
        assert not Flow.objects.exists()


def test_the_example_is_made_quickly(empty: Account, owner: Actor) -> None:
    begun = time.process_time()
    example.fill(empty.pk, by=owner)
    assert time.process_time() - begun < 3


def test_the_example_goes_with_one_press_and_what_members_made_stays(demo: Account, browser_of: Browsers) -> None:
    with account_scope(demo.pk):
        used = List.objects.order_by("pk").first()
        own = make_flow([{"add_to_list": used}], name="My own")
        mine = make_contact("me@company.example")
        letter = make_content("My letter")
    admin = browser_of(demo, Role.ADMIN)
    assert "This is an example" in admin.get("/acme/flows/").content.decode()
    assert "Remove the example?" in admin.get("/acme/example/remove/").content.decode()
    assert admin.post("/acme/example/remove/")["Location"] == "/acme/flows/"
    with account_scope(demo.pk):
        assert [flow.pk for flow in Flow.objects.all()] == [own.pk]
        assert [record.pk for record in Record.objects.all()] == [mine.pk]
        assert [content.pk for content in Content.objects.all()] == [letter.pk]
        assert not Participant.objects.exists() and not Folder.objects.exists()
        assert not Account.objects.get(pk=demo.pk).is_demo
    assert admin.get("/acme/example/remove/").status_code == 404
    assert "This is an example" not in admin.get("/acme/flows/").content.decode()


def test_only_who_may_administer_removes_the_example(demo: Account, browser_of: Browsers) -> None:
    flow_admin = browser_of(demo, Role.FLOW_ADMIN)
    assert "Remove the example" not in flow_admin.get("/acme/flows/").content.decode()
    assert flow_admin.post("/acme/example/remove/").status_code == 403
    assert len(flows_of(demo)) == 3


# --- The first steps --------------------------------------------------------------------------------------


def done(client: Client) -> list[bool]:
    """Which of the first steps are done."""
    return [step["is_done"] for step in client.get("/acme/flows/").context["steps"]]


def test_an_empty_account_is_shown_its_first_steps_one_after_the_other(member: Client, acme: Account) -> None:
    assert done(member) == [False] * 4
    first = member.get("/acme/flows/").content.decode()
    assert first.count("button--primary button--small") == 1, "one primary button: the next step"
    with account_scope(acme.pk):
        make_contact()
        make_content(html="")
        assert done(member) == [True, False, False, False]
        make_content()
        assert done(member) == [True, True, False, False]
        flow = make_flow(["wait 2 days"])
        assert done(member) == [True, True, True, False]
        flow.activations.create(flow=flow)
    assert "Getting started" not in member.get("/acme/flows/").content.decode()
