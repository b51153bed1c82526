"""The editor's trigger: the schedule, whom it enrols, and what both mean before they are saved."""

from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from tests.make import make_contact, make_flow
from tests.web.conftest import Browsers
from tests.web.editing import document_of, send, text
from triggers.models import Schedule
from web.schedule_form import ScheduleForm

EVERY = {"criteria.scope": "every"}
DAILY = {"frequency": "daily", "times": "09:00", "interval_daily": "1", "catch_up": "latest", **EVERY}


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A flow with a schedule every day at 09:00 for everyone."""
    with account_scope(acme.pk):
        return make_flow(["wait 2 days"], schedule={"frequency": "daily"}, time_zone="Europe/Oslo")


def trigger_of(flow: Flow) -> Any:
    """Its trigger in the document."""
    return document_of(flow)["triggers"][0]


def test_a_schedule_is_added_filled_in_and_removed(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"])
    assert "Start on a schedule" in text(member.get(f"/acme/flows/{flow.pk}/edit/trigger/"))
    assert send(member, flow, "trigger/", htmx=False, do="add_schedule").status_code == 302
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/trigger/"))
    assert "Next ten runs" in page and "Choose whom each run enrols" in page
    answer = send(
        member, flow, "trigger/", frequency="weekly", weekdays=["monday", "friday"], times=["9", "15.30"], **EVERY
    )
    assert answer.status_code == 200 and "Saved " in text(answer)
    saved = trigger_of(flow)
    assert saved["schedule"]["weekdays"] == ["monday", "friday"] and saved["schedule"]["times"] == ["09:00", "15:30"]
    assert saved["criteria"] == {"all": []}
    send(member, flow, "trigger/", htmx=False, do="remove_trigger", trigger=str(saved["id"]))
    assert document_of(flow)["triggers"] == []


def test_the_schedule_is_read_back_in_words_before_it_is_saved(member: Client, flow: Flow) -> None:
    fields = {**DAILY, "frequency": "monthly", "days": "31", "short_month_monthly": "skip"}
    said = text(send(member, flow, "trigger/preview/", **fields))
    assert "Every month on the 31st at 09:00, Europe/Oslo." in said
    assert "No run in Feb, Apr, Jun, Sep, Nov." in said
    assert said.count('class="order"') == 10
    assert trigger_of(flow)["schedule"]["frequency"] == "daily"
    shorter = text(send(member, flow, "trigger/preview/", **{**fields, "short_month_monthly": "last_day"}))
    assert "No run in" not in shorter


def test_who_it_enrols_is_read_back_too(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_contact(country="NO")
    who = {
        "criteria.scope": "some",
        "criteria.match": "all",
        "criteria.0.what": "property:country",
        "criteria.0.operator": "eq",
        "criteria.0.value": "NO",
    }
    said = text(send(member, flow, "trigger/preview/", **{**DAILY, **who}))
    assert "Country is NO." in said and 'id="trigger-fields"' not in said
    redrawn = text(send(member, flow, "trigger/preview/", redraw="1", **{**DAILY, **who}))
    assert 'id="trigger-fields"' in redrawn and 'name="criteria.0.operator"' in redrawn
    assert send(member, flow, "trigger/", **{**DAILY, **who}).status_code == 200
    assert trigger_of(flow)["criteria"] == {"all": [{"property": "country", "operator": "eq", "value": "NO"}]}


def test_an_unfinished_condition_saves_nothing(member: Client, flow: Flow) -> None:
    who = {
        "criteria.scope": "some",
        "criteria.match": "all",
        "criteria.0.what": "property:country",
        "criteria.0.operator": "eq",
    }
    answer = send(member, flow, "trigger/", **{**DAILY, "times": "10:00", **who})
    assert answer.status_code == 422 and "Finish the conditions first" in text(answer)
    assert trigger_of(flow)["schedule"]["times"] == ["09:00"]


@pytest.mark.parametrize(
    ("change", "slot"),
    [
        ({"times": "noon"}, "times"),
        ({"times": ""}, "times"),
        ({"frequency": "weekly"}, "weekdays"),
        ({"frequency": "monthly", "days": "42"}, "days"),
        ({"frequency": "once", "on": "2027-02-30"}, "on"),
        ({"frequency": "yearly", "day": "31", "month": "2"}, "day"),
        ({"interval_daily": "0"}, "interval"),
        ({"interval_daily": "2"}, "starts_on"),
        ({"starts_on": "2027-02-01", "ends_on": "2027-01-01"}, "ends_on"),
        ({"has_brake": "on", "safety_brake": "few"}, "safety_brake"),
        ({"excluded_dates": "someday"}, "excluded_dates"),
    ],
)
def test_a_fault_stands_at_its_field_in_the_preview_and_when_saving(
    member: Client, flow: Flow, change: dict[str, str], slot: str
) -> None:
    preview = send(member, flow, "trigger/preview/", **{**DAILY, **change})
    assert preview.status_code == 200 and f'data-for="{slot}"' in text(preview)
    answer = send(member, flow, "trigger/", **{**DAILY, **change})
    assert answer.status_code == 422 and f'data-for="{slot}"' in text(answer)
    assert document_of(flow)["revision"] == 1


def test_without_scripts_the_page_comes_back_with_what_was_typed(member: Client, flow: Flow) -> None:
    more = text(send(member, flow, "trigger/preview/", htmx=False, do="add_time", **DAILY))
    assert more.count('name="times"') == 2 and "<html" in more
    wrong = send(member, flow, "trigger/", htmx=False, **{**DAILY, "times": "noon"})
    assert wrong.status_code == 422 and 'value="noon"' in text(wrong)
    assert send(member, flow, "trigger/", htmx=False, **{**DAILY, "times": "10:00"}).status_code == 302


def test_saving_a_paused_flows_schedule_takes_effect_at_once(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], schedule={"frequency": "daily"}, status=FlowStatus.PAUSED)
        before = Schedule.objects.get(flow=flow).next_run_at
    assert send(member, flow, "trigger/", **{**DAILY, "times": "10:17"}).status_code == 200
    with account_scope(acme.pk):
        after = Schedule.objects.get(flow=flow).next_run_at
    assert before is not None and after is not None and after.minute == 17


def test_a_viewer_may_look_and_try_but_not_save(acme: Account, browser_of: Browsers, flow: Flow) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    assert "disabled" in text(viewer.get(f"/acme/flows/{flow.pk}/edit/trigger/"))
    assert send(viewer, flow, "trigger/preview/", **DAILY).status_code == 200
    assert send(viewer, flow, "trigger/", **DAILY).status_code == 403


def test_somebody_elses_change_is_told(member: Client, flow: Flow) -> None:
    send(member, flow, "email/", email__sender_name="New")
    answer = send(member, flow, "trigger/", revision=1, **{**DAILY, "times": "10:00"})
    assert answer.status_code == 412 and "e-mail settings" in text(answer)
    assert trigger_of(flow)["schedule"]["times"] == ["09:00"]


SCHEDULES: list[dict[str, Any]] = [
    {"frequency": "daily", "times": ["09:00", "15:30"], "interval": 3, "starts_on": "2027-01-01"},
    {"frequency": "weekly", "times": ["09:00"], "weekdays": ["monday", "sunday"], "ends_on": "2027-12-31"},
    {"frequency": "monthly", "times": ["09:00"], "days": [1, 31], "short_month": "last_day"},
    {"frequency": "monthly", "times": ["09:00"], "flexible": {"ordinal": "last", "day": "friday"}},
    {
        "frequency": "monthly",
        "times": ["09:00"],
        "flexible": [{"ordinal": "first", "day": "monday"}, {"ordinal": "last", "day": "working_day"}],
    },
    {"frequency": "yearly", "times": ["09:00"], "month": 2, "day": 29, "short_month": "last_day"},
    {"frequency": "once", "times": ["09:00"], "on": "2027-05-17"},
    {"frequency": "daily", "times": ["09:00"], "excluded_dates": ["2027-05-17", "2027-12-24"]},
]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_comes_back_from_the_form_as_it_went(
    member: Client, acme: Account, schedule: dict[str, Any]
) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], schedule=schedule)
    before = trigger_of(flow)["schedule"]
    form = ScheduleForm.of_document(before)
    posted = {
        "frequency": form.frequency,
        "times": form.times,
        f"interval_{form.frequency}": form.interval,
        "weekdays": form.weekdays,
        "days": form.days,
        f"short_month_{form.frequency}": form.short_month,
        "ordinal": [ordinal for ordinal, _day in form.flexible],
        "flexible_day": [day for _ordinal, day in form.flexible],
        "month": form.month,
        "day": form.day,
        "on": form.on,
        "starts_on": form.starts_on,
        "ends_on": form.ends_on,
        "excluded_dates": form.excluded_dates,
        "catch_up": form.catch_up,
        **EVERY,
    }
    assert send(member, flow, "trigger/", **posted).status_code == 200
    assert trigger_of(flow)["schedule"] == before
    assert document_of(flow)["revision"] == 1, "nothing changed"


def test_rows_of_the_form_come_and_go() -> None:
    def after(do: str) -> ScheduleForm:
        data = QueryDict(mutable=True)
        data.update({"frequency": "flexible", "do": do})
        data.setlist("times", ["9", "1000"])
        data.setlist("ordinal", ["first", "last"])
        data.setlist("flexible_day", ["monday", "friday"])
        data.setlist("excluded_dates", ["2027-01-01"])
        return ScheduleForm.of_post(data)

    assert after("").times == ["09:00", "10:00"]
    assert after("add_time").times[-1] == "" and after("add_time").new_field == "time"
    assert after("remove_time 0").times == ["10:00"]
    assert after("remove_time 7").times == after("remove_time x").times == ["09:00", "10:00"]
    assert after(f"remove_time {'9' * 5_000}").times == ["09:00", "10:00"]
    assert after("remove_flexible 0").flexible == [("last", "friday")]
    assert len(after("add_flexible").flexible) == 3
    assert after("remove_excluded 0").excluded_dates == []
