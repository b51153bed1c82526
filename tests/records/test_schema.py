"""Object types and properties of an account."""

from typing import Any

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records.built_in import STAGES
from records.models import ObjectType, Property, PropertyType
from records.refusals import Invalid
from records.schema import add_property, ensure_object_types


def test_an_account_gets_the_built_in_object_types_with_their_properties(inside_acme: Account) -> None:
    ensure_object_types()
    contact = ObjectType.objects.get(key="contact")
    types = dict(Property.objects.filter(object_type=contact).order_by("pk").values_list("key", "type"))
    assert list(types) == [
        "first_name", "last_name", "email", "phone", "company_name", "city", "country", "language", "time_zone",
        "lifecycle_stage", "score", "date_of_birth", "renewal_date", "created_on", "notes", "owner",
    ]  # fmt: skip
    assert (types["score"], types["date_of_birth"], types["created_on"]) == ("number", "date", "datetime")
    assert Property.objects.get(key="lifecycle_stage").options == list(STAGES)
    assert Property.objects.filter(object_type__key="company").count() == 9


def test_ensuring_again_changes_nothing_and_adds_what_is_missing(
    inside_acme: Account, django_assert_max_num_queries: Any
) -> None:
    ensure_object_types()
    before = list(Property.objects.order_by("pk").values())
    Property.objects.filter(key="first_name").update(label="Given name")
    Property.objects.filter(key="notes").delete()
    with django_assert_max_num_queries(12):
        ensure_object_types()
    assert Property.objects.get(key="first_name").label == "Given name"
    assert Property.objects.count() == len(before)


def test_each_account_has_its_own(inside_acme: Account, globex: Account) -> None:
    ensure_object_types()
    with account_scope(globex.pk):
        assert not ObjectType.objects.exists()
        assert not Property.objects.exists()
        ensure_object_types()
    with every_account():
        assert ObjectType.objects.filter(key="contact").count() == 2


def test_a_property_is_added(contact: ObjectType) -> None:
    size = add_property(contact, "shoe_size", " Shoe size ", PropertyType.CHOICE, ["Small", " Large "])
    assert (size.label, size.options) == ("Shoe size", ["Small", "Large"])
    assert Property.objects.get(key="shoe_size").type == "choice"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"key": "Shoe size"}, "key"),
        ({"key": "1st"}, "key"),
        ({"is_unique": True, "type": "boolean"}, "is_unique"),
        ({"is_unique": True, "default": "x"}, "default"),
        ({"type": "date", "default": "tomorrow"}, "default"),
        ({"key": "x" * 61}, "key"),
        ({"key": "consent"}, "key"),
        ({"key": "first_name"}, "key"),
        ({"label": " "}, "label"),
        ({"label": "x" * 121}, "label"),
        ({"type": "colour"}, "type"),
        ({"options": ["a"]}, "options"),
        ({"type": "choice"}, "options"),
        ({"type": "choice", "options": ["a", "A"]}, "options"),
        ({"type": "choice", "options": ["a", ""]}, "options.1"),
        ({"description": "x" * 501}, "description"),
    ],
)
def test_what_does_not_fit_is_refused(contact: ObjectType, given: dict[str, Any], path: str) -> None:
    property: dict[str, Any] = {"key": "shoe_size", "label": "Shoe size", "type": "text", **given}
    with pytest.raises(Invalid) as refusal:
        add_property(contact, **property)
    assert [error.path for error in refusal.value.errors] == [path]


def test_a_key_is_made_of_the_label(contact: ObjectType) -> None:
    labels = ["Favoritt-farge på båt!", "Favoritt farge på båt", "E-mail", "Email", "1. valg", "船"]
    keys = [add_property(contact, "", label, PropertyType.TEXT).key for label in labels]
    assert keys == [
        "favoritt_farge_pa_bat", "favoritt_farge_pa_bat_2", "e_mail", "email_2", "property_1_valg", "property",
    ]  # fmt: skip


def test_a_property_named_email_is_an_address(inside_acme: Account) -> None:
    ticket = ObjectType.objects.create(key="ticket", name="Ticket", plural="Tickets")
    with pytest.raises(Invalid):
        add_property(ticket, "email", "E-mail", PropertyType.TEXT)
    assert add_property(ticket, "email", "E-mail", PropertyType.EMAIL).pk
