"""Records made, changed, archived and restored: by the rules of upserts, each an event that says who."""

import pytest

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.tenancy import account_scope
from records import editing
from records.models import Event, PropertyType, Record
from records.refusals import Invalid
from records.upserts import Status, upsert
from tests.make import make_contact, make_contacts, make_object_type, make_property

pytestmark = pytest.mark.django_db
SOURCE = "member"


@pytest.fixture
def kari(acme: Account) -> Actor:
    return Actor(account_id=acme.pk, role="marketer", name="Kari", user_id=7)


def events(record_id: int) -> list[tuple[str, dict[str, object]]]:
    return list(Event.objects.filter(record_id=record_id).order_by("pk").values_list("kind", "detail"))


def test_a_record_is_made_by_the_rules_of_its_properties_without_looking_for_another(
    in_acme: Account, kari: Actor
) -> None:
    contact = make_object_type()
    there = make_contact("kathe@example.com")
    score = make_property("score", PropertyType.NUMBER)
    type(score).objects.filter(pk=score.pk).update(default=5)
    made = editing.create(contact, {"properties": {"email": " Kathe@Example.com "}}, by=kari, source=SOURCE)
    assert made != there.pk
    assert Record.objects.get(pk=made).properties == {"email": "kathe@example.com", "score": 5}
    told = {"source": "member", "by": {"kind": "member", "id": 7, "name": "Kari"}}
    assert events(made) == [("record_created", told)]


def test_rows_that_are_new_each_make_a_record(in_acme: Account) -> None:
    rows = [{"properties": {"first_name": "Ada"}}, {"properties": {"first_name": "Ada"}}, {"id": 1}]
    results = upsert(make_object_type(), rows, match_on="new", source="api")
    assert [each.status for each in results] == [Status.CREATED, Status.CREATED, Status.REFUSED]
    assert len({each.id for each in results[:2]}) == 2


def test_what_breaks_a_rule_is_refused_at_its_place_and_nothing_is_made(in_acme: Account, kari: Actor) -> None:
    make_property("code")
    make_object_type().properties.filter(key="code").update(is_required=True, is_unique=True)
    with pytest.raises(Invalid) as refused:
        editing.create(make_object_type(), {"properties": {"email": "nobody"}}, by=kari, source=SOURCE)
    assert [each.path for each in refused.value.errors] == ["properties.email"]
    with pytest.raises(Invalid) as refused:
        editing.create(make_object_type(), {"properties": {}}, by=kari, source=SOURCE)
    assert [each.path for each in refused.value.errors] == ["properties.code"]
    editing.create(make_object_type(), {"properties": {"code": "A"}}, by=kari, source=SOURCE)
    with pytest.raises(Invalid):
        editing.create(make_object_type(), {"properties": {"code": "a"}}, by=kari, source=SOURCE)
    assert Record.objects.count() == 1


def test_a_change_tells_old_and_new_and_who(in_acme: Account, kari: Actor) -> None:
    record = make_contact(city="Oslo")
    given = {"properties": {"city": "Bergen"}, "former_employee": True}
    assert editing.change(record, given, by=kari, source=SOURCE)
    ((kind, detail),) = events(record.pk)
    assert kind == "record_updated" and detail["by"] == kari.told
    assert detail["changes"] == {"city": ["Oslo", "Bergen"], "former_employee": [False, True]}
    assert not editing.change(record, given, by=kari, source=SOURCE)


def test_archiving_and_restoring_happen_once_each_and_are_told(in_acme: Account, kari: Actor) -> None:
    ids = [each.pk for each in make_contacts(3)]
    assert editing.archive(ids, by=kari, source=SOURCE) == 3
    assert editing.archive(ids, by=kari, source=SOURCE) == 0
    archived = Record.objects.select_related("object_type").get(pk=ids[0])
    with pytest.raises(NotAllowed):
        editing.change(archived, {"properties": {}}, by=kari, source=SOURCE)
    assert editing.restore(ids[:2], by=kari, source=SOURCE) == 2
    assert editing.restore(ids[:2], by=kari, source=SOURCE) == 0
    assert [kind for kind, _detail in events(ids[0])] == ["record_archived", "record_restored"]
    assert all(detail["by"] == kari.told for _kind, detail in events(ids[0]))
    assert History.objects.filter(subject="record", verb="restore").count() == 2


def test_another_accounts_record_is_not_touched(in_acme: Account, globex: Account, kari: Actor) -> None:
    with account_scope(globex.pk):
        theirs = make_contact().pk
    assert editing.archive([theirs], by=kari, source=SOURCE) == 0
    with account_scope(globex.pk):
        assert Record.objects.get(pk=theirs).archived_at is None
