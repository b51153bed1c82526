"""Which flows, lists and imports use a property, a list or an object type."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import ExclusionList, Flow, Visibility
from records.models import Import, List, ListKind, Property
from records.used_by import (
    in_use,
    register_finder,
    told,
    users_of_list,
    users_of_lists,
    users_of_object_type,
    users_of_property,
)
from running.used_by import seen_by
from tests.make import make_flow, make_list, make_object_type
from tests.records.trees import leaf

IN_OSLO = {"all": [{"not": leaf("city", "eq", "Oslo")}]}
DAILY = {"frequency": "daily"}


@pytest.fixture
def city(in_acme: Account) -> Property:
    """A property that nothing uses yet."""
    return Property.objects.get(object_type=make_object_type(), key="city")


def names(uses: list[Any]) -> list[str]:
    return [f"{use.kind} {use.name}" for use in uses]


@pytest.mark.parametrize(
    "settings",
    [
        {"filter": IN_OSLO},
        {"unenrolment": IN_OSLO},
        {"success": [{"name": "Moved", "criteria": IN_OSLO}]},
    ],
)
def test_a_flow_uses_the_properties_of_its_criteria(city: Property, settings: dict[str, Any]) -> None:
    make_flow(name="Other")
    make_flow(name="Oslo", **settings)
    assert names(users_of_property(city)) == ["flow Oslo"]


def test_a_flow_uses_the_properties_of_its_triggers_splits_and_steps(city: Property) -> None:
    make_flow(name="By schedule", schedule=DAILY, criteria=IN_OSLO)
    make_flow(name="By split", steps=[{"split": [(IN_OSLO, [])]}])
    make_flow(name="By step", steps=[{"update_record": {"city": None}}])
    assert names(users_of_property(city)) == ["flow By schedule", "flow By split", "flow By step"]


def test_a_property_of_another_type_with_the_same_key_is_another_one(city: Property) -> None:
    make_flow(filter=IN_OSLO)
    theirs = Property.objects.get(object_type=make_object_type("company"), key="city")
    assert users_of_property(theirs) == []


def test_lists_and_unfinished_imports_use_properties_and_lists(city: Property) -> None:
    members = make_list("Members")
    inside = {"any": [leaf("city", "known"), {"list": members.pk, "operator": "in"}]}
    List.objects.create(name="In town", kind=ListKind.DYNAMIC, object_type=city.object_type, criteria=inside)
    List.objects.create(
        name="Newly met", kind=ListKind.DYNAMIC, object_type=city.object_type, criteria=inside, is_hidden=True
    )
    for name, status in (("Old", "done"), ("Coming", "draft")):
        Import.objects.create(
            name=name,
            object_type=city.object_type,
            mapping={"Town": {"property": "city"}, "Notes": None},
            list=members,
            status=status,
            encoding="utf-8",
            delimiter=",",
        )
    assert names(users_of_property(city)) == ["list In town", "import Coming"]
    assert names(users_of_list(members)) == ["list In town", "import Coming"]


def test_flows_use_lists_in_criteria_in_steps_and_by_excluding_them(in_acme: Account) -> None:
    members = make_list("Members")
    make_flow(name="Into", steps=[{"add_to_list": members}])
    ExclusionList.objects.create(flow=make_flow(name="Without"), list=members)
    make_flow(name="By split", steps=[{"split": [({"list": members.pk, "operator": "in"}, [])]}])
    assert names(users_of_list(members)) == ["flow By split", "flow Into", "flow Without"]
    assert users_of_list(make_list("Nobody's")) == []


def test_the_users_of_several_lists_are_told_list_by_list(city: Property) -> None:
    one, other, nobodys = make_list("One"), make_list("Other"), make_list("Nobody's")
    inside = {"any": [{"list": one.pk, "operator": "in"}, {"list": other.pk, "operator": "in"}]}
    List.objects.create(name="Both", kind=ListKind.DYNAMIC, object_type=city.object_type, criteria=inside)
    make_flow(name="Into", steps=[{"add_to_list": one}])
    make_flow(name="Filtered", filter={"not": {"list": one.pk, "operator": "in"}})
    ExclusionList.objects.create(flow=make_flow(name="Without"), list=other)
    Import.objects.create(
        name="Coming", object_type=city.object_type, mapping={}, list=other, encoding="utf-8", delimiter=","
    )

    def found(*chosen: List) -> dict[int, list[str]]:
        return {key: names(uses) for key, uses in users_of_lists([each.pk for each in chosen]).items()}

    of_one, of_other = ["list Both", "flow Filtered", "flow Into"], ["list Both", "import Coming", "flow Without"]
    with CaptureQueriesContext(connection) as few:
        assert found(one) == {one.pk: of_one}
    with CaptureQueriesContext(connection) as many:
        assert found(one, other, nobodys) == {one.pk: of_one, other.pk: of_other}
    assert len(few) == len(many)
    assert found() == {}


def test_a_flow_that_others_do_not_see_is_counted_and_not_named(in_acme: Account) -> None:
    members = make_list("Members")
    make_flow(name="Secret", steps=[{"add_to_list": members}], visibility=Visibility.OWNER)
    uses = users_of_list(members)
    assert "Secret" not in in_use(uses) and told(uses) == []
    make_flow(name="Open", steps=[{"add_to_list": members}])
    uses = users_of_list(members)
    assert "Secret" not in in_use(uses) and "“Open” and 1 more" in in_use(uses)
    assert [each["name"] for each in told(uses)] == ["Open"]
    assert names(seen_by(Actor(in_acme.pk, Role.MARKETER, "Key"), uses)) == ["flow Open"]
    assert names(seen_by(Actor(in_acme.pk, Role.ADMIN, "Key"), uses)) == ["flow Open", "flow Secret"]


def test_an_object_type_is_used_by_what_is_about_its_records(in_acme: Account) -> None:
    company = make_object_type("company")
    flow = make_flow(name="Contacts")
    make_flow(name="Companies", object_type=company)
    make_list("Firms", object_type=company)
    assert names(users_of_object_type(company)) == ["list Firms", "flow Companies"]
    Flow.objects.filter(pk=flow.pk).update(filter={"associated": "company", "where": {"all": []}})
    assert names(users_of_object_type(company)) == ["list Firms", "flow Companies", "flow Contacts"]


def test_what_uses_it_in_another_account_is_not_told(city: Property, globex: Account) -> None:
    with account_scope(globex.pk):
        make_flow(filter=IN_OSLO)
        assert names(users_of_property(Property.objects.get(object_type=make_object_type(), key="city")))
    assert users_of_property(city) == []


def test_the_number_of_queries_does_not_grow(city: Property) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            users_of_property(city)
        return len(captured)

    queries()
    before = queries()
    for number in range(3):
        make_flow(schedule=DAILY, criteria=IN_OSLO)
        make_list(f"List {number}")
    assert queries() == before <= 9


def test_a_kind_has_one_finder() -> None:
    with pytest.raises(ValueError, match="flow"):
        register_finder("flow", lambda wanted: [])
