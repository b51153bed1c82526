"""Lists: who is in them, and what is told when that changes."""

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope
from records import events, lists
from records.models import Event, EventPending, List, ListEntry, ListKind, ObjectType, Record
from records.refusals import Invalid
from records.schema import ensure_object_types
from scheduling.clock import now


@pytest.fixture
def customers(contact: ObjectType) -> List:
    return lists.create_static("Customers", contact)


def make(object_type: ObjectType, n: int, **properties: object) -> list[int]:
    return [Record.objects.create(object_type=object_type, properties=properties).pk for _ in range(n)]


def members(list: List) -> list[int]:
    return sorted(ListEntry.objects.filter(list=list).values_list("record_id", flat=True))


def test_records_are_put_in_once_and_only_newcomers_are_told(contact: ObjectType, customers: List) -> None:
    first, second = make(contact, 2)
    assert lists.add(customers, [first]) == 1
    assert lists.add(customers, [second, first, second]) == 1
    assert members(customers) == [first, second]
    assert lists.size(customers) == 2
    told = Event.objects.filter(kind="list_joined").order_by("pk")
    assert [(event.record_id, event.detail) for event in told] == [
        (first, {"list": customers.pk}),
        (second, {"list": customers.pk}),
    ]


def test_joining_has_consequences_only_where_something_listens(contact: ObjectType, customers: List) -> None:
    first, second = make(contact, 2)
    lists.add(customers, [first])
    assert not EventPending.objects.exists()
    events.listen(["list_joined"])
    lists.add(customers, [first, second])
    assert [pending.event.record_id for pending in EventPending.objects.select_related("event")] == [second]


def test_records_leave_and_only_those_who_were_in_are_told(contact: ObjectType, customers: List) -> None:
    first, second = make(contact, 2)
    lists.add(customers, [first])
    assert lists.remove(customers, [first, second]) == 1
    assert members(customers) == []
    assert [event.record_id for event in Event.objects.filter(kind="list_left")] == [first]


def test_records_that_meet_criteria_are_put_in(contact: ObjectType, customers: List) -> None:
    norwegian, _ = make(contact, 1, country="NO"), make(contact, 1, country="SE")
    make(ObjectType.objects.get(key="company"), 1, country="NO")
    tree = {"property": "country", "operator": "eq", "value": "NO"}
    assert lists.add_matching(customers, tree, moment=now(), zone="Europe/Oslo") == 1
    assert members(customers) == norwegian
    with pytest.raises(Invalid):
        lists.add_matching(customers, {"any": []}, moment=now(), zone="Europe/Oslo")


def test_what_is_no_live_record_of_this_type_and_account_is_passed_over(
    contact: ObjectType, customers: List, globex: Account
) -> None:
    company = make(ObjectType.objects.get(key="company"), 1)
    archived = make(contact, 1)
    Record.objects.filter(pk__in=archived).update(archived_at=now())
    with account_scope(globex.pk):
        ensure_object_types()
        theirs = make(ObjectType.objects.get(key="contact"), 1)
    assert lists.add(customers, [*company, *archived, *theirs, 10**15]) == 0
    assert members(customers) == []


def test_nobody_is_put_into_a_dynamic_list_by_hand(contact: ObjectType) -> None:
    dynamic = List.objects.create(name="Everyone", object_type=contact, kind=ListKind.DYNAMIC, criteria={"all": []})
    for change in (lists.add, lists.remove):
        with pytest.raises(Invalid):
            change(dynamic, make(contact, 1))


def test_a_name_belongs_to_one_list_of_an_account(contact: ObjectType, customers: List, globex: Account) -> None:
    for name in (" Customers ", "", "x" * 201):
        with pytest.raises(Invalid) as refusal:
            lists.create_static(name, contact)
        assert [error.path for error in refusal.value.errors] == ["name"]
    assert lists.free_name("Customers") == "Customers 2"
    assert lists.free_name("Friends") == "Friends"
    with account_scope(globex.pk):
        ensure_object_types()
        assert lists.create_static("Customers", ObjectType.objects.get(key="contact")).pk != customers.pk


def test_another_account_sees_no_list_no_entry_and_no_event(
    contact: ObjectType, customers: List, globex: Account
) -> None:
    lists.add(customers, make(contact, 3))
    with account_scope(globex.pk):
        assert not List.objects.exists()
        assert not ListEntry.objects.exists()
        assert not Event.objects.exists()
        assert not Record.objects.exists()
