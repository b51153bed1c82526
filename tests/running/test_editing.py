"""Making and editing flows from documents: what is taken, what stays, what history says."""

from typing import Any

import pytest

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.document import as_document
from flows.locks import lock_key
from flows.models import Flow, FlowStatus, Step
from messaging.models import Message
from running.changes import in_words
from running.editing import InvalidDocument, StaleRevision, create, edit
from scheduling import clock
from tests import make
from triggers.models import Schedule, Trigger

IN_NORWAY = {"property": "country", "operator": "eq", "value": "NO"}
DAILY = {"frequency": "daily", "times": ["09:00"]}


def change(flow: Flow, document: Any, *, by: Actor) -> dict[str, Any]:
    """Edit `flow` as it is now, and return its new document."""
    revision = Flow.objects.get(pk=flow.pk).revision
    return as_document(edit(flow.account_id, flow.pk, document, revision=revision, by=by))


def test_a_new_flow_gets_defaults_a_finish_and_an_outbox_that_is_held(in_acme: Account, owner: Actor) -> None:
    make.make_object_type("contact")
    flow = create(in_acme.pk, {"name": "  Welcome  "}, by=owner)
    document = as_document(flow)
    assert (document["name"], document["status"], document["revision"]) == ("Welcome", "not_running", 1)
    assert (document["object_type"], document["only_once"], document["time_zone"]) == ("contact", True, "Europe/Oslo")
    assert [step["kind"] for step in document["steps"]] == ["finish"]
    assert flow.outbox.held is True
    assert flow.outbox.lock_key == lock_key(flow.pk)
    assert History.objects.get(subject="flow", subject_id=flow.pk).verb == "created"


def test_a_whole_document_comes_back_as_it_was_given(in_acme: Account, owner: Actor) -> None:
    content, entered, left_out = make.make_content(), make.make_list("In"), make.make_list("Out")
    newsletter = make.make_subscription_type()
    given = {
        "name": "Welcome",
        "description": "Two\nlines",
        "object_type": "contact",
        "time_zone": "Europe/Stockholm",
        "only_once": False,
        "filter": IN_NORWAY,
        "unenrolment": {"not": IN_NORWAY},
        "success": [{"name": "Bought", "criteria": {"list": entered.pk, "operator": "in"}}],
        "jump_to_finish": True,
        "exclusion_lists": [left_out.pk],
        "starts_at": "2027-01-31T10:00:00+01:00",
        "enrolment_ends_at": "2027-12-31T00:00:00Z",
        "email": {
            "sender_name": "Acme",
            "sender_address": "news@acme.example.com",
            "reply_address": "reply@acme.example.com",
            "subscription_type": newsletter.pk,
            "override_consent": True,
        },
        "triggers": [
            {
                "kind": "schedule",
                "criteria": {"all": []},
                "schedule": {**DAILY, "catch_up": "all", "safety_brake": 1000},
            }
        ],
        "steps": [
            {"kind": "send_email", "settings": {"content": content.pk}, "name": "Hello"},
            {"kind": "wait", "settings": {"amount": 3, "unit": "days"}},
            {
                "kind": "split",
                "branches": [
                    {
                        "name": "Norway",
                        "criteria": IN_NORWAY,
                        "steps": [{"kind": "add_to_list", "settings": {"list": entered.pk}}],
                    },
                    {"is_everyone_else": True, "name": "The rest", "steps": [{"kind": "wait"}]},
                ],
            },
            {"kind": "update_record", "settings": {"values": {"city": "Oslo"}}},
        ],
    }
    document = as_document(create(in_acme.pk, given, by=owner))
    assert {key: document[key] for key in given if key not in ("triggers", "steps", "starts_at")} == {
        key: given[key] for key in given if key not in ("triggers", "steps", "starts_at")
    }
    assert document["starts_at"] == "2027-01-31T09:00:00Z"
    (trigger,) = document["triggers"]
    assert trigger["schedule"]["time_zone"] == "Europe/Stockholm"
    assert (trigger["schedule"]["catch_up"], trigger["schedule"]["safety_brake"]) == ("all", 1000)
    hello, wait, split, update, finish = document["steps"]
    assert hello["name"] == "Hello"
    assert (wait["settings"], update["settings"]) == ({"amount": 3, "unit": "days"}, {"values": {"city": "Oslo"}})
    assert finish["kind"] == "finish"
    norway, others = split["branches"]
    assert (norway["name"], norway["criteria"]) == ("Norway", IN_NORWAY)
    assert norway["steps"][0]["settings"] == {"list": entered.pk}
    assert (others["name"], others["is_everyone_else"], others["steps"][0]["kind"]) == ("The rest", True, "wait")


def test_giving_a_document_back_changes_nothing(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(
        [{"split": [(IN_NORWAY, ["wait 2 days"])], "everyone_else": ["send_email"]}],
        schedule={"frequency": "daily"},
        status=FlowStatus.PAUSED,
    )
    before, next_run_at = as_document(flow), Schedule.objects.get().next_run_at
    assert change(flow, before, by=owner) == before
    assert Schedule.objects.get().next_run_at == next_run_at
    assert not History.objects.filter(verb="edited").exists()


def test_what_a_document_leaves_out_stays(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(["send_email", "wait 2 days"], schedule={"frequency": "daily"}, filter=IN_NORWAY)
    before = as_document(flow)
    after = change(flow, {"name": "Another name", "email": {"sender_name": "Anna"}}, by=owner)
    assert after == {
        **before,
        "name": "Another name",
        "revision": 2,
        "email": {**before["email"], "sender_name": "Anna"},
    }
    send, wait, _finish = before["steps"]
    after = change(flow, {"steps": [{"id": send["id"]}, {"id": wait["id"], "name": "A while"}]}, by=owner)
    assert after["steps"][1] == {**wait, "name": "A while"}
    assert after["steps"][0] == send


def test_steps_branches_and_triggers_keep_their_ids(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(["wait 1 days", {"split": [(IN_NORWAY, ["wait 2 days"])]}], schedule={"frequency": "daily"})
    document = as_document(flow)
    wait, split, finish = document["steps"]
    (trigger,) = document["triggers"]
    trigger["schedule"]["times"] = ["10:00"]
    new = {"kind": "wait", "settings": {"amount": 9, "unit": "hours"}}
    split["branches"].insert(0, {"name": "New", "criteria": {"not": IN_NORWAY}, "steps": [new]})
    after = change(flow, {**document, "steps": [new, split, wait, finish]}, by=owner)
    assert [step["id"] for step in after["steps"]][1:] == [split["id"], wait["id"], finish["id"]]
    first, second, others = after["steps"][1]["branches"]
    assert first["name"] == "New"
    assert first["steps"][0]["settings"] == {"amount": 9, "unit": "hours"}
    assert [second["id"], others["id"]] == [branch["id"] for branch in split["branches"][1:]]
    assert second["steps"] == split["branches"][1]["steps"]
    assert after["triggers"][0]["id"] == trigger["id"]
    assert after["triggers"][0]["schedule"]["times"] == ["10:00"]


def test_a_step_can_move_out_of_a_branch_that_goes(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow([{"split": [(IN_NORWAY, ["wait 2 days", "wait 3 days"])]}])
    _split, kept, gone, finish = make.steps_of(flow)
    after = change(flow, {"steps": [{"id": kept.pk}, {"id": finish.pk}]}, by=owner)
    assert [step["id"] for step in after["steps"]] == [kept.pk, finish.pk]
    assert not Step.objects.filter(pk=gone.pk).exists()


def test_finish_is_the_same_step_also_when_the_document_does_not_name_it(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(["wait 1 days"])
    wait, finish = make.steps_of(flow)
    assert change(flow, {"steps": [{"id": wait.pk}]}, by=owner)["steps"][-1]["id"] == finish.pk
    assert change(flow, {"steps": [{"kind": "finish"}]}, by=owner)["steps"][-1]["id"] == finish.pk


def test_everyone_else_is_added_to_a_split_and_known_without_its_id(in_acme: Account, owner: Actor) -> None:
    make.make_object_type("contact")
    flow = create(in_acme.pk, {"name": "Split", "steps": [{"kind": "split"}]}, by=owner)
    (split, _finish) = as_document(flow)["steps"]
    (others,) = split["branches"]
    assert (others["is_everyone_else"], others["name"]) == (True, "Everyone else")
    branches = [{"name": "Norway", "criteria": IN_NORWAY}, {"is_everyone_else": True}]
    after = change(flow, {"steps": [{"id": split["id"], "branches": branches}]}, by=owner)
    assert after["steps"][0]["branches"][1] == others


def test_a_trigger_that_is_left_out_of_the_list_goes(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(schedule={"frequency": "daily"})
    assert change(flow, {"triggers": []}, by=owner)["triggers"] == []
    assert not Trigger.objects.exists()
    assert not Schedule.objects.exists()


def test_a_schedule_may_be_emptied_and_filled_in_again(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(schedule={"frequency": "daily"}, status=FlowStatus.PAUSED)
    trigger_id = as_document(flow)["triggers"][0]["id"]
    (trigger,) = change(flow, {"triggers": [{"id": trigger_id, "schedule": None}]}, by=owner)["triggers"]
    assert trigger == {"id": trigger_id, "kind": "schedule", "criteria": {"all": []}, "schedule": None}
    (trigger,) = change(flow, {"triggers": [{"id": trigger_id, "schedule": DAILY}]}, by=owner)["triggers"]
    assert trigger["id"] == trigger_id
    next_run_at = Schedule.objects.get().next_run_at
    assert next_run_at is not None
    assert next_run_at > clock.now()


def test_a_second_trigger_beside_a_schedule_may_be_saved(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(schedule={"frequency": "daily"})
    triggers = [*as_document(flow)["triggers"], {"kind": "schedule", "schedule": DAILY}]
    assert len(change(flow, {"triggers": triggers}, by=owner)["triggers"]) == 2


def test_the_schedule_follows_the_time_zone_of_the_flow(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(schedule={"frequency": "daily"})
    echo = {**as_document(flow), "time_zone": "America/New_York"}
    assert change(flow, echo, by=owner)["triggers"][0]["schedule"]["time_zone"] == "America/New_York"
    after = change(flow, {"time_zone": "UTC"}, by=owner)
    assert after["triggers"][0]["schedule"]["time_zone"] == "UTC"


def test_history_says_what_was_changed(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(["wait 1 days", "wait 2 days", "wait 3 days"])
    one, two, _three, finish = as_document(flow)["steps"]
    steps = [{"kind": "wait"}, two, {**one, "name": "First"}, finish]
    change(flow, {"name": "New", "steps": steps}, by=owner)
    row = History.objects.get(verb="edited")
    assert (row.subject, row.subject_id, row.by_name) == ("flow", flow.pk, "Olga Owner")
    assert row.detail == {
        "settings": ["name"],
        "steps": {"added": 1, "removed": 1, "changed": 1, "reordered": 1},
        "revision": 2,
    }
    assert in_words(row.detail) == "name, 1 step added, 1 step removed, 1 step changed, steps reordered"


def test_a_running_flow_is_not_edited_not_even_its_name(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(status=FlowStatus.RUNNING)
    with pytest.raises(NotAllowed) as refused:
        change(flow, {"name": "New"}, by=owner)
    assert refused.value.code == "running"
    assert Flow.objects.get().name == flow.name


def test_a_flow_that_still_ends_is_not_edited(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow()
    make.make_participant(flow)
    with pytest.raises(NotAllowed) as refused:
        change(flow, {"name": "New"}, by=owner)
    assert refused.value.code == "still_ending"


def test_a_flow_with_a_message_that_has_not_left_is_not_edited(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow()
    Message.objects.create(
        outbox=flow.outbox,
        origin_key="participant:1:1",
        record=make.make_contact(),
        content=make.make_content(),
        address="a@example.com",
    )
    with pytest.raises(NotAllowed) as refused:
        change(flow, {"name": "New"}, by=owner)
    assert refused.value.code == "still_ending"


def test_an_old_revision_is_refused_with_the_current_one(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow()
    change(flow, {"name": "New"}, by=owner)
    with pytest.raises(StaleRevision) as refused:
        edit(in_acme.pk, flow.pk, {"name": "Newer"}, revision=1, by=owner)
    assert refused.value.current == 2
    assert Flow.objects.get().name == "New"


def test_another_accounts_flow_does_not_exist(acme: Account, globex: Account, owner: Actor) -> None:
    with account_scope(globex.pk):
        flow = make.make_flow()
    with pytest.raises(Flow.DoesNotExist):
        edit(acme.pk, flow.pk, {"name": "Taken over"}, revision=1, by=owner)
    with account_scope(globex.pk):
        assert Flow.objects.get().name == flow.name


def test_only_an_admin_overrides_consent(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow()
    flow_admin = Actor(account_id=in_acme.pk, role=Role.FLOW_ADMIN, name="Frida")
    with pytest.raises(InvalidDocument) as refused:
        change(flow, {"email": {"override_consent": True}}, by=flow_admin)
    assert [path for path, _message in refused.value.errors] == ["email.override_consent"]
    change(flow, {"email": {"override_consent": True}}, by=owner)
    after = change(flow, {"name": "Edited by Frida", "email": {"override_consent": True}}, by=flow_admin)
    assert after["email"]["override_consent"] is True


def test_the_start_is_set_only_before_the_flow_is_on(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow()
    assert change(flow, {"starts_at": "2027-01-31T09:00:00Z"}, by=owner)["starts_at"] == "2027-01-31T09:00:00Z"
    Flow.objects.update(status=FlowStatus.PAUSED)
    with pytest.raises(InvalidDocument) as refused:
        change(flow, {"starts_at": None}, by=owner)
    assert [path for path, _message in refused.value.errors] == ["starts_at"]
    change(flow, {"starts_at": "2027-01-31T09:00:00Z", "name": "The same start"}, by=owner)
