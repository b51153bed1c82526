"""Required, unique and default: what properties ask of records, at the door that the API, forms and imports share."""

from typing import Any

import pytest

from accounts.tenancy import account_scope
from records.models import ObjectType, Property, Record, UniqueValue
from records.schema import ensure_object_types
from records.unique_values import forget_records, hold_all
from records.upserts import IMPORT, Result, Status, upsert
from tests.records.test_upserts import at_once, committed, person

__all__ = ["committed"]


def by_email(contact: ObjectType, *rows: dict[str, Any], source: str = "api") -> list[Result]:
    return upsert(contact, rows, match_on="email", source=source)


def paths(result: Result) -> list[str]:
    return [error.path for error in result.errors]


def rule(key: str, **columns: Any) -> Property:
    Property.objects.filter(key=key, object_type__key="contact").update(**columns)
    return Property.objects.get(key=key, object_type__key="contact")


def phones() -> dict[str, str]:
    return dict(Record.objects.filter(properties__has_key="phone").values_list("email", "properties__phone"))


@pytest.mark.parametrize("source", ["api", "member", IMPORT])
def test_a_new_record_needs_what_is_required_and_nobody_loses_it(contact: ObjectType, source: str) -> None:
    before = person("old@firma.example", city="Oslo")
    by_email(contact, before)
    rule("last_name", is_required=True)
    results = by_email(
        contact,
        person("a@firma.example"),
        person("b@firma.example", last_name=None),
        person("c@firma.example", last_name="Li"),
        person("c@firma.example", last_name=" "),
        person("c@firma.example", city="Bergen"),
        person("old@firma.example", city="Bergen"),
        source=source,
    )
    refused = [result.status == Status.REFUSED for result in results]
    assert refused == [True, True, False, True, False, False], "an old record without it may be changed otherwise"
    assert [paths(result) for result in results if result.errors] == [["properties.last_name"]] * 3
    assert results[0].errors[0].message == "Last name is required."
    assert Record.objects.get(email="c@firma.example").properties["last_name"] == "Li"
    assert Record.objects.count() == 2


def test_a_new_record_begins_with_the_defaults_that_its_row_does_not_speak_of(contact: ObjectType) -> None:
    by_email(contact, person("old@firma.example"))
    rule("lifecycle_stage", default="Lead", is_required=True)
    rule("score", default=5)
    by_email(contact, person("a@firma.example"), person("b@firma.example", score=None, lifecycle_stage="Customer"))
    by_email(contact, person("old@firma.example", city="Oslo"))
    stored = {each.email: each.properties for each in Record.objects.all()}
    assert (stored["a@firma.example"]["lifecycle_stage"], stored["a@firma.example"]["score"]) == ("Lead", 5)
    assert stored["b@firma.example"] == {"email": "b@firma.example", "lifecycle_stage": "Customer"}
    assert stored["old@firma.example"] == {"email": "old@firma.example", "city": "Oslo"}


def test_an_archived_property_asks_nothing(contact: ObjectType) -> None:
    Property.objects.filter(key="last_name").update(is_required=True, default=None, archived_at="2027-01-01T00:00:00Z")
    Property.objects.filter(key="city").update(default="Oslo", archived_at="2027-01-01T00:00:00Z")
    by_email(contact, person("a@firma.example"))
    assert Record.objects.get().properties == {"email": "a@firma.example"}


def test_a_clash_of_unique_values_refuses_that_row_alone(contact: ObjectType) -> None:
    rule("phone", is_unique=True)
    rule("first_name", is_unique=True)
    results = by_email(
        contact,
        person("a@firma.example", phone="+47 22 34 56 78", first_name="ÅSE"),
        person("b@firma.example", phone="0047 22345678"),
        person("c@firma.example", first_name="åse", phone="+4722345678"),
        person("d@firma.example", first_name="Åsa"),
    )
    assert [paths(result) for result in results] == [
        [], ["properties.phone"], ["properties.first_name", "properties.phone"], [],
    ]  # fmt: skip
    assert results[1].errors[0].message == "Another record has “+4722345678” already."
    (again,) = by_email(contact, person("d@firma.example", phone="+47 22 34 56 78"))
    assert paths(again) == ["properties.phone"]
    (same,) = by_email(contact, person("a@firma.example", phone="+47 22 34 56 78"))
    assert same.status == Status.UNCHANGED


def test_a_unique_value_goes_from_record_to_record_in_the_order_of_the_rows(contact: ObjectType) -> None:
    rule("phone", is_unique=True)
    first, second, third = "+4722345671", "+4722345672", "+4722345673"
    by_email(contact, person("a@firma.example", phone=first), person("b@firma.example", phone=second))
    results = by_email(
        contact,
        person("a@firma.example", phone=second),
        person("b@firma.example", phone=third),
        person("a@firma.example", phone=second),
        person("c@firma.example", phone=first),
        person("a@firma.example", phone=None),
        person("d@firma.example", phone=second),
    )
    assert [bool(result.errors) for result in results] == [True, False, False, False, False, False]
    assert phones() == {"b@firma.example": third, "c@firma.example": first, "d@firma.example": second}
    assert dict(UniqueValue.objects.values_list("value", "record_id")) == {
        phone: Record.objects.get(email=email).pk for email, phone in phones().items()
    }


def test_numbers_are_the_same_however_they_are_written(contact: ObjectType) -> None:
    rule("score", is_unique=True)
    results = by_email(contact, *(person(f"{n}@firma.example", score=each) for n, each in enumerate([7, "7,0", 7.5])))
    assert [bool(result.errors) for result in results] == [False, True, False]


def test_a_unique_value_has_an_end(contact: ObjectType) -> None:
    rule("city", is_unique=True)
    (result,) = by_email(contact, person(city="x" * 501))
    assert paths(result) == ["properties.city"]
    assert "at most 500 characters" in result.errors[0].message


def test_the_values_of_a_record_that_is_gone_are_free(contact: ObjectType) -> None:
    rule("phone", is_unique=True)
    by_email(contact, person("a@firma.example", phone="+4722345678"), person("b@firma.example", phone="+4722345679"))
    gone = Record.objects.get(email="a@firma.example")
    forget_records([gone.pk])
    assert UniqueValue.objects.count() == 1
    Record.objects.all().delete()
    results = by_email(
        contact, person("c@firma.example", phone="+4722345678"), person("d@firma.example", phone="+4722345679")
    )
    assert [result.status for result in results] == [Status.CREATED] * 2


def test_a_unique_value_of_another_account_is_no_clash(contact: ObjectType, globex: Any) -> None:
    rule("phone", is_unique=True)
    by_email(contact, person(phone="+4722345678"))
    with account_scope(globex.pk):
        ensure_object_types()
        rule("phone", is_unique=True)
        (theirs,) = by_email(ObjectType.objects.get(key="contact"), person(phone="+4722345678"))
        assert theirs.status == Status.CREATED


def test_rules_take_no_query_for_each_row(contact: ObjectType, django_assert_max_num_queries: Any) -> None:
    hold_all(rule("phone", is_unique=True))
    rule("last_name", is_required=True)
    rule("score", default=1)
    rows = [person(f"{n}@firma.example", last_name="Li", phone=f"+47223{n:05}") for n in range(1_000)]
    with django_assert_max_num_queries(22):
        results = by_email(contact, *rows)
    assert {result.status for result in results} == {Status.CREATED}
    assert UniqueValue.objects.count() == 1_000


def test_of_two_writers_with_one_unique_value_one_wins(committed: ObjectType) -> None:
    found: list[list[Result]] = []
    account_id = committed.account_id
    with account_scope(account_id):
        rule("phone", is_unique=True)

    def work(name: str, numbers: list[int]) -> None:
        with account_scope(account_id):
            rows = [person(f"{name}{n}@firma.example", phone=f"+47223456{n:02}") for n in numbers]
            found.append(by_email(committed, *rows))

    at_once(lambda: work("a", list(range(50))), lambda: work("b", list(reversed(range(50)))))
    statuses = [result.status for results in found for result in results]
    assert (statuses.count(Status.CREATED), statuses.count(Status.REFUSED)) == (50, 50)
    with account_scope(account_id):
        assert UniqueValue.objects.count() == Record.objects.count() == 50
