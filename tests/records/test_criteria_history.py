"""Conditions about what a property was and when it changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import criteria, list_matching
from records.criteria_references import References, references
from records.models import Association, Event, ObjectType, PropertyType, Record
from records.operators import fitting_to
from records.schema import add_property, ensure_object_types
from tests.records.trees import MOMENT, leaf, matching, refused


def changed(record: Record, days_ago: float = 0, **changes: list[Any]) -> None:
    at = MOMENT - timedelta(days=days_ago)
    Event.objects.create(record=record, kind="record_updated", detail={"changes": changes}, at=at)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (leaf("city", "ever_was", "tromsø"), True),
        (leaf("city", "ever_was", "BERGEN"), True),
        (leaf("city", "ever_was", "Oslo"), True),
        (leaf("city", "ever_was", "Molde"), False),
        (leaf("city", "ever_was", "Berg"), False),
        (leaf("city", "never_was", "bergen"), False),
        (leaf("city", "never_was", "Molde"), True),
        (leaf("country", "ever_was", "Bergen"), False),
        (leaf("score", "ever_was", 5), True),
        (leaf("score", "ever_was", "7,5"), True),
        (leaf("score", "ever_was", 6), False),
        (leaf("score", "never_was", 6), False),
        (leaf("score", "never_was", 6, include_unknown=True), True),
        (leaf("score", "never_was", 5, include_unknown=True), False),
        (leaf("vip", "ever_was", True), True),
        (leaf("vip", "ever_was", False), True),
        (leaf("lifecycle_stage", "ever_was", "Lead"), True),
        (leaf("lifecycle_stage", "ever_was", "Customer"), False),
        (leaf("lifecycle_stage", "ever_was", " Prospect "), True),  # no option any more
        (leaf("lifecycle_stage", "never_was", "Prospect", include_unknown=True), False),
        (leaf("lifecycle_stage", "ever_was", "Suspect"), False),
        (leaf("email", "ever_was", "Anne@Old.example"), True),
        (leaf("external_id", "ever_was", "A-1"), True),
        (leaf("external_id", "ever_was", "a-1"), False),
    ],
)
def test_a_value_that_a_property_had_is_found_in_its_changes(
    contact: ObjectType, tree: dict[str, Any], expected: bool
) -> None:
    add_property(contact, "vip", "VIP", PropertyType.BOOLEAN)
    record = Record.objects.create(
        object_type=contact, external_id="B", properties={"city": "Oslo", "vip": True, "email": "anne@a.example"}
    )
    changed(record, 500, city=["Tromsø", "Bergen"], score=[None, 5.0], vip=[False, True])
    changed(record, 2, city=["Bergen", "Oslo"], score=[7.5, None], external_id=["A-1", "B"])
    changed(record, 3, lifecycle_stage=["Prospect", "Lead"])
    changed(record, 1, lifecycle_stage=["Lead", None], email=["anne@old.example", "anne@a.example"])
    assert criteria.check(tree, contact) == []
    assert (record.pk in matching(tree, contact)) is expected


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (leaf("city", "changed_in_last_days", 1), True),
        (leaf("city", "changed_in_last_days", 0), False),
        (leaf("city", "not_changed_in_last_days", 0), True),
        (leaf("city", "not_changed_in_last_days", 1), False),
        (leaf("country", "changed_in_last_days", 9), False),
        (leaf("country", "not_changed_in_last_days", 9), False),
        (leaf("country", "not_changed_in_last_days", 9, include_unknown=True), True),
        (leaf("topics", "changed_in_last_days", 36_600), True),
        (leaf("date_of_birth", "changed_in_last_days", 3), True),
    ],
)
def test_a_property_changed_in_whole_days_of_the_zone(
    contact: ObjectType, tree: dict[str, Any], expected: bool
) -> None:
    add_property(contact, "topics", "Topics", PropertyType.MULTIPLE_CHOICE, ["Skiing"])
    record = Record.objects.create(object_type=contact, properties={"city": "Oslo"})
    at = datetime(2027, 3, 13, 23, 0, tzinfo=UTC)  # yesterday's midnight in Oslo, and the day before in London
    detail = {"changes": {"city": ["Bergen", "Oslo"], "date_of_birth": ["2000-01-01", None]}}
    Event.objects.create(record=record, kind="record_updated", detail=detail, at=at)
    changed(record, 400, topics=[["Skiing"], None])
    changed(record, -1, city=["Oslo", "Bodø"], country=["NO", "SE"])  # a later day is outside
    assert (record.pk in matching(tree, contact)) is expected
    if tree == leaf("city", "changed_in_last_days", 1):
        assert record.pk not in matching(tree, contact, zone="Europe/London")


def test_the_history_of_another_account_is_not_seen(contact: ObjectType, globex: Account) -> None:
    ours = Record.objects.create(object_type=contact, properties={"city": "Oslo"})
    with account_scope(globex.pk):
        ensure_object_types()
        changed(ours, city=["Bergen", "Oslo"])  # by mistake about our record
    with every_account():
        assert matching(leaf("city", "ever_was", "Bergen"), contact) == set()
        assert matching(leaf("city", "changed_in_last_days", 7), contact) == set()


def test_what_an_own_event_calls_changes_is_no_history(contact: ObjectType) -> None:
    record = Record.objects.create(object_type=contact, properties={"city": "Oslo"})
    Event.objects.create(
        record=record, kind="custom.moved", detail={"changes": {"city": ["Bergen", "Oslo"]}}, at=MOMENT
    )
    assert matching(leaf("city", "ever_was", "Bergen"), contact) == set()
    assert matching(leaf("city", "changed_in_last_days", 7), contact) == set()


def test_the_history_of_associated_records_is_asked_too(contact: ObjectType) -> None:
    firm = Record.objects.create(object_type=ObjectType.objects.get(key="company"))
    record, other = (Record.objects.create(object_type=contact) for _ in range(2))
    Association.objects.create(record=record, other=firm, other_type=firm.object_type)
    changed(firm, city=["Bergen", "Oslo"])
    changed(other, city=["Bergen", "Oslo"])
    tree = {"associated": "company", "where": leaf("city", "ever_was", "Bergen")}
    assert matching(tree, contact) == {record.pk}


def test_columns_without_changes_in_the_log_have_no_history(contact: ObjectType) -> None:
    for key in ("consent", "consent_at", "created_at", "updated_at"):
        assert refused(leaf(key, "changed_in_last_days", 7), contact) == ["operator"]
    assert refused(leaf("former_employee", "changed_in_last_days", 7), contact) == []
    assert refused(leaf("city", "ever_was"), contact) == ["value"]
    assert refused(leaf("score", "ever_was", "many"), contact) == ["value"]
    assert refused(leaf("lifecycle_stage", "ever_was", " "), contact) == ["value"]
    assert refused(leaf("lifecycle_stage", "ever_was", ["Lead"]), contact) == ["value"]
    assert refused(leaf("lifecycle_stage", "eq", "Prospect"), contact) == ["value"]
    assert refused(leaf("date_of_birth", "ever_was", "2000-01-01"), contact) == ["operator"]
    assert refused(leaf("city", "ever_was", "Oslo", include_unknown=True), contact) == ["include_unknown"]
    assert refused(leaf("city", "not_changed_in_last_days", -1), contact) == ["value"]
    consent = Record._meta.get_field("consent")
    assert consent and not any(
        each.asks_history for each in fitting_to(criteria.Subject(contact).properties["consent"])
    )


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (leaf("city", "ever_was", "Oslo"), "City is or was ever Oslo"),
        (leaf("city", "never_was", "Oslo", include_unknown=True), "City was never Oslo or unknown"),
        (leaf("city", "changed_in_last_days", 1), "City changed in the last 1 day"),
        (leaf("city", "not_changed_in_last_days", 7), "City did not change in the last 7 days"),
    ],
)
def test_history_reads_as_a_sentence(contact: ObjectType, tree: dict[str, Any], sentence: str) -> None:
    assert criteria.describe(tree, contact) == sentence


def test_a_condition_about_history_hears_the_changes_of_its_property_and_moves_with_the_days(
    contact: ObjectType,
) -> None:
    was, moved = leaf("city", "never_was", "Oslo"), leaf("city", "not_changed_in_last_days", 7)
    for tree in (was, moved):
        assert references(tree, contact) == References(properties=frozenset({("contact", "city")}))
        assert "record_updated" in list_matching.kinds_of(tree, contact)
    assert not criteria.is_time_dependent(was)
    assert criteria.is_time_dependent(moved)
