"""Why a flow cannot run: each problem with its code, severity and place, and a constant number of queries."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from flows.models import Flow, FlowStatus
from messaging.models import SubscriptionType
from records.models import Property
from running.problems import Page, Problem, Severity, problems
from scheduling import clock
from tests import make

IN_NORWAY = {"property": "country", "operator": "eq", "value": "NO"}
DAILY = {"frequency": "daily"}


def found(flow: Flow) -> list[tuple[str, str, str, int | None, str]]:
    """The flow's problems as (code, severity, page, step id, field), read afresh."""
    return [
        (each.code, each.severity.value, each.page.value, each.step_id, each.field)
        for each in problems(Flow.objects.get(pk=flow.pk))
    ]


def codes(flow: Flow) -> list[str]:
    """Only their codes."""
    return [code for code, *_place in found(flow)]


def test_a_complete_flow_has_no_problems(in_acme: Account) -> None:
    flow = make.make_flow(
        [
            "send_email",
            "wait 2 days",
            {"split": [(IN_NORWAY, ["add_to_list"])], "everyone_else": [{"update_record": {"country": "SE"}}]},
        ],
        schedule=DAILY,
        criteria=IN_NORWAY,
        filter=IN_NORWAY,
        success=[{"name": "Norwegian", "criteria": IN_NORWAY}],
    )
    assert found(flow) == []


def test_a_flow_that_only_finishes_has_no_steps(in_acme: Account) -> None:
    flow = make.make_flow([], schedule=DAILY)
    assert found(flow) == [("no_steps", "error", "steps", None, "steps")]


def test_a_flow_without_a_trigger_may_run_but_is_warned_about(in_acme: Account) -> None:
    assert found(make.make_flow(["wait 1 days"])) == [("no_trigger", "warning", "triggers", None, "triggers")]


def test_only_a_flow_that_sends_needs_a_sender(in_acme: Account) -> None:
    assert found(make.make_flow(["wait 1 days"], schedule=DAILY, email=False)) == []
    assert found(make.make_flow(["send_email"], schedule=DAILY, email=False)) == [
        ("sender_missing", "error", "email", None, "email.sender_address"),
        ("reply_address_missing", "error", "email", None, "email.reply_address"),
        ("subscription_type_missing", "error", "email", None, "email.subscription_type"),
    ]


def test_a_subscription_type_that_was_deleted_is_missing(in_acme: Account) -> None:
    flow = make.make_flow(["send_email"], schedule=DAILY)
    SubscriptionType.objects.all().delete()
    assert codes(flow) == ["subscription_type_missing"]


def test_a_message_needs_a_content_with_a_subject_and_a_body(in_acme: Account) -> None:
    steps: list[Any] = [
        {"kind": "send_email", "settings": {"content": None}},
        {"send_email": make.make_content(subject=" ")},
        {"send_email": make.make_content(html="", text="\n")},
        {"send_email": make.make_content(html="", text="Only text")},
        {"send_email": make.make_content(subject="Hello {{ first_name", html="{% if %}")},
    ]
    flow = make.make_flow(steps, schedule=DAILY)
    none, no_subject, empty, _good, unreadable, _finish = make.steps_of(flow)
    assert found(flow) == [
        ("email_without_content", "error", "steps", none.pk, "content"),
        ("content_without_subject", "error", "steps", no_subject.pk, "subject"),
        ("content_is_empty", "error", "steps", empty.pk, "html"),
        ("content_invalid", "error", "steps", unreadable.pk, "subject"),
        ("content_invalid", "error", "steps", unreadable.pk, "html"),
    ]


def test_a_merge_field_that_names_nothing_is_warned_about(in_acme: Account) -> None:
    content = make.make_content(subject="Hi {{ förnamn }}", html="{{ first_name }} {{ contact.city }}")
    flow = make.make_flow([{"send_email": content}], schedule=DAILY)
    send, _finish = make.steps_of(flow)
    assert found(flow) == [("merge_field_of_nothing", "warning", "steps", send.pk, "content")]
    assert "“förnamn”" in problems(flow)[0].message


def test_settings_that_are_missing_and_targets_that_are_gone_are_errors(in_acme: Account) -> None:
    gone_list, gone_content = make.make_list(), make.make_content()
    steps: list[Any] = [
        {"kind": "wait", "settings": {"amount": None, "unit": "days"}},
        {"add_to_list": gone_list},
        {"kind": "add_to_list", "settings": {"list": None}},
        {"send_email": gone_content},
        {"kind": "update_record", "settings": {"values": {}}},
        {"update_record": {"city": "Oslo"}},
    ]
    flow = make.make_flow(steps, schedule=DAILY)
    gone_list.delete()
    gone_content.delete()
    Property.objects.filter(key="city").update(archived_at=clock.now())
    wait, add, add_nothing, send, update_nothing, update, _finish = make.steps_of(flow)
    assert found(flow) == [
        ("wait_without_time", "error", "steps", wait.pk, "amount"),
        ("list_is_gone", "error", "steps", add.pk, "list"),
        ("step_without_list", "error", "steps", add_nothing.pk, "list"),
        ("email_without_content", "error", "steps", send.pk, "content"),
        ("update_without_values", "error", "steps", update_nothing.pk, "values"),
        ("property_is_gone", "error", "steps", update.pk, "values.city"),
    ]


@pytest.mark.parametrize("status", ["not_running", "paused", "running"])
def test_a_flow_that_people_go_on_in_and_that_takes_nobody_is_warned_about(in_acme: Account, status: str) -> None:
    target = make.make_flow(["wait 1 day"], name="Winback", status=status)
    end = {"kind": "finish", "settings": {"success_flow": target.pk}}
    flow = make.make_flow(["wait 1 day", end], schedule=DAILY)
    step = make.steps_of(flow, "finish")[0]
    if status != "not_running":  # a paused one takes them into its queue
        assert found(flow) == []
        return
    assert found(flow) == [("hand_over_target_not_running", "warning", "steps", step.pk, "success_flow")]
    assert "“Winback” is not running" in problems(flow)[0].message


def test_a_schedule_needs_its_days_and_its_criteria_and_stands_alone(in_acme: Account) -> None:
    flow = make.make_flow(["wait 1 days"])
    flow.triggers.create(flow=flow, kind="schedule")
    assert found(flow) == [
        ("schedule_missing", "error", "triggers", None, "triggers.0.schedule"),
        ("criteria_missing", "error", "triggers", None, "triggers.0.criteria"),
    ]
    flow.triggers.all().delete()
    make.make_schedule(flow, DAILY)
    assert found(flow) == []
    make.make_schedule(flow, DAILY)
    assert found(flow) == [
        ("schedule_not_alone", "error", "triggers", None, "triggers.0.kind"),
        ("schedule_not_alone", "error", "triggers", None, "triggers.1.kind"),
    ]


def test_a_split_needs_a_branch_and_every_branch_criteria(in_acme: Account) -> None:
    split = {"split": [({}, ["wait 1 days"]), (IN_NORWAY, [])]}
    flow = make.make_flow([{"split": []}, split], schedule=DAILY)
    without, with_empty = make.steps_of(flow, "split")
    assert found(flow) == [
        ("split_without_branches", "error", "steps", without.pk, "branches"),
        ("branch_without_criteria", "error", "steps", with_empty.pk, "branches.0.criteria"),
    ]


def test_criteria_that_name_something_gone_are_errors_where_they_stand(in_acme: Account) -> None:
    gone = make.make_list()
    in_gone = {"all": [{"list": gone.pk, "operator": "in"}]}
    flow = make.make_flow(
        [{"split": [(IN_NORWAY, []), (in_gone, [])]}],
        schedule=DAILY,
        criteria=in_gone,
        filter=IN_NORWAY,
        unenrolment=in_gone,
        success=[{"name": "a", "criteria": {"all": []}}, {"name": "b", "criteria": IN_NORWAY}],
    )
    assert found(flow) == []
    gone.delete()
    Property.objects.filter(key="country").update(archived_at=clock.now())
    split = make.steps_of(flow, "split")[0]
    assert found(flow) == [
        ("criteria_invalid", "error", "settings", None, "filter.property"),
        ("criteria_invalid", "error", "settings", None, "unenrolment.all.0.list"),
        ("criteria_invalid", "error", "settings", None, "success.1.criteria.property"),
        ("criteria_invalid", "error", "triggers", None, "triggers.0.criteria.all.0.list"),
        ("criteria_invalid", "error", "steps", split.pk, "branches.0.criteria.property"),
        ("criteria_invalid", "error", "steps", split.pk, "branches.1.criteria.all.0.list"),
    ]


def test_a_flow_that_still_ends_cannot_start(in_acme: Account) -> None:
    flow = make.make_flow(["wait 1 days"], schedule=DAILY)
    make.make_participant(flow)
    assert found(flow) == [("still_ending", "error", "settings", None, "")]
    Flow.objects.update(status=FlowStatus.PAUSED)
    assert found(flow) == []


def test_problems_come_in_the_order_of_the_editors_pages(in_acme: Account) -> None:
    flow = make.make_flow(["send_email"], email=False, filter={"property": "gone", "operator": "eq", "value": "x"})
    flow.triggers.create(flow=flow, kind="schedule", criteria={"property": "gone", "operator": "eq", "value": "x"})
    pages = [page for _code, _severity, page, *_place in found(flow)]
    assert pages == ["settings", "email", "email", "email", "triggers", "triggers"]


def test_a_problem_says_what_to_do(in_acme: Account) -> None:
    flow = make.make_flow([], schedule=DAILY)
    (problem,) = problems(flow)
    assert problem == Problem(
        code="no_steps",
        message="Add a step: so far the flow does nothing.",
        severity=Severity.ERROR,
        page=Page.STEPS,
        field="steps",
    )


def test_the_number_of_queries_does_not_grow_with_the_steps(in_acme: Account) -> None:
    everything: list[Any] = [
        "send_email",
        "wait 1 days",
        "add_to_list",
        {"update_record": {"city": "Oslo"}},
        {"split": [(IN_NORWAY, ["send_email", "add_to_list"])]},
    ]
    small = make.make_flow(everything, schedule=DAILY)
    large = make.make_flow(everything * 10, schedule=DAILY, filter=IN_NORWAY)
    assert count_queries(large) == count_queries(small)


def count_queries(flow: Flow) -> int:
    """How many queries the problems of a flow take, the flow itself not counted."""
    fresh = Flow.objects.select_related("outbox", "object_type").get(pk=flow.pk)
    with CaptureQueriesContext(connection) as queries:
        problems(fresh)
    return len(queries)
