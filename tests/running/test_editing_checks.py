"""What a document is refused for: every fault at once, each with its path, and nothing written."""

from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows.document import as_document
from flows.models import ExclusionList, Flow, FlowStatus, Step
from messaging.models import Outbox
from records.models import List, ListKind, Property
from running.editing import InvalidDocument, create, edit
from tests import make

IN_NORWAY = {"property": "country", "operator": "eq", "value": "NO"}
WAIT = {"kind": "wait", "settings": {"amount": 1, "unit": "days"}}
DAILY = {"frequency": "daily", "times": ["09:00"]}


def paths(account: Account, document: Any, *, by: Actor) -> list[str]:
    """The paths that a new flow is refused for; nothing of it may have been written."""
    make.make_object_type()
    flows, outboxes = Flow.objects.count(), Outbox.objects.count()
    with pytest.raises(InvalidDocument) as refused:
        create(account.pk, document, by=by)
    assert (Flow.objects.count(), Outbox.objects.count()) == (flows, outboxes)
    assert all(message for _path, message in refused.value.errors)
    return [path for path, _message in refused.value.errors]


def refused_paths(flow: Flow, document: Any, *, by: Actor) -> list[str]:
    """The paths that an edit of `flow` is refused for; the flow must be as before."""
    before = as_document(Flow.objects.get(pk=flow.pk))
    with pytest.raises(InvalidDocument) as refused:
        edit(flow.account_id, flow.pk, document, revision=before["revision"], by=by)
    assert as_document(Flow.objects.get(pk=flow.pk)) == before
    assert not History.objects.filter(verb="edited").exists()
    return [path for path, _message in refused.value.errors]


def test_every_fault_is_told_at_once(in_acme: Account, owner: Actor) -> None:
    document = {
        "name": " ",
        "colour": "red",
        "time_zone": "Norway",
        "only_once": "yes",
        "filter": {"property": "shoe_size", "operator": "eq", "value": 1},
        "success": [{"name": "", "criteria": None}],
        "exclusion_lists": [999],
        "starts_at": "2027-01-31T09:00:00",
        "email": {"sender_address": "acme", "reply_address": 7, "subscription_type": 999, "bcc": "x@example.com"},
        "triggers": [{"kind": "schedule", "schedule": {"frequency": "weekly", "times": ["25:00"]}}, {"kind": "click"}],
        "steps": [
            {"kind": "wait", "settings": {"amount": 0}},
            {"kind": "split", "branches": [{"criteria": {"all": [{"property": "x", "operator": "eq", "value": 1}]}}]},
            {"kind": "teleport"},
            {"kind": "send_email", "settings": {"content": 999}, "colour": "red"},
        ],
    }
    assert sorted(paths(in_acme, document, by=owner)) == sorted(
        [
            "colour",
            "name",
            "time_zone",
            "only_once",
            "filter.property",
            "success.0.name",
            "success.0.criteria",
            "exclusion_lists.0",
            "starts_at",
            "email.bcc",
            "email.sender_address",
            "email.reply_address",
            "email.subscription_type",
            "triggers.0.schedule.weekdays",
            "triggers.0.schedule.times.0",
            "triggers.1.kind",
            "steps.0.settings.amount",
            "steps.1.branches.0.criteria.all.0.property",
            "steps.2.kind",
            "steps.3.colour",
            "steps.3.settings.content",
        ]
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], [""]),
        ("flow", [""]),
        ({}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"name": "two\nlines"}, ["name"]),
        ({"name": "x", "id": 7}, ["id"]),
        ({"name": "x", "object_type": "spaceship", "filter": IN_NORWAY}, ["object_type"]),
        ({"name": "x", "object_type": ["contact"]}, ["object_type"]),
        ({"name": "x", "time_zone": ["Europe/Oslo"]}, ["time_zone"]),
        ({"name": "x", "description": "y" * 4001}, ["description"]),
        ({"name": "x", "filter": []}, ["filter"]),
        ({"name": "x", "success": {}}, ["success"]),
        ({"name": "x", "success": [7]}, ["success.0"]),
        ({"name": "x", "success": [{"name": "y", "criteria": IN_NORWAY}] * 2}, ["success.1.name"]),
        ({"name": "x", "exclusion_lists": "all"}, ["exclusion_lists"]),
        ({"name": "x", "exclusion_lists": [True, "7", 10**30]}, [f"exclusion_lists.{n}" for n in range(3)]),
        ({"name": "x", "starts_at": 7}, ["starts_at"]),
        ({"name": "x", "starts_at": "soon"}, ["starts_at"]),
        ({"name": "x", "starts_at": "0001-01-01T00:00:00+14:00"}, ["starts_at"]),
        (
            {"name": "x", "starts_at": "2027-01-02T00:00:00Z", "enrolment_ends_at": "2027-01-02T00:00:00Z"},
            ["enrolment_ends_at"],
        ),
        ({"name": "x", "email": None}, ["email"]),
        ({"name": "x", "email": {"sender_name": "a\r\nBcc: b@example.com"}}, ["email.sender_name"]),
        ({"name": "x", "email": {"sender_address": "Acme <a@example.com>"}}, ["email.sender_address"]),
        ({"name": "x", "email": {"subscription_type": 10**30}}, ["email.subscription_type"]),
        ({"name": "x", "triggers": {}}, ["triggers"]),
        ({"name": "x", "triggers": [{"kind": "schedule"}] * 21}, ["triggers"]),
        ({"name": "x", "triggers": [{"kind": "schedule", "schedule": []}]}, ["triggers.0.schedule"]),
        (
            {"name": "x", "triggers": [{"kind": "schedule", "schedule": {**DAILY, "safety_brake": 0}}]},
            ["triggers.0.schedule.safety_brake"],
        ),
        (
            {"name": "x", "triggers": [{"kind": "schedule", "schedule": {**DAILY, "time_zone": "Asia/Tokyo"}}]},
            ["triggers.0.schedule.time_zone"],
        ),
        (
            {"name": "x", "triggers": [{"kind": "schedule", "schedule": {**DAILY, "time_zone": []}}]},
            ["triggers.0.schedule.time_zone"],
        ),
        ({"name": "x", "steps": {}}, ["steps"]),
        ({"name": "x", "steps": ["wait"]}, ["steps.0"]),
        ({"name": "x", "steps": [{"kind": ["wait"]}]}, ["steps.0.kind"]),
        ({"name": "x", "steps": [{**WAIT, "id": 999}]}, ["steps.0.id"]),
        ({"name": "x", "steps": [{**WAIT, "settings": []}]}, ["steps.0.settings"]),
        ({"name": "x", "steps": [{**WAIT, "settings": {"unit": []}}]}, ["steps.0.settings.unit"]),
        ({"name": "x", "steps": [{"kind": "add_to_list", "settings": {"list": 10**30}}]}, ["steps.0.settings.list"]),
        ({"name": "x", "steps": [{"kind": "send_email", "settings": {"content": [1]}}]}, ["steps.0.settings.content"]),
        ({"name": "x", "steps": [{"kind": "update_record", "settings": {"values": 1}}]}, ["steps.0.settings.values"]),
        ({"name": "x", "steps": [{"kind": "finish", "settings": {"x": 1}}]}, ["steps.0.settings.x"]),
        ({"name": "x", "steps": [{**WAIT, "branches": [{}]}]}, ["steps.0.branches"]),
        ({"name": "x", "steps": [{"kind": "finish"}, WAIT]}, ["steps.0.kind"]),
        ({"name": "x", "steps": [{"kind": "finish"}, {"kind": "finish"}]}, ["steps.0.kind"]),
        (
            {"name": "x", "steps": [{"kind": "split", "branches": [{"steps": [{"kind": "finish"}]}]}]},
            ["steps.0.branches.0.steps.0.kind"],
        ),
        (
            {"name": "x", "steps": [{"kind": "split", "branches": [{"is_everyone_else": True}, {"name": "a"}]}]},
            ["steps.0.branches.0.is_everyone_else"],
        ),
        (
            {
                "name": "x",
                "steps": [{"kind": "split", "branches": [{"is_everyone_else": True, "criteria": IN_NORWAY}]}],
            },
            ["steps.0.branches.0.criteria"],
        ),
        ({"name": "x", "steps": [{"kind": "split", "branches": [7]}]}, ["steps.0.branches.0"]),
        ({"name": "x", "triggers": [7]}, ["triggers.0"]),
        ({"name": "x", "steps": [{"kind": "split", "branches": [{}] * 51}]}, ["steps.0.branches"]),
        ({"name": "x\x00"}, ["name"]),
        ({"name": "x", "filter": {"property": "country", "operator": "eq", "value": "\ud800"}}, ["filter.value"]),
        ({"name": "x", "steps": [{**WAIT, "settings": {"amount": float("nan")}}]}, ["steps.0.settings.amount"]),
        ({"name": "x", "\x00": 1}, [""]),
    ],
)
def test_bad_input_is_refused_by_its_path(in_acme: Account, owner: Actor, document: Any, expected: list[str]) -> None:
    assert paths(in_acme, document, by=owner) == expected


def test_a_flow_has_at_most_500_steps_finish_not_counted(in_acme: Account, owner: Actor) -> None:
    assert paths(in_acme, {"name": "x", "steps": [WAIT] * 501}, by=owner) == ["steps"]
    branches = [{"name": "a", "steps": [WAIT] * 250}]
    split = {"kind": "split", "branches": branches}
    assert paths(in_acme, {"name": "x", "steps": [split, *[WAIT] * 250]}, by=owner) == ["steps"]
    flow = create(in_acme.pk, {"name": "x", "steps": [split, *[WAIT] * 249]}, by=owner)
    assert Step.objects.filter(flow=flow).count() == 501
    edit(in_acme.pk, flow.pk, as_document(flow), revision=1, by=owner)


def test_splits_stand_at_most_8_deep_in_each_other(in_acme: Account, owner: Actor) -> None:
    def nested(depth: int) -> dict[str, Any]:
        inner = [nested(depth - 1)] if depth > 1 else [WAIT]
        return {"kind": "split", "branches": [{"name": "a", "criteria": IN_NORWAY, "steps": inner}]}

    assert paths(in_acme, {"name": "x", "steps": [nested(9)]}, by=owner) == [
        "steps.0" + ".branches.0.steps.0" * 8 + ".branches"
    ]
    assert paths(in_acme, {"name": "x", "steps": [nested(200)]}, by=owner) != []
    create(in_acme.pk, {"name": "x", "steps": [nested(8)]}, by=owner)


def test_ids_of_another_account_are_unknown(acme: Account, globex: Account, owner: Actor) -> None:
    with account_scope(globex.pk):
        theirs = make.make_flow(["wait 1 days", {"split": [(IN_NORWAY, [])]}], schedule={"frequency": "daily"})
        wait, split, _finish = as_document(theirs)["steps"]
        trigger = as_document(theirs)["triggers"][0]
        their_list, their_content = make.make_list(), make.make_content()
    with account_scope(acme.pk):
        ours = make.make_flow([{"split": [(IN_NORWAY, [])]}])
        our_split = make.steps_of(ours)[0]
    document = {
        "filter": {"list": their_list.pk, "operator": "in"},
        "exclusion_lists": [their_list.pk],
        "email": {"subscription_type": theirs.outbox.subscription_type_id},
        "triggers": [{"id": trigger["id"], "kind": "schedule"}],
        "steps": [
            {"id": wait["id"]},
            {"kind": "send_email", "settings": {"content": their_content.pk}},
            {"kind": "add_to_list", "settings": {"list": their_list.pk}},
            {"id": our_split.pk, "branches": [{"id": split["branches"][0]["id"]}, {"is_everyone_else": True}]},
        ],
    }
    with pytest.raises(InvalidDocument) as refused:
        edit(acme.pk, ours.pk, document, revision=1, by=owner)
    assert [path for path, _message in refused.value.errors] == [
        "filter.list",
        "email.subscription_type",
        "exclusion_lists.0",
        "triggers.0.id",
        "steps.0.id",
        "steps.1.settings.content",
        "steps.2.settings.list",
        "steps.3.branches.0.id",
    ]
    with account_scope(globex.pk):
        assert as_document(Flow.objects.get(pk=theirs.pk))["steps"] == [wait, split, _finish]


def test_ids_of_another_flow_are_unknown(in_acme: Account, owner: Actor) -> None:
    other = as_document(make.make_flow(["wait 1 days"], schedule={"frequency": "daily"}))
    flow = make.make_flow(["wait 1 days"])
    document = {"id": other["id"], "triggers": other["triggers"], "steps": other["steps"]}
    expected = ["id", "triggers.0.id", "steps.0.id", "steps.1.id"]
    assert refused_paths(flow, document, by=owner) == expected


def test_a_step_or_trigger_is_named_once(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(["wait 1 days"], schedule={"frequency": "daily"})
    document = as_document(flow)
    wait, finish = document["steps"]
    twice = {"steps": [wait, wait, finish], "triggers": document["triggers"] * 2}
    assert refused_paths(flow, twice, by=owner) == ["triggers.1.id", "steps.1.id"]


def test_a_step_keeps_its_kind_and_a_branch_its_role(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(["wait 1 days", {"split": [(IN_NORWAY, [])]}])
    wait, split, finish = as_document(flow)["steps"]
    norway, others = split["branches"]
    swapped = [{**norway, "is_everyone_else": True, "criteria": None}, {**others, "is_everyone_else": False}]
    steps = [{**wait, "kind": "add_to_list", "settings": {}}, {**split, "branches": swapped}, finish]
    assert refused_paths(flow, {"steps": steps}, by=owner) == [
        "steps.0.kind",
        "steps.1.branches.0.is_everyone_else",
        "steps.1.branches.0.is_everyone_else",
        "steps.1.branches.1.is_everyone_else",
    ]


def test_everyone_else_is_neither_removed_nor_moved(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow([{"split": [(IN_NORWAY, [])]}])
    split, finish = as_document(flow)["steps"]
    norway, others = split["branches"]
    assert refused_paths(flow, {"steps": [{**split, "branches": [norway]}, finish]}, by=owner) == ["steps.0.branches"]
    assert refused_paths(flow, {"steps": [{**split, "branches": [others, norway]}, finish]}, by=owner) == [
        "steps.0.branches.0.is_everyone_else"
    ]


def test_a_branch_stays_in_its_split(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow([{"split": [(IN_NORWAY, [])]}, {"split": [(IN_NORWAY, [])]}])
    first, second, finish = as_document(flow)["steps"]
    second["branches"].insert(0, first["branches"].pop(0))
    assert refused_paths(flow, {"steps": [first, second, finish]}, by=owner) == ["steps.1.branches.0.id"]


def test_the_object_type_stays(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow()
    make.make_object_type("company")
    assert refused_paths(flow, {"object_type": "company"}, by=owner) == ["object_type"]


def test_lists_are_static_and_of_the_flows_object_type(in_acme: Account, owner: Actor) -> None:
    contact, company = make.make_object_type(), make.make_object_type("company")
    dynamic = List.objects.create(name="Dynamic", kind=ListKind.DYNAMIC, object_type=contact, criteria=IN_NORWAY)
    companies = make.make_list("Companies", object_type=company)
    document = {
        "exclusion_lists": [dynamic.pk, companies.pk],
        "steps": [{"kind": "add_to_list", "settings": {"list": each.pk}} for each in (dynamic, companies)],
    }
    assert refused_paths(make.make_flow(), document, by=owner) == [
        "exclusion_lists.0",
        "exclusion_lists.1",
        "steps.0.settings.list",
        "steps.1.settings.list",
    ]


def test_one_fault_keeps_everything_else_from_being_written(in_acme: Account, owner: Actor) -> None:
    flow = make.make_flow(["wait 1 days"], schedule={"frequency": "daily"}, status=FlowStatus.PAUSED)
    excluded = make.make_list()
    document = {
        "name": "New",
        "email": {"sender_name": "New"},
        "exclusion_lists": [excluded.pk],
        "triggers": [],
        "steps": [WAIT, {"kind": "teleport"}],
    }
    assert refused_paths(flow, document, by=owner) == ["steps.1.kind"]
    assert not ExclusionList.objects.exists()


def test_what_is_unchanged_is_not_checked_again(in_acme: Account, owner: Actor) -> None:
    """A property or list that went away is a problem of the flow, not of a new name."""
    gone = make.make_list()
    flow = make.make_flow(
        [{"add_to_list": gone}, {"split": [(IN_NORWAY, [])]}, {"update_record": {"country": "NO"}}],
        filter=IN_NORWAY,
        success=[{"name": "Norwegian", "criteria": IN_NORWAY}],
        schedule={"frequency": "daily"},
        criteria=IN_NORWAY,
    )
    Property.objects.filter(key="country").update(archived_at=flow.created_at)
    gone.delete()
    document = {**as_document(flow), "name": "New"}
    assert as_document(edit(in_acme.pk, flow.pk, document, revision=1, by=owner)) == {**document, "revision": 2}
    document["filter"] = {"not": IN_NORWAY}
    document["steps"][0]["settings"] = {"list": gone.pk, "extra": 1}
    with pytest.raises(InvalidDocument) as refused:
        edit(in_acme.pk, flow.pk, document, revision=2, by=owner)
    assert [path for path, _message in refused.value.errors] == ["filter.not.property", "steps.0.settings.extra"]
