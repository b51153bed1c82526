"""Criteria: what SQL they become, and so whom they take."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import criteria
from records.models import List, ListEntry, ObjectType, PropertyType, Record
from records.operators import OPERATORS
from records.schema import add_property, ensure_object_types
from tests.records.trees import MOMENT, holds, leaf, matching, refused


@pytest.mark.parametrize(
    ("tree", "stored", "expected"),
    [
        (leaf("city", "eq", "ÅLESUND"), "Ålesund", True),
        (leaf("city", "eq", " Ålesund "), "Ålesund", True),
        (leaf("city", "eq", "Ålesun"), "Ålesund", False),
        (leaf("city", "ne", "ålesund"), "Ålesund", False),
        (leaf("city", "ne", "Oslo"), "Ålesund", True),
        (leaf("city", "contains", "LES"), "Ålesund", True),
        (leaf("city", "contains", "%"), "Ålesund", False),
        (leaf("city", "contains", "_"), "100 %_\\", True),
        (leaf("city", "contains", "\\"), "100 %_\\", True),
        (leaf("city", "not_contains", "les"), "Ålesund", False),
        (leaf("city", "starts_with", "åle"), "Ålesund", True),
        (leaf("city", "starts_with", "les"), "Ålesund", False),
        (leaf("city", "ends_with", "SUND"), "Ålesund", True),
        (leaf("city", "ends_with", "aaaaaaaÅlesund"), "Ålesund", False),
        (leaf("city", "in", ["Oslo", "ÅLESUND"]), "Ålesund", True),
        (leaf("city", "not_in", ["Oslo", "ÅLESUND"]), "Ålesund", False),
        (leaf("city", "eq", "'; drop table records_record; --"), "Ålesund", False),
        (leaf("email", "eq", " Anne@Firma.example"), "anne@firma.example", True),
        (leaf("email", "ends_with", "@FIRMA.example"), "anne@firma.example", True),
        (leaf("email", "in", ["Anne@Firma.example"]), "anne@firma.example", True),
        (leaf("phone", "eq", "+47 22 34 56 78"), "+4722345678", True),
        (leaf("lifecycle_stage", "eq", "customer"), "Customer", True),
        (leaf("score", "eq", "50"), 50, True),
        (leaf("score", "eq", 50), 50.0, True),
        (leaf("score", "gt", 9), 10, True),
        (leaf("score", "gt", "9,5"), 9.25, False),
        (leaf("score", "gte", 9), 9, True),
        (leaf("score", "lt", -1), -2, True),
        (leaf("score", "lte", 0), 1, False),
        (leaf("score", "between", [1, 2]), 2, True),
        (leaf("score", "between", [1, 2]), 2.5, False),
        (leaf("score", "in", [1, "2,5"]), 2.5, True),
        (leaf("score", "not_in", [1, 2]), 3, True),
        (leaf("date_of_birth", "eq", "31.01.2000"), "2000-01-31", True),
        (leaf("date_of_birth", "lt", "2000-01-31"), "2000-01-31", False),
        (leaf("date_of_birth", "lte", "2000-01-31"), "2000-01-31", True),
        (leaf("date_of_birth", "gt", "2000-01-31"), "2000-02-01", True),
        (leaf("date_of_birth", "gt", "9999-12-31"), "9999-12-31", False),
        (leaf("date_of_birth", "gte", "2000-02-01"), "2000-01-31", False),
        (leaf("date_of_birth", "between", ["2000-01-01", "2000-01-31"]), "2000-01-31", True),
        (leaf("city", "known"), "Oslo", True),
        (leaf("city", "unknown"), "Oslo", False),
    ],
)
def test_a_condition_matches_by_the_type_of_its_property(
    contact: ObjectType, tree: dict[str, Any], stored: object, expected: bool
) -> None:
    assert holds(tree, contact, **{tree["property"]: stored}) is expected


NEGATIVE = [
    leaf("city", "ne", "Oslo"),
    leaf("city", "not_contains", "Oslo"),
    leaf("city", "not_in", ["Oslo"]),
    leaf("city", "ne_property", "country"),
    leaf("score", "not_between", [1, 2]),
    leaf("topics", "contains_none", ["Skiing"]),
    leaf("topics", "not_contains_all", ["Skiing"]),
    leaf("topics", "is_not_exactly", ["Skiing"]),
    leaf("city", "never_was", "Oslo"),
    leaf("city", "not_changed_in_last_days", 7),
]


@pytest.mark.parametrize("tree", NEGATIVE, ids=lambda tree: str(tree["operator"]))
def test_a_negative_comparison_says_whether_records_without_a_value_match(
    contact: ObjectType, tree: dict[str, Any]
) -> None:
    assert {each["operator"] for each in NEGATIVE} == {name for name, each in OPERATORS.items() if each.negates}
    add_property(contact, "topics", "Topics", PropertyType.MULTIPLE_CHOICE, ["Skiing", "Sailing"])
    assert not holds(tree, contact)
    assert not holds({**tree, "include_unknown": False}, contact)
    assert holds({**tree, "include_unknown": True}, contact)
    assert holds({"not": {**tree, "operator": OPERATORS[tree["operator"]].negates}}, contact)


def test_a_value_of_another_type_counts_as_no_value_and_breaks_nothing(contact: ObjectType) -> None:
    assert not holds(leaf("score", "lt", 10), contact, score="not a number")
    assert holds(leaf("score", "unknown"), contact, score="9")
    assert not holds(leaf("date_of_birth", "is_today"), contact, date_of_birth="yesterday")


@pytest.mark.parametrize(
    ("operator", "days", "first", "last"),
    [
        ("is_today", None, "2027-03-15", "2027-03-15"),
        ("in_last_days", 7, "2027-03-08", "2027-03-15"),
        ("in_last_days", 0, "2027-03-15", "2027-03-15"),
        ("in_next_days", 7, "2027-03-15", "2027-03-22"),
        ("days_ago", 7, "2027-03-08", "2027-03-08"),
        ("days_ahead", 7, "2027-03-22", "2027-03-22"),
        ("before_days_ago", 7, None, "2027-03-07"),
        ("after_days_ahead", 7, "2027-03-23", None),
    ],
)
def test_relative_dates_count_whole_days_and_today_is_one(
    contact: ObjectType, operator: str, days: int | None, first: str | None, last: str | None
) -> None:
    days_around = [f"2027-03-{day:02}" for day in range(1, 32)]
    found = [day for day in days_around if holds(leaf("renewal_date", operator, days), contact, renewal_date=day)]
    assert found == [day for day in days_around if (first or "") <= day <= (last or "9")]
    clocks = [f"{day}T{clock}Z" for day in days_around for clock in ("05:00:00", "21:00:00")]
    moments = [each for each in clocks if holds(leaf("created_on", operator, days), contact, created_on=each)]
    assert moments == [each for each in clocks if (first or "") <= each[:10] <= (last or "9")]


def test_today_is_the_day_on_the_wall_of_the_zone(contact: ObjectType) -> None:
    almost_midnight = datetime(2027, 3, 15, 23, 30, tzinfo=UTC)
    tree = leaf("renewal_date", "is_today")
    assert holds(tree, contact, almost_midnight, "UTC", renewal_date="2027-03-15")
    assert holds(tree, contact, almost_midnight, "Europe/Oslo", renewal_date="2027-03-16")
    tree = leaf("created_on", "is_today")
    assert holds(tree, contact, almost_midnight, "Europe/Oslo", created_on="2027-03-15T23:00:00Z")
    assert not holds(tree, contact, almost_midnight, "Europe/Oslo", created_on="2027-03-15T22:59:59Z")


def test_a_moment_compares_with_a_whole_day_or_with_a_second(contact: ObjectType) -> None:
    on_the_day = leaf("created_on", "eq", "28.03.2027")  # the clock changes: the day has 23 hours
    assert holds(on_the_day, contact, created_on="2027-03-27T23:00:00Z")
    assert holds(on_the_day, contact, created_on="2027-03-28T21:59:59Z")
    assert not holds(on_the_day, contact, created_on="2027-03-28T22:00:00Z")
    assert holds(leaf("created_on", "gt", "2027-03-28"), contact, created_on="2027-03-28T22:00:00Z")
    assert holds(leaf("created_on", "lte", "2027-03-28"), contact, created_on="2027-03-28T21:59:59Z")
    at = "2027-03-28T10:00:00+02:00"
    assert holds(leaf("created_on", "eq", at), contact, created_on="2027-03-28T08:00:00Z")
    assert holds(leaf("created_on", "gt", at), contact, created_on="2027-03-28T08:00:01Z")
    assert not holds(leaf("created_on", "lt", at), contact, created_on="2027-03-28T08:00:00Z")
    assert holds(leaf("created_on", "between", ["2027-03-28", at]), contact, created_on="2027-03-28T08:00:00Z")


@pytest.mark.parametrize(
    ("zone", "asked", "stored"),
    [
        ("Europe/Oslo", "2027-03-14T10:00", "2027-03-14T09:00:00Z"),
        ("Asia/Kolkata", "14.03.2027 10:00", "2027-03-14T04:30:00Z"),
        ("UTC", "2027-03-14T10:00", "2027-03-14T10:00:00Z"),
        ("Europe/Oslo", "2027-03-28T02:30", "2027-03-28T01:30:00Z"),  # skipped by the clock: 03:30
        ("Europe/Oslo", "2027-10-31T02:30", "2027-10-31T00:30:00Z"),  # shown twice: the first
    ],
)
def test_a_moment_without_an_offset_is_meant_in_the_zone_of_the_question(
    contact: ObjectType, zone: str, asked: str, stored: str
) -> None:
    assert criteria.check(leaf("created_on", "eq", asked), contact) == []
    assert holds(leaf("created_on", "eq", asked), contact, zone=zone, created_on=stored)
    assert holds(leaf("created_on", "between", [asked, asked]), contact, zone=zone, created_on=stored)
    assert not holds(leaf("created_on", "gt", asked), contact, zone=zone, created_on=stored)
    record = Record.objects.create(object_type=contact, created_at=datetime.fromisoformat(stored))
    assert record.pk in matching(leaf("created_at", "eq", asked), contact, zone=zone)


def test_which_of_two_moments_comes_first_may_be_for_the_zone_to_say(contact: ObjectType) -> None:
    both = ["2027-03-14T10:00", "2027-03-14T09:30:00Z"]
    assert criteria.check(leaf("created_on", "between", both), contact) == []
    assert holds(leaf("created_on", "between", both), contact, created_on="2027-03-14T09:15:00Z")
    assert not holds(leaf("created_on", "between", both), contact, zone="UTC", created_on="2027-03-14T09:45:00Z")
    assert refused(leaf("created_on", "between", ["2027-03-14T10:00", "2027-03-14T09:30"]), contact) == ["value"]


@pytest.mark.parametrize(
    ("today", "born", "expected"),
    [
        ("2027-03-15", "1962-03-15", True),
        ("2027-03-15", "1962-03-16", False),
        ("2027-02-28", "2000-02-29", True),
        ("2028-02-28", "2000-02-29", False),
        ("2028-02-29", "2000-02-29", True),
        ("2027-03-01", "2000-02-29", False),
        ("2028-02-28", "2001-02-28", True),
    ],
)
def test_a_birthday_is_today_in_any_year_and_29_february_on_the_28th_of_a_short_one(
    contact: ObjectType, today: str, born: str, expected: bool
) -> None:
    noon = datetime.fromisoformat(f"{today}T12:00:00+00:00")
    assert holds(leaf("date_of_birth", "is_anniversary_today"), contact, noon, date_of_birth=born) is expected


def test_yes_and_no_are_compared_as_such(contact: ObjectType) -> None:
    add_property(contact, "vip", "VIP", PropertyType.BOOLEAN)
    assert holds(leaf("vip", "eq", True), contact, vip=True)
    assert not holds(leaf("vip", "eq", "ja"), contact, vip=False)
    assert holds(leaf("vip", "ne", True), contact, vip=False)
    assert not holds(leaf("vip", "ne", True), contact)


def test_groups_combine_their_members(contact: ObjectType) -> None:
    oslo, lead = leaf("city", "eq", "Oslo"), leaf("lifecycle_stage", "eq", "Lead")
    properties = {"city": "Oslo", "lifecycle_stage": "Customer"}
    assert holds({"any": [oslo, lead]}, contact, **properties)
    assert not holds({"all": [oslo, lead]}, contact, **properties)
    assert holds({"all": [oslo, {"not": lead}]}, contact, **properties)
    assert not holds({"not": {"any": [oslo, lead]}}, contact, **properties)


# --- Lists, accounts, other packages -------------------------------------------------------------------------


def test_list_membership_matches(contact: ObjectType) -> None:
    inside, outside = (Record.objects.create(object_type=contact) for _ in range(2))
    chosen = List.objects.create(name="Customers", object_type=contact)
    ListEntry.objects.create(list=chosen, record=inside)
    assert matching({"list": chosen.pk, "operator": "in"}, contact) == {inside.pk}
    assert matching({"list": chosen.pk, "operator": "not_in"}, contact) == {outside.pk}


def test_a_stored_tree_reads_and_compiles_after_its_list_is_gone(contact: ObjectType) -> None:
    record, chosen = Record.objects.create(object_type=contact), List.objects.create(name="Gone", object_type=contact)
    tree = {"list": chosen.pk, "operator": "not_in"}
    ListEntry.objects.create(list=chosen, record=record)
    ListEntry.objects.all().delete()
    chosen.delete()
    assert matching(tree, contact) == {record.pk}
    assert criteria.describe(tree, contact) == "not in the list “a list that is gone”"


def test_another_account_matches_nothing_of_ours(contact: ObjectType, globex: Account) -> None:
    ours = Record.objects.create(object_type=contact, properties={"city": "Oslo"})
    assert matching(leaf("city", "eq", "Oslo"), contact) == {ours.pk}
    with account_scope(globex.pk):
        ensure_object_types()
        assert matching(leaf("city", "eq", "Oslo"), ObjectType.objects.get(key="contact")) == set()


def test_a_condition_stays_in_its_account_in_the_owner_role(contact: ObjectType, globex: Account) -> None:
    with account_scope(globex.pk):
        ensure_object_types()
        theirs = Record.objects.create(object_type=ObjectType.objects.get(key="contact"))
    chosen = List.objects.create(name="Customers", object_type=contact)
    with every_account(), connection.cursor() as cursor:
        # Their entry in our list: the constraint that forbids it would look when this transaction ends.
        entry = {"account": globex.pk, "list": chosen.pk, "record": theirs.pk}
        cursor.execute(
            "insert into records_listentry (account_id, list_id, record_id, added_at)"
            " values (%(account)s, %(list)s, %(record)s, now())",
            entry,
        )
        assert theirs.pk not in matching({"list": chosen.pk, "operator": "in"}, contact)
        cursor.execute("delete from records_listentry where account_id = %(account)s", entry)
        condition = criteria.compile(
            leaf("city", "known"), object_type_id=contact.pk, moment=MOMENT, zone="UTC", prefix="x"
        )
    assert condition.params["x_account"] == contact.account_id


def test_two_conditions_fit_in_one_statement_under_any_alias(contact: ObjectType) -> None:
    record = Record.objects.create(object_type=contact, properties={"city": "Oslo", "score": 5})
    first, second = (
        criteria.compile(tree, object_type_id=contact.pk, moment=MOMENT, zone="UTC", prefix=prefix, record="person")
        for prefix, tree in (("a", leaf("city", "eq", "Oslo")), ("b", leaf("score", "gt", 4)))
    )
    with connection.cursor() as cursor:
        sql = f"select person.id from records_record person where {first.sql} and {second.sql}"
        cursor.execute(sql, first.params | second.params)
        assert cursor.fetchall() == [(record.pk,)]


HARD = ("100 %_\\", "a b  c", "\\\\\\", "%%%", "___", "Ångström", "ΟΔΟΣ ΣΑΣ", "o'neil", "Anna-Lena av", "Zoë")


@pytest.mark.parametrize(
    ("key", "value"),
    [*((key, value) for key in ("first_name", "last_name") for value in HARD), ("phone", "+4722345678")],
)
def test_what_is_searched_is_found_whole_and_by_its_parts_whatever_its_letters(
    contact: ObjectType, key: str, value: str
) -> None:
    """The index of the search text never hides whom the comparison takes."""
    around = {"first_name": "Ida", "last_name": "Berg", "email": "ida@berg.example", "phone": "+4690000000"}
    other = "+4790000001" if key == "phone" else "Somebody"
    for condition in (
        leaf(key, "eq", value),
        leaf(key, "in", [other, value]),
        leaf(key, "starts_with", value[:4].strip()),
        leaf(key, "ends_with", value[-4:].strip()),
        leaf(key, "contains", value[1:].strip()),
    ):
        assert holds(condition, contact, **{**around, key: value}), condition
        assert holds(condition, contact, **{key: value}), condition
        assert not holds(condition, contact, **around), condition


@pytest.mark.parametrize(
    ("operator", "value", "is_found"),
    [
        ("contains", "900 12", True),
        ("contains", "900-12-345", True),
        ("contains", "0047 900 12 345", True),
        ("contains", "0900 12 345", True),
        ("contains", "0123 45", True),
        ("contains", "0900 12", False),
        ("contains", "900 13", False),
        ("starts_with", "+47 900", True),
        ("starts_with", "00 47 900", True),
        ("starts_with", "900 12", False),
        ("ends_with", "12 345", True),
        ("ends_with", "0012 345", True),
        ("ends_with", "0047 345", False),
        ("not_contains", "900 12", False),
        ("not_contains", "900 13", True),
    ],
)
def test_a_part_of_a_phone_number_is_found_however_it_is_written(
    contact: ObjectType, operator: str, value: str, is_found: bool
) -> None:
    assert holds(leaf("phone", operator, value), contact, phone="+4790012345") is is_found
    assert holds(leaf("phone", operator, value), contact, phone="+4790012345", city="", last_name="Berg") is is_found
    described = criteria.describe(leaf("phone", operator, value), contact)
    assert f"“{value}”" in described


def test_gaps_count_in_texts_and_in_numbers_that_are_kept_as_they_were_typed(contact: ObjectType) -> None:
    assert not holds(leaf("first_name", "contains", "900 12"), contact, first_name="90012")
    assert holds(leaf("phone", "contains", "900 12"), contact, phone="1 900 12")
