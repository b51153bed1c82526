"""The condition that a record is, or has been, in a flow."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import criteria, dynamic_lists
from records.criteria_references import references
from records.models import ListenedKind
from scheduling import clock
from tests.make import make_contact, make_flow, make_object_type, make_participant

pytestmark = pytest.mark.django_db


def who(tree: Any) -> set[int]:
    """The ids of those who meet it, asked as the owner role, which sees every account."""
    kind = make_object_type()
    condition = criteria.compile(tree, object_type_id=kind.pk, moment=clock.now(), zone="Europe/Oslo")
    sql = f"select r.id from records_record r where r.account_id = %(own)s and {condition.sql}"
    with every_account(), connection.cursor() as cursor:
        cursor.execute(sql, {**condition.params, "own": kind.account_id})
        return {row[0] for row in cursor.fetchall()}


def test_it_asks_for_any_walk_or_one_that_stands_so(in_acme: Account, globex: Account) -> None:
    flow = make_flow()
    active, before, never = make_contact(), make_contact(), make_contact()
    make_participant(flow, active)
    make_participant(flow, before, status="finished")
    with account_scope(globex.pk):
        make_participant(make_flow(), make_contact())
    assert who({"flow": flow.pk}) == {active.pk, before.pk}
    assert who({"flow": flow.pk, "operator": "not_in"}) == {never.pk}
    assert who({"flow": flow.pk, "status": "active"}) == {active.pk}
    assert who({"flow": flow.pk, "status": "finished", "operator": "not_in"}) == {active.pk, never.pk}


def test_faults_name_their_place(in_acme: Account, globex: Account) -> None:
    with account_scope(globex.pk):
        theirs = make_flow()
    kind, flow = make_object_type(), make_flow()

    def paths(tree: Any) -> list[str]:
        return [error.path for error in criteria.check(tree, kind)]

    assert paths({"all": [{"flow": theirs.pk}]}) == ["all.0.flow"]
    assert paths({"flow": "x", "operator": "is", "status": "gone"}) == ["flow", "operator", "status"]
    assert paths({"flow": flow.pk, "operator": [], "status": {}}) == ["operator", "status"]
    assert paths({"flow": flow.pk, "status": "active"}) == []
    other = make_flow(object_type=make_object_type("company"))
    assert paths({"flow": other.pk}) == ["flow"]


def test_it_reads_as_a_sentence(in_acme: Account) -> None:
    kind, flow = make_object_type(), make_flow(name="Welcome")
    for tree, said in (
        ({"flow": flow.pk}, "was ever in the flow “Welcome”"),
        ({"flow": flow.pk, "operator": "not_in"}, "was never in the flow “Welcome”"),
        ({"flow": flow.pk, "status": "dropped_out"}, "is dropped out in the flow “Welcome”"),
        ({"flow": flow.pk, "status": "active", "operator": "not_in"}, "is not active in the flow “Welcome”"),
    ):
        assert criteria.describe(tree, kind) == said
    gone = flow.pk
    flow.delete()
    assert criteria.describe({"flow": gone}, kind) == "was ever in the flow “a flow that is gone”"
    assert who({"flow": gone}) == set()


def test_a_dynamic_list_of_it_listens_to_walks(in_acme: Account) -> None:
    kind, flow = make_object_type(), make_flow()
    tree = {"flow": flow.pk, "status": "finished"}
    named = references(tree, kind)
    assert {"flow_enrolled", "flow_finished", "flow_cancelled"} <= named.events
    dynamic_lists.create_dynamic("Finished", kind, tree)
    assert {"flow_enrolled", "flow_finished"} <= set(ListenedKind.objects.values_list("kind", flat=True))
