"""The tabs of a flow's page: what each says, live parts, and a number of queries that does not grow."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import ExclusionList, Flow, FlowStatus
from participants.models import Participant, ParticipantStatus, StepLog
from records.models import Record
from scheduling import clock
from scheduling.clock import now
from tests.make import make_contact, make_contacts, make_content, make_flow, make_list, make_participant, steps_of
from tests.walking import walk
from tests.web.conftest import Browsers
from triggers import firing, occurrences, schedules
from triggers.models import Occurrence, OccurrenceStatus, Schedule
from web.participants import QUEUE

LIVE = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "live"}
FRAGMENT = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "asks"}
IN_NORWAY = {"property": "country", "operator": "eq", "value": "Norway"}
DAILY = {"frequency": "daily"}
TABS = ["", "chart/", "participants/", "runs/", "contents/", "log/", "review/"]


def page(client: Client, flow: Flow, tab: str = "", **headers: str) -> str:
    """The text of a tab that must be there."""
    answer = client.get(f"/acme/flows/{flow.pk}/{tab}", **headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A running flow with a split."""
    with account_scope(acme.pk):
        return make_flow(
            [{"split": [(IN_NORWAY, ["wait 3 days"])], "everyone_else": ["wait 5 days"]}],
            name="Welcome",
            schedule=DAILY,
            criteria=IN_NORWAY,
            status=FlowStatus.RUNNING,
            success=[{"name": "Moved to Norway", "criteria": IN_NORWAY}],
            description="What it is for.",
        )


def test_the_summary_says_how_people_come_in_and_how_it_is_set(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        ExclusionList.objects.create(flow=flow, list=make_list("Staff"))
        make_participant(flow, status=ParticipantStatus.CANCELLED, reason="flow_ended")
    said = page(member, flow)
    for expected in (
        "Every day at 09:00, Europe/Oslo",
        "Everyone for whom: Country is Norway.",
        "Staff",
        "Moved to Norway",
        "What it is for.",
        "0 dropped out · 1 cancelled",
        "Next runs",
        "Acme &lt;news@",
    ):
        assert expected in said


def test_a_schedule_that_takes_everybody_says_so_in_a_sentence(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 3 days"], schedule=DAILY, criteria={"all": []})
    said = page(member, flow)
    assert "Every record." in said and "Everyone for whom" not in said
    assert '<p class="sentence">Every record.</p>' in page(member, flow, "review/")


def test_a_run_tomorrow_is_a_day_away_on_every_page_however_near(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 3 days"], schedule=DAILY, criteria={"all": []}, status=FlowStatus.PAUSED)
    local = timezone.localtime(now(), ZoneInfo("Europe/Oslo"))
    clock.forward(local.replace(hour=22) + timedelta(days=1) - local)
    try:
        for path in ("runs/", "review/", "edit/trigger/"):
            assert [days for days in re.findall(r"(today|in \d+ days?)\s*</span>", page(member, flow, path))][:2] == [
                "in 1 day",
                "in 2 days",
            ], path
    finally:
        clock.reset()


def test_the_five_figures_add_up_and_draw_the_bar(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        for status in ParticipantStatus.values:
            make_participant(flow, status=status)
    answer = member.get(f"/acme/flows/{flow.pk}/")
    parts = answer.context["composition"]
    assert [part["n"] for part in parts] == [1] * 5 and answer.context["row"].counts.enrolled == 5
    assert parts[-1]["x"] + parts[-1]["width"] <= 1000


def test_a_flow_by_hand_says_so_and_a_paused_one_counts_its_queue(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], status=FlowStatus.PAUSED)
        make_participant(flow, step=steps_of(flow)[0])
        make_participant(flow)
    said = page(member, flow)
    assert "By hand only" in said and "Each person once" in said
    assert "<b>1</b> person stands still where they are. <b>1</b> new one waits in the queue" in said


def test_the_chart_counts_who_stands_on_each_step_and_in_each_branch(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        wait = steps_of(flow, "wait")[0]
        for record in make_contacts(3):
            make_participant(flow, record, step=wait)
    answer = member.get(f"/acme/flows/{flow.pk}/chart/")
    card = answer.context["chart"].card(wait.pk)
    assert card.here == 3 and f'id="card-{wait.pk}"' in answer.content.decode()
    assert [lane.here for lane in answer.context["chart"].cards[0].lanes] == [3, 0]


def test_a_step_opens_its_settings_and_its_people(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        wait, split = steps_of(flow, "wait")[0], steps_of(flow, "split")[0]
        for number in range(12):
            make_participant(flow, make_contact(first_name=f"Person{number:02}"), step=wait)
    whole = page(member, flow, f"chart/?step={wait.pk}")
    drawer = page(member, flow, f"chart/?step={wait.pk}", **FRAGMENT)
    for shown in (whole, drawer):
        assert "3 days" in shown and "Person11" in shown and "Everyone on this step" in shown
    assert drawer.lstrip().startswith("<dialog") and "<html" not in drawer
    branches = page(member, flow, f"chart/?step={split.pk}", **FRAGMENT)
    assert "Country is Norway" in branches and "whoever no other branch takes" in branches
    assert '<dialog class="drawer"' not in page(member, flow, "chart/?step=999999")


def test_every_kind_of_step_says_how_it_is_set(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        content = make_content("Hello", subject="A subject to read")
        known = [{"send_email": content}, "wait 2 days", {"add_to_list": make_list("Regulars")}]
        flow = make_flow([*known, {"update_record": {"city": "Oslo"}}])
        steps = steps_of(flow)
    expected = ["A subject to read", "2 days", "Regulars", "Oslo", "No success criteria"]
    for step, says in zip(steps, expected, strict=True):
        assert says in page(member, flow, f"chart/?step={step.pk}", **FRAGMENT), step.kind


def test_contents_are_those_that_the_steps_send(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        shared = make_content("Shared letter")
        flow = make_flow([{"send_email": shared, "name": "First"}])
        make_flow([{"send_email": shared}])
        make_content("Left over", flow_id=flow.pk)
        make_content("Somebody else's")
    said = page(member, flow, "contents/")
    assert "Shared letter" in said and "1 other flow" in said and "First" in said
    assert "Left over" in said and "No step sends it" in said and "Somebody else" not in said
    with account_scope(acme.pk):
        assert "No e-mails in this flow" in page(member, make_flow(["wait 2 days"]), "contents/")


# --- Runs -------------------------------------------------------------------------------------------------


def test_a_run_says_what_it_enrolled_and_why_not_the_others(
    member: Client, acme: Account, flow: Flow, owner: Actor
) -> None:
    with account_scope(acme.pk):
        inside, _new = make_contact(country="Norway"), make_contact(country="Norway")
        make_participant(flow, inside, step=steps_of(flow)[0])
    run = schedules.run_now(acme.pk, flow.pk, by=owner)
    occurrences.work(acme.pk, run.pk)
    said = page(member, flow, "runs/")
    assert "run now" in said and "1 already in the flow" in said
    assert '"Matched">2<' in said.replace("data-label=", "") and '"Enrolled">1<' in said.replace("data-label=", "")


def test_runs_that_went_otherwise_stand_alone_with_their_reason(member: Client, acme: Account, flow: Flow) -> None:
    assert "No runs yet" in page(member, flow, "runs/") and "All went as planned" in page(
        member, flow, "runs/?show=trouble"
    )
    with account_scope(acme.pk):
        schedule = Schedule.objects.get(flow=flow)
        moment = now() - timedelta(days=3)
        Schedule.objects.filter(pk=schedule.pk).update(next_run_at=moment, skip_run_at=moment, catch_up="skip")
        schedule.refresh_from_db()
        firing.fire_one(schedule)
        assert Occurrence.objects.filter(status=OccurrenceStatus.MISSED).exists()
    said = page(member, flow, "runs/?show=trouble")
    assert "missed runs are not made up for" in said and 'data-status="missed"' in said


def test_running_now_asks_with_a_number_and_runs_once_however_often_it_is_sent(
    member: Client, acme: Account, flow: Flow
) -> None:
    with account_scope(acme.pk):
        make_contact(country="Norway")
    asked = member.get(f"/acme/flows/{flow.pk}/runs/now/")
    assert "1 record meets the criteria now" in asked.content.decode()
    for _ in range(2):
        answer = member.post(f"/acme/flows/{flow.pk}/runs/now/", {"key": asked.context["key"]})
        assert answer["Location"] == f"/acme/flows/{flow.pk}/runs/"
    assert "1 record" in member.post(f"/acme/flows/{flow.pk}/runs/now/").content.decode(), "no key: asked again"
    with account_scope(acme.pk):
        assert Occurrence.objects.count() == 1


def test_the_next_run_is_skipped_and_said_to_be(member: Client, acme: Account, flow: Flow) -> None:
    assert "Skip next run" in page(member, flow, "runs/")
    assert member.post(f"/acme/flows/{flow.pk}/runs/skip/").status_code == 302
    said = page(member, flow, "runs/")
    assert "is skipped" in said and "The next run is skipped already." in said


def test_runs_need_a_flow_that_is_on_and_the_right(acme: Account, browser_of: Browsers, member: Client) -> None:
    with account_scope(acme.pk):
        still = make_flow(["wait 2 days"], schedule=DAILY)
        running = make_flow(["wait 2 days"], schedule=DAILY, status=FlowStatus.RUNNING)
        by_hand = make_flow(["wait 2 days"])
    assert "Turn the flow on first" in page(member, still, "runs/") and "No schedule" in page(member, by_hand, "runs/")
    assert member.post(f"/acme/flows/{still.pk}/runs/now/", {"key": "1"}).status_code == 409
    viewer = browser_of(acme, Role.VIEWER)
    assert "You need the role marketer" in page(viewer, running, "runs/")
    for what in ("now", "skip"):
        assert viewer.post(f"/acme/flows/{running.pk}/runs/{what}/", {"key": "1"}).status_code == 403


# --- The log ----------------------------------------------------------------------------------------------


def test_the_log_says_what_each_step_did_and_can_be_narrowed(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        split, wait, _other, finish = (*steps_of(flow, "split"), *steps_of(flow, "wait"), *steps_of(flow, "finish"))
        make_participant(flow, make_contact(first_name="Kari", country="Norway"), step=split)
        make_participant(flow, make_contact(first_name="Ola", country="Norway"), step=split)
    walk(flow)
    clock.forward(timedelta(days=4))
    walk(flow)
    try:
        whole = page(member, flow, "log/")
        assert "Kari" in whole and "Branch 1" in whole and "Finished" in whole
        assert [row.record.properties["first_name"] for row in entries(member, flow, "?search=kari")] == ["Kari"] * 3
        assert {row.entry.step_id for row in entries(member, flow, f"?step={wait.pk}")} == {wait.pk}
        assert {row.entry.outcome for row in entries(member, flow, "?outcome=finished")} == {"finished"}
        tomorrow = (now() + timedelta(days=1)).date()
        assert (
            entries(member, flow, f"?since={tomorrow}") == [] and len(entries(member, flow, f"?until={tomorrow}")) == 6
        )
        assert "Nothing like that" in page(member, flow, f"log/?since={tomorrow}")
        assert len(entries(member, flow, "?outcome=x&step=x&since=x&until=2026-13-45&older=1-2-x&search=%00")) == 6
        assert finish.pk in {row.entry.step_id for row in entries(member, flow, "")}
    finally:
        clock.reset()


def test_the_log_names_the_event_that_ended_a_wait(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 1 day"])
        walker, step = make_participant(flow, make_contact(first_name="Kari")), steps_of(flow)[0]
        for hop, reason in enumerate(("link_clicked", "custom.order_placed", "no_consent")):
            StepLog.objects.create(
                flow_id=flow.pk,
                participant_id=walker.pk,
                hop=hop,
                step_id=step.pk,
                outcome="continued",
                reason=reason,
                at=now(),
                arrived_at=now(),
            )
    assert {row.detail for row in entries(member, flow, "")} == {
        "Link clicked",
        "Order placed",
        "No consent to marketing",
    }


def entries(client: Client, flow: Flow, query: str):  # type: ignore[no-untyped-def]
    """The rows of the log."""
    return client.get(f"/acme/flows/{flow.pk}/log/{query}").context["entries"]


def test_the_log_pages_to_its_oldest_entry(
    member: Client, acme: Account, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.log.ON_A_PAGE", 3)
    with account_scope(acme.pk):
        for record in make_contacts(7, country="Norway"):
            make_participant(flow, record, step=steps_of(flow)[0])
    walk(flow)
    seen, older = [], ""
    while True:
        shown = member.get(f"/acme/flows/{flow.pk}/log/?{f'older={older}' if older else ''}")
        seen += [(row.entry.participant_id, row.entry.hop) for row in shown.context["entries"]]
        if not (older := shown.context["older"]):
            break
    assert len(seen) == len(set(seen)) == 7


# --- All of them ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", TABS[:-1])
def test_a_live_part_comes_without_the_page_and_brings_the_header(member: Client, flow: Flow, tab: str) -> None:
    live = page(member, flow, tab, **LIVE)
    assert "<html" not in live and 'id="flow-head" hx-swap-oob="true"' in live and 'id="enrolled"' in live
    whole = page(member, flow, tab)
    assert "<html" in whole and ('data-polls="4"' in whole or tab == "contents/")


@pytest.mark.parametrize("tab", TABS)
def test_the_number_of_queries_of_a_tab_is_fixed(member: Client, acme: Account, flow: Flow, tab: str) -> None:
    used = []
    for more in (1, 12):
        with account_scope(acme.pk):
            for record in make_contacts(more, country="Norway"):
                make_participant(flow, record, step=steps_of(flow)[0])
            Participant.objects.update(due_at=now())
            for _ in range(more):
                make_list()
                moment = now() - timedelta(days=Occurrence.objects.count() + 1)
                schedule = Schedule.objects.get(flow=flow)
                Occurrence.objects.create(
                    schedule=schedule,
                    flow=flow,
                    activation=flow.activations.get(),
                    scheduled_for=moment,
                    time_zone="UTC",
                    criteria={"all": []},
                    status=OccurrenceStatus.DONE,
                )
        walk(flow)
        page(member, flow, tab)
        with CaptureQueriesContext(connection) as queries:
            page(member, flow, tab)
        used.append(len(queries))
    assert used[0] == used[1] < 80, used


def test_everyone_sees_every_tab_and_a_viewer_may_press_nothing(
    acme: Account, browser_of: Browsers, flow: Flow
) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    for tab in TABS:
        said = page(viewer, flow, tab)
        assert "/edit/pause/" not in said and "/toggle/" not in said and f"/flows/{flow.pk}/end/" not in said
    assert "You need the role flow admin" in page(viewer, flow)


def test_a_deleted_record_keeps_its_place_in_the_log(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_participant(flow, step=steps_of(flow)[0])
    walk(flow)
    with account_scope(acme.pk):
        Record.objects.all().delete()
    assert "Deleted record" in page(member, flow, "log/") and QUEUE == 0
