"""The document of a flow with chance, exits, hand-overs and flows that people leave."""

from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.document import as_document
from flows.models import Flow
from running import copying, editing, verbs
from running.drafts import InvalidDocument
from running.problems import Severity, problems
from tests.make import make_flow, make_list, make_object_type

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _types(in_acme: Account) -> None:
    make_object_type()


@pytest.fixture
def flow_admin(in_acme: Account) -> Actor:
    """May edit flows, and see those of others only when they are for all."""
    return Actor(in_acme.pk, Role.FLOW_ADMIN, "Key", key_id=1)


def document_of(flow: Flow) -> dict[str, Any]:
    """As it is now."""
    return as_document(Flow.objects.select_related("object_type", "outbox").get(pk=flow.pk))


def refused(account: Account, owner: Actor, **document: Any) -> set[str]:
    """The places of the faults."""
    with pytest.raises(InvalidDocument) as error:
        editing.create(account.pk, {"name": "New", **document}, by=owner)
    return {path for path, _message in error.value.errors}


def test_what_is_written_comes_back_and_is_copied(in_acme: Account, owner: Actor) -> None:
    other, chosen = make_flow(name="Other"), make_list()
    leaving = {"exit": True, "exit_list": chosen.pk, "exit_flow": other.pk}
    waits = {"events": [{"event": "link_clicked", "detail": {"url": "x"}}], "amount": 2, "unit": "weeks", **leaving}
    chance = [{"name": "A", "weight": 3, "steps": [{"kind": "wait_for_event", "settings": waits}]}, {"name": "B"}]
    made = editing.create(
        in_acme.pk,
        {
            "name": "New",
            "leave_flows": [other.pk],
            "steps": [
                {"kind": "random_split", "branches": chance},
                {"kind": "split", "settings": leaving, "branches": [{"name": "Some"}]},
                {"kind": "finish", "settings": {"success_flow": other.pk}},
            ],
        },
        by=owner,
    )
    for flow in (made, copying.copy(in_acme.pk, made.pk, by=owner)):
        document = document_of(flow)
        split, by_criteria, finish = document["steps"]
        assert document["leave_flows"] == [other.pk]
        weights = [(each["name"], each["weight"], each["is_everyone_else"]) for each in split["branches"]]
        assert weights == [("A", 3, False), ("B", None, False)]
        assert split["branches"][0]["steps"][0]["settings"] == waits
        assert by_criteria["settings"] == leaving and by_criteria["branches"][-1]["is_everyone_else"]
        assert finish["settings"] == {"success_flow": other.pk}
    same = editing.edit(in_acme.pk, made.pk, document_of(made), revision=1, by=owner)
    assert same.revision == 1, "what has been read can be written back"


def test_weights_and_criteria_do_not_mix(in_acme: Account, owner: Actor) -> None:
    every = {"all": []}
    chance = {"kind": "random_split", "branches": [{"weight": 1, "criteria": every}, {"weight": 1001}]}
    assert refused(in_acme, owner, steps=[chance]) == {
        "steps.0.branches.0.criteria",
        "steps.0.branches.1.weight",
    }
    split = {"kind": "split", "branches": [{"weight": 1, "criteria": every}]}
    assert refused(in_acme, owner, steps=[split]) == {"steps.0.branches.0.weight"}
    last = {"kind": "random_split", "branches": [{"weight": 1}, {"is_everyone_else": True}]}
    assert refused(in_acme, owner, steps=[last]) == {"steps.0.branches.1.is_everyone_else"}


def test_targets_are_other_flows_of_the_account_for_the_same_records(
    in_acme: Account, globex: Account, owner: Actor
) -> None:
    with account_scope(globex.pk):
        theirs = make_flow()
    companies = make_flow(object_type=make_object_type("company"))
    for wrong in (theirs.pk, companies.pk, 10**9):
        steps = [{"kind": "finish", "settings": {"otherwise_flow": wrong}}]
        assert refused(in_acme, owner, steps=steps, leave_flows=[wrong]) == {
            "steps.0.settings.otherwise_flow",
            "leave_flows.0",
        }
    for nonsense in ("x", {}, [[]], ["1"], [True], [1.5], list(range(1, 60))):
        assert all(path.startswith("leave_flows") for path in refused(in_acme, owner, leave_flows=nonsense))


def test_what_stops_and_what_only_warns(in_acme: Account, owner: Actor) -> None:
    steps = [
        {"kind": "wait_for_event", "settings": {"events": [{"event": "unsubscribed"}]}},
        {
            "kind": "split",
            "settings": {"exit": True},
            "branches": [
                {"criteria": {"all": []}},
                {"is_everyone_else": True, "steps": [{"kind": "wait", "settings": {"amount": 1}}]},
            ],
        },
        {"kind": "random_split", "branches": [{"weight": 0}]},
    ]
    made = editing.create(in_acme.pk, {"name": "New", "steps": steps}, by=owner)
    flow = Flow.objects.select_related("object_type", "outbox").get(pk=made.pk)
    found = {(each.code, each.severity, each.field) for each in problems(flow) if each.step_id}
    assert found == {
        ("wait_without_maximum", Severity.WARNING, "amount"),
        ("exit_before_steps", Severity.ERROR, "exit"),
        ("split_without_branches", Severity.ERROR, "branches"),
    }


def test_nobody_sends_people_into_a_flow_that_they_may_not_see(
    in_acme: Account, owner: Actor, flow_admin: Actor
) -> None:
    """Neither in a new flow nor in one that is there; what an admin has set stays, also as the step is changed."""
    private, seen = make_flow(visibility="owner"), make_flow()
    exit = {"exit": True, "exit_flow": private.pk}
    waits = {"events": [{"event": "unsubscribed"}], "amount": 2, "unit": "days", **exit}
    steps: list[dict[str, Any]] = [
        {"kind": "wait_for_event", "settings": waits},
        {"kind": "split", "settings": exit, "branches": []},
        {"kind": "finish", "settings": {"success_flow": private.pk, "otherwise_flow": seen.pk}},
    ]
    places = {"steps.0.settings.exit_flow", "steps.1.settings.exit_flow", "steps.2.settings.success_flow"}
    leave_flows = [seen.pk, private.pk]
    assert refused(in_acme, flow_admin, steps=steps, leave_flows=leave_flows) == {*places, "leave_flows.1"}
    blank = editing.create(in_acme.pk, {"name": "Blank"}, by=owner)
    with pytest.raises(InvalidDocument) as error:
        editing.edit(in_acme.pk, blank.pk, {"steps": steps}, revision=1, by=flow_admin)
    assert {path for path, _message in error.value.errors} == places
    made = editing.create(in_acme.pk, {"name": "Set", "steps": steps, "leave_flows": leave_flows}, by=owner)
    document = document_of(made)
    document["steps"][0]["settings"]["amount"] = 3
    edited = editing.edit(in_acme.pk, made.pk, document, revision=1, by=flow_admin)
    assert edited.revision == 2 and document_of(edited)["steps"][0]["settings"] == {**waits, "amount": 3} | {
        "events": [{"event": "unsubscribed", "detail": {}}],
        "exit_list": None,
    }
    copied = document_of(copying.copy(in_acme.pk, made.pk, by=flow_admin))
    assert copied["leave_flows"] == [seen.pk], "a copy does not lead where whoever copies may not look"
    assert [step["settings"].get("exit_flow") for step in copied["steps"][:2]] == [None, None]
    assert copied["steps"][2]["settings"] == {"otherwise_flow": seen.pk}
    assert document_of(copying.copy(in_acme.pk, made.pk, by=owner))["leave_flows"] == sorted(leave_flows)


def test_a_flow_that_points_at_one_that_is_gone_can_be_copied(in_acme: Account, owner: Actor) -> None:
    gone = make_flow()
    document = {"name": "New", "steps": [{"kind": "finish", "settings": {"success_flow": gone.pk}}]}
    made = editing.create(in_acme.pk, {**document, "leave_flows": [gone.pk]}, by=owner)
    verbs.delete(in_acme.pk, gone.pk, by=owner)
    copied = document_of(copying.copy(in_acme.pk, made.pk, by=owner))
    assert copied["steps"][0]["settings"] == {} and copied["leave_flows"] == []
