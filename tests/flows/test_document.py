"""The flow document: everything that defines a flow, in one piece, with a constant number of queries."""

from datetime import UTC, datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from flows.document import as_document, moment_text
from flows.models import ExclusionList, Flow
from tests import make

IN_NORWAY = {"property": "country", "operator": "eq", "value": "NO"}


def test_a_document_holds_the_whole_definition(in_acme: Account) -> None:
    left_out = make.make_list("Competitors")
    flow = make.make_flow(
        [{"split": [(IN_NORWAY, ["wait 2 days"])], "everyone_else": ["send_email"], "name": "By country"}],
        schedule={"frequency": "daily"},
        criteria=IN_NORWAY,
        name="Welcome",
        description="For newcomers",
        filter=IN_NORWAY,
        success=[{"name": "Bought", "criteria": IN_NORWAY}],
        starts_at=datetime(2027, 1, 31, 9, tzinfo=UTC),
    )
    ExclusionList.objects.create(flow=flow, list=left_out)
    split, wait, send, finish = make.steps_of(flow)
    norway, others = split.branches.all()
    trigger = flow.triggers.get()
    assert as_document(Flow.objects.get(pk=flow.pk)) == {
        "id": flow.pk,
        "name": "Welcome",
        "description": "For newcomers",
        "object_type": "contact",
        "status": "not_running",
        "revision": 1,
        "time_zone": "Europe/Oslo",
        "only_once": True,
        "filter": IN_NORWAY,
        "unenrolment": None,
        "success": [{"name": "Bought", "criteria": IN_NORWAY}],
        "jump_to_finish": False,
        "exclusion_lists": [left_out.pk],
        "starts_at": "2027-01-31T09:00:00Z",
        "enrolment_ends_at": None,
        "leave_flows": [],
        "email": {
            "sender_name": "Acme",
            "sender_address": flow.outbox.sender_address,
            "reply_address": flow.outbox.reply_address,
            "subscription_type": flow.outbox.subscription_type_id,
            "override_consent": False,
        },
        "triggers": [
            {
                "id": trigger.pk,
                "kind": "schedule",
                "criteria": IN_NORWAY,
                "schedule": {
                    "frequency": "daily",
                    "times": ["09:00"],
                    "time_zone": "Europe/Oslo",
                    "interval": 1,
                    "excluded_dates": [],
                    "catch_up": "latest",
                    "safety_brake": None,
                },
            }
        ],
        "steps": [
            {
                "id": split.pk,
                "kind": "split",
                "name": "By country",
                "settings": {},
                "branches": [
                    {
                        "id": norway.pk,
                        "name": "Branch 1",
                        "criteria": IN_NORWAY,
                        "weight": None,
                        "is_everyone_else": False,
                        "steps": [
                            {
                                "id": wait.pk,
                                "kind": "wait",
                                "name": "",
                                "settings": {"amount": 2, "unit": "days"},
                                "branches": [],
                            }
                        ],
                    },
                    {
                        "id": others.pk,
                        "name": "Everyone else",
                        "criteria": None,
                        "weight": None,
                        "is_everyone_else": True,
                        "steps": [
                            {
                                "id": send.pk,
                                "kind": "send_email",
                                "name": "",
                                "settings": send.settings,
                                "branches": [],
                            }
                        ],
                    },
                ],
            },
            {"id": finish.pk, "kind": "finish", "name": "", "settings": {}, "branches": []},
        ],
    }


def test_a_trigger_whose_schedule_is_not_filled_in_shows_none(in_acme: Account) -> None:
    flow = make.make_flow()
    flow.triggers.create(flow=flow, kind="schedule")
    (trigger,) = as_document(flow)["triggers"]
    assert trigger["schedule"] is None
    assert trigger["criteria"] is None


def test_the_number_of_queries_does_not_grow_with_the_steps_and_triggers(in_acme: Account) -> None:
    small = make.make_flow(["wait 1 days"], schedule={"frequency": "daily"})
    splits = [{"split": [(IN_NORWAY, ["wait 1 days"] * 3)] * 3} for _ in range(5)]
    large = make.make_flow(splits, schedule={"frequency": "daily"})
    make.make_schedule(large, {"frequency": "daily"})
    assert count_queries(large) == count_queries(small)


def test_a_moment_is_written_in_utc() -> None:
    oslo = datetime.fromisoformat("2027-07-01T09:00:00+02:00")
    assert moment_text(oslo) == "2027-07-01T07:00:00Z"
    assert moment_text(oslo.replace(microsecond=5)) == "2027-07-01T07:00:00.000005Z"
    assert moment_text(None) is None


def count_queries(flow: Flow) -> int:
    fresh = Flow.objects.get(pk=flow.pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        as_document(fresh)
    return len(queries)
