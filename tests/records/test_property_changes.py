"""Changing properties that records have values of, and putting them away."""

from typing import Any

import pytest

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import History, Member, User
from records.models import List, ListKind, ObjectType, Property, UniqueValue
from records.property_changes import archive_property, change_property, restore_property
from records.refusals import Invalid
from records.schema import add_property
from records.upserts import Status, upsert
from tests.records.test_upserts import person
from tests.records.trees import leaf


def fill(contact: ObjectType, *rows: dict[str, Any]) -> None:
    results = upsert(contact, [person(f"{n}@firma.example", **row) for n, row in enumerate(rows)],
                     match_on="email", source="api")  # fmt: skip
    assert {result.status for result in results} == {Status.CREATED}


def of(contact: ObjectType, key: str) -> Property:
    return Property.objects.get(object_type=contact, key=key)


def refusal(property: Property, by: Actor, **wanted: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        change_property(property, by=by, **wanted)
    stored = Property.objects.get(pk=property.pk)
    assert all(getattr(stored, name) == getattr(property, name) for name in wanted), "nothing is changed"
    return {error.path: error.message for error in refused.value.errors}


def test_a_property_is_renamed_without_touching_data(contact: ObjectType, owner: Actor) -> None:
    fill(contact, {"city": "Oslo"})
    changed = change_property(of(contact, "city"), by=owner, label=" Town ", description="Where they live.")
    assert (changed.key, changed.label, changed.description) == ("city", "Town", "Where they live.")
    row = History.objects.get(subject="property", verb="changed")
    assert row.detail == {
        "name": "Town",
        "changes": {"label": ["City", "Town"], "description": ["", "Where they live."]},
    }
    change_property(of(contact, "city"), by=owner, label="Town")
    assert History.objects.filter(subject="property").count() == 1


@pytest.mark.parametrize(
    ("key", "wanted", "path"),
    [
        ("city", {"label": " "}, "label"),
        ("city", {"label": "x" * 121}, "label"),
        ("city", {"description": "x" * 501}, "description"),
        ("city", {"options": ["a"]}, "options"),
        ("lifecycle_stage", {"options": []}, "options"),
        ("lifecycle_stage", {"options": ["a", "A "]}, "options"),
        ("lifecycle_stage", {"default": "Friend"}, "default"),
        ("score", {"default": "many"}, "default"),
        ("score", {"default": 1, "is_unique": True}, "default"),
        ("owner", {"default": 1}, "default"),
        ("notes", {"is_unique": True}, "is_unique"),
        ("lifecycle_stage", {"is_unique": True}, "is_unique"),
    ],
)
def test_what_does_not_fit_is_refused(
    contact: ObjectType, owner: Actor, key: str, wanted: dict[str, Any], path: str
) -> None:
    assert list(refusal(of(contact, key), owner, **wanted)) == [path]


def test_an_option_that_records_have_is_kept(contact: ObjectType, owner: Actor) -> None:
    add_property(contact, "sizes", "Sizes", "multiple_choice", ["S", "M", "L"])
    fill(contact, {"sizes": ["S", "L"]}, {"sizes": ["L"]}, {"lifecycle_stage": "Lead"})
    sizes = of(contact, "sizes")
    assert refusal(sizes, owner, options=["S", "M"])["options"].startswith("2 records have “L”.")
    assert refusal(sizes, owner, options=["M", "L"])["options"].startswith("1 record has “S”.")
    assert change_property(sizes, by=owner, options=["XL", "L", "S"]).options == ["XL", "L", "S"]
    stage = of(contact, "lifecycle_stage")
    assert refusal(stage, owner, options=["Other"])["options"].startswith("1 record has “Lead”.")
    assert change_property(stage, by=owner, options=["Other", "Lead"]).options == ["Other", "Lead"]


def test_an_option_that_criteria_name_is_kept(contact: ObjectType, owner: Actor) -> None:
    List.objects.create(
        name="Fans",
        kind=ListKind.DYNAMIC,
        object_type=contact,
        criteria={"any": [leaf("lifecycle_stage", "in", ["Evangelist", "Customer"]), leaf("city", "eq", "Other")]},
    )
    stage = of(contact, "lifecycle_stage")
    without = [option for option in stage.options if option != "Evangelist"]
    assert refusal(stage, owner, options=without) == {
        "options": "“Evangelist”: It is used by “Fans”. Change that first."
    }
    change_property(stage, by=owner, options=[option for option in stage.options if option != "Other"])


def test_an_option_that_is_the_default_is_kept(contact: ObjectType, owner: Actor) -> None:
    stage = change_property(of(contact, "lifecycle_stage"), by=owner, default=" lead")
    assert stage.default == "Lead"
    assert list(refusal(stage, owner, options=["Other"])) == ["default"]
    assert change_property(stage, by=owner, options=["Other"], default="Other").default == "Other"
    assert change_property(stage, by=owner, default="").default is None


def test_a_property_becomes_unique_unless_records_share_values(contact: ObjectType, owner: Actor) -> None:
    fill(contact, {"city": "Oslo"}, {"city": "OSLO"}, {"city": "Bergen"}, {"city": "oslo"}, {})
    city = of(contact, "city")
    said = refusal(city, owner, is_unique=True)
    assert said == {"is_unique": "3 records share a value of it with another. Make those differ first."}
    upsert(contact, [person(f"{n}@firma.example", city=f"Town {n}") for n in (0, 1)], match_on="email", source="api")
    city = change_property(city, by=owner, is_unique=True)
    assert set(UniqueValue.objects.values_list("value", flat=True)) == {"town 0", "town 1", "bergen", "oslo"}
    (clash,) = upsert(contact, [person("new@firma.example", city="Bergen")], match_on="email", source="api")
    assert clash.status == Status.REFUSED
    change_property(city, by=owner, is_unique=False)
    assert not UniqueValue.objects.exists()
    (fine,) = upsert(contact, [person("new@firma.example", city="Bergen")], match_on="email", source="api")
    assert fine.status == Status.CREATED


def test_values_too_long_to_be_unique_are_told(contact: ObjectType, owner: Actor) -> None:
    fill(contact, {"city": "x" * 501})
    assert refusal(of(contact, "city"), owner, is_unique=True)["is_unique"].startswith("1 record has a value of more")


def test_a_default_owner_is_given_by_address(contact: ObjectType, owner: Actor) -> None:
    anne = Member.objects.create(user=User.objects.create_user("anne@acme.example"))
    assert change_property(of(contact, "owner"), by=owner, default="anne@acme.example").default == anne.pk


def test_an_archived_property_keeps_its_values_and_comes_back_with_them(contact: ObjectType, owner: Actor) -> None:
    fill(contact, {"city": "Oslo"})
    city = of(contact, "city")
    archive_property(city, by=owner)
    archive_property(city, by=owner)
    (unknown,) = upsert(contact, [person("0@firma.example", city="Bergen")], match_on="email", source="api")
    assert [error.path for error in unknown.errors] == ["properties.city"]
    restore_property(of(contact, "city"), by=owner)
    (same,) = upsert(contact, [person("0@firma.example", city="Oslo")], match_on="email", source="api")
    assert same.status == Status.UNCHANGED
    assert list(History.objects.order_by("pk").values_list("verb", flat=True)) == ["archived", "restored"]


@pytest.mark.parametrize(("type_key", "key"), [("contact", "email"), ("contact", "last_name"), ("company", "name")])
def test_what_records_are_called_by_is_not_archived(contact: ObjectType, owner: Actor, type_key: str, key: str) -> None:
    property = Property.objects.get(object_type__key=type_key, key=key)
    with pytest.raises(NotAllowed) as refused:
        archive_property(property, by=owner)
    assert refused.value.code == "needed"
