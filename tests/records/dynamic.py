"""What tests of dynamic lists do again and again: people, lists, and the work of workers."""

from typing import Any

from accounts.models import Account
from accounts.tenancy import account_scope
from records import dynamic_lists, list_refresh, list_sizes, lists
from records.models import Event, List, ListEntry, ObjectType
from records.upserts import upsert
from tests import make
from triggers import matching

FROM_OSLO = {"property": "city", "operator": "eq", "value": "Oslo"}


def evaluate(account: Account, chosen: List) -> None:
    """As the workers do, until nothing is left to do."""
    while list_refresh.work(account.pk, chosen.pk):
        pass


def follow(account: Account) -> None:
    """Let the matcher deal with everything that is pending."""
    while matching.match(account.pk):
        pass


def inside(account: Account, chosen: List) -> set[int]:
    with account_scope(account.pk):
        found = set(ListEntry.objects.filter(list=chosen).values_list("record_id", flat=True))
        assert lists.size(chosen) == len(found), "the size is right at any time"
        assert list_sizes.wrong() == []
    return found


def made(account: Account, tree: Any = FROM_OSLO, name: str = "Oslo", object_type: str = "contact") -> List:
    """A dynamic list, evaluated."""
    with account_scope(account.pk):
        new = dynamic_lists.create_dynamic(name, make.make_object_type(object_type), tree)
    evaluate(account, new)
    return new


def people(account: Account, *cities: str | None) -> list[int]:
    with account_scope(account.pk):
        make.make_property("city")
        return [make.make_contact(**({"city": city} if city else {})).pk for city in cities]


def change(account: Account, record_id: int, **properties: Any) -> None:
    with account_scope(account.pk):
        contact = ObjectType.objects.get(key="contact")
        (result,) = upsert(contact, [{"id": record_id, "properties": properties}], match_on="id", source="api")
        assert result.status == "updated", result


def told(account: Account, kind: str) -> list[int]:
    with account_scope(account.pk):
        return sorted(Event.objects.filter(kind=kind).values_list("record_id", flat=True))
