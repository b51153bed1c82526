"""Object types of an account's own, and the built-in ones of accounts that were there before."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records.built_in import BUILT_IN
from records.models import ObjectType, Property
from records.object_types import archive_object_type, create_object_type, rename_object_type, restore_object_type
from records.refusals import Invalid
from records.schema import ensure_object_types
from records.upserts import Status, upsert
from tests.make import make_list


def make(by: Actor, name: str = "Boat", plural: str = "Boats", **more: Any) -> ObjectType:
    return create_object_type(name, plural, by=by, **more)


def test_an_account_has_six_kinds_of_records_with_an_owner_and_a_name(contact: ObjectType) -> None:
    assert [each.key for each in BUILT_IN] == ["contact", "company", "deal", "ticket", "activity", "project"]
    for each in ObjectType.objects.all():
        types = dict(each.properties.values_list("key", "type"))
        assert types["owner"] == "owner"
        assert "name" in types or each.key == "contact"
        assert not each.is_custom
    labels = dict(Property.objects.filter(key="name").values_list("object_type__key", "label"))
    assert (labels["ticket"], labels["activity"], labels["deal"]) == ("Subject", "Title", "Name")
    deal = ObjectType.objects.get(key="deal")
    row = {
        "external_id": "1",
        "properties": {"name": "Boats", "stage": "sold", "amount": "1 200,50", "currency": "nok"},
    }
    (made,) = upsert(deal, [row], match_on="external_id", source="api")
    assert made.status == Status.CREATED


def test_an_account_makes_kinds_of_its_own(contact: ObjectType, owner: Actor) -> None:
    boat = make(owner, " Fiskebåt ", "Fiskebåter", primary_label="Skrognummer")
    assert (boat.key, boat.name, boat.plural, boat.is_custom) == ("fiskebat", "Fiskebåt", "Fiskebåter", True)
    assert list(boat.properties.order_by("pk").values_list("key", "label", "type")) == [
        ("name", "Skrognummer", "text"),
        ("owner", "Owner", "owner"),
    ]
    assert make(owner, "Fiskebåt", "Flere").key == "fiskebat_2"
    assert make(owner, "船", "船").key == "type"
    rename_object_type(boat, name="Skip", plural="Skip", by=owner)
    assert ObjectType.objects.get(key="fiskebat").name == "Skip"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": " "}, "name"),
        ({"plural": "x" * 81}, "plural"),
        ({"key": "contact"}, "key"),
        ({"key": "Boat"}, "key"),
        ({"primary_label": "x" * 121}, "primary_label"),
    ],
)
def test_what_does_not_fit_is_refused(contact: ObjectType, owner: Actor, given: dict[str, Any], path: str) -> None:
    before = ObjectType.objects.count()
    with pytest.raises(Invalid) as refused:
        make(owner, **given)
    assert [error.path for error in refused.value.errors] == [path]
    assert ObjectType.objects.count() == before


def test_a_kind_that_something_is_about_is_not_archived(contact: ObjectType, owner: Actor) -> None:
    boat = make(owner)
    fleet = make_list("Fleet", object_type=boat)
    with pytest.raises(NotAllowed) as refused:
        archive_object_type(boat, by=owner)
    assert (refused.value.code, refused.value.message) == ("in_use", "It is used by “Fleet”. Change that first.")
    assert refused.value.detail == {"used_by": [{"kind": "list", "id": fleet.pk, "name": "Fleet"}]}
    fleet.delete()
    archive_object_type(boat, by=owner)
    assert boat.archived_at
    restore_object_type(boat, by=owner)
    assert ObjectType.objects.get(key="boat").archived_at is None


def test_a_built_in_kind_is_not_archived(contact: ObjectType, owner: Actor) -> None:
    with pytest.raises(NotAllowed) as refused:
        archive_object_type(contact, by=owner)
    assert refused.value.code == "built_in"


def test_accounts_from_before_get_what_new_ones_begin_with(acme: Account, globex: Account) -> None:
    with account_scope(acme.pk):
        contact = ObjectType.objects.create(key="contact", name="Person", plural="People")
        Property.objects.create(object_type=contact, key="owner", label="Whose", type="text")
        ObjectType.objects.create(key="boat", name="Boat", plural="Boats")
    give = import_module("records.migrations.0005_built_in_types").give
    for _ in range(2):
        with every_account():
            give(apps, None)
    with account_scope(acme.pk):
        assert ObjectType.objects.get(key="contact").name == "Person"
        assert Property.objects.get(object_type=contact, key="owner").label == "Whose"
        assert Property.objects.filter(object_type=contact).count() == len(BUILT_IN[0].properties)
        boat = ObjectType.objects.get(key="boat")
        assert boat.is_custom
        assert list(boat.properties.values_list("key", flat=True)) == ["name"]
        count = Property.objects.count()
        ensure_object_types()
        assert Property.objects.count() == count
    with account_scope(globex.pk):
        assert set(ObjectType.objects.values_list("key", flat=True)) == {each.key for each in BUILT_IN}
