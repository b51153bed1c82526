"""Conditions about events, about associated records and about the columns of a record; what trees refer to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account, Member, User
from accounts.tenancy import account_scope, every_account
from records import criteria
from records.criteria_references import References, references
from records.events import record_events
from records.models import Association, Consent, Event, List, ObjectType, PropertyType, Record
from records.schema import add_property, ensure_object_types
from tests.records.trees import MOMENT, leaf, matching


def happened(record: Record, kind: str, days_ago: float = 0, **detail: Any) -> None:
    Event.objects.create(record=record, kind=kind, detail=detail, at=MOMENT - timedelta(days=days_ago))


def associate(record: Record, other: Record, *, is_primary: bool = False) -> None:
    for one, another, primary in ((record, other, is_primary), (other, record, False)):
        Association.objects.create(record=one, other=another, other_type=another.object_type, is_primary=primary)


@pytest.fixture
def company(contact: ObjectType) -> ObjectType:
    return ObjectType.objects.get(key="company")


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"event": "link_clicked"}, True),
        ({"event": "link_clicked", "happened": False}, False),
        ({"event": "unsubscribed"}, False),
        ({"event": "unsubscribed", "happened": False}, True),
        ({"event": "link_clicked", "at_least": 2}, True),
        ({"event": "link_clicked", "at_least": 3}, False),
        ({"event": "link_clicked", "at_least": 3, "happened": False}, True),
        ({"event": "link_clicked", "within_days": 30}, True),
        ({"event": "link_clicked", "within_days": 29}, False),
        ({"event": "link_clicked", "within_days": 30, "at_least": 2}, False),
        ({"event": "link_clicked", "detail": {"content_id": 7}}, True),
        ({"event": "link_clicked", "detail": {"content_id": 8}}, False),
        ({"event": "link_clicked", "detail": {"content_id": "7"}}, False),
        ({"event": "link_clicked", "detail": {"content_id": 7}, "at_least": 2}, False),
        ({"not": {"event": "link_clicked", "within_days": 1}}, True),
    ],
)
def test_an_event_happened_or_did_not(contact: ObjectType, tree: dict[str, Any], expected: bool) -> None:
    record, other = (Record.objects.create(object_type=contact) for _ in range(2))
    happened(record, "link_clicked", 30, content_id=7, url="https://a.no")
    happened(record, "link_clicked", 40, content_id=9)
    happened(other, "unsubscribed", 0)
    assert (record.pk in matching(tree, contact)) is expected


def test_events_of_a_later_day_are_outside_the_window(contact: ObjectType) -> None:
    record = Record.objects.create(object_type=contact)
    happened(record, "link_clicked", -1)
    assert matching({"event": "link_clicked", "within_days": 7}, contact) == set()


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"since": "2027-03-01"}, True),
        ({"since": "2027-03-02"}, False),
        ({"until": "2027-03-01"}, True),
        ({"until": "2027-02-28"}, False),
        ({"since": "2027-03-01", "until": "2027-03-01"}, True),
        ({"since": "2026-01-01", "until": "2027-02-28"}, False),
        ({"since": "0001-01-01", "until": "9999-12-31"}, True),
    ],
)
def test_events_are_asked_for_between_two_days_in_the_zone_of_the_question(
    contact: ObjectType, window: dict[str, str], expected: bool
) -> None:
    record = Record.objects.create(object_type=contact)
    at = datetime(2027, 2, 28, 23, 30, tzinfo=UTC)  # the first of March in Oslo
    Event.objects.create(record=record, kind="link_clicked", at=at)
    tree = {"event": "link_clicked", **window}
    assert criteria.check(tree, contact) == []
    assert (record.pk in matching(tree, contact)) is expected
    assert (record.pk in matching({**tree, "happened": False}, contact)) is not expected


def test_associated_records_are_asked_one_hop_away(contact: ObjectType, company: ObjectType) -> None:
    anne, per, kari = (Record.objects.create(object_type=contact) for _ in range(3))
    norwegian = Record.objects.create(object_type=company, properties={"country": "NO", "employees": 60})
    swedish = Record.objects.create(object_type=company, properties={"country": "SE"})
    associate(anne, norwegian, is_primary=True)
    associate(per, norwegian)
    associate(per, swedish, is_primary=True)
    where = leaf("country", "eq", "NO")
    assert matching({"associated": "company", "where": where}, contact) == {anne.pk, per.pk}
    assert matching({"associated": "company", "primary": True, "where": where}, contact) == {anne.pk}
    assert matching({"not": {"associated": "company", "where": where}}, contact) >= {kari.pk}
    assert matching({"associated": "company", "where": {"all": [where, leaf("employees", "gt", 99)]}}, contact) == set()
    swedes = {"associated": "company", "where": leaf("country", "ne", "NO")}
    assert matching(swedes, contact) == {per.pk}
    back = {"associated": "contact", "where": {"event": "link_clicked"}}
    happened(anne, "link_clicked")
    assert matching(back, company) == {norwegian.pk}
    Record.objects.filter(pk=norwegian.pk).update(archived_at=MOMENT)
    assert matching({"associated": "company", "where": where}, contact) == set()


def test_associations_and_events_of_another_account_are_not_seen(
    contact: ObjectType, company: ObjectType, globex: Account
) -> None:
    ours = Record.objects.create(object_type=contact)
    firm = Record.objects.create(object_type=company, properties={"country": "NO"})
    with account_scope(globex.pk):
        ensure_object_types()
        record_events("link_clicked", [ours.pk])  # by mistake about our record
        Association.objects.create(record_id=ours.pk, other_id=firm.pk, other_type_id=company.pk)
    with every_account():
        assert matching({"event": "link_clicked"}, contact) == set()
        assert matching({"associated": "company", "where": {"all": []}}, contact) == set()


def test_the_columns_of_a_record_are_asked_like_properties(contact: ObjectType, company: ObjectType) -> None:
    ours = Record.objects.create(
        object_type=contact,
        external_id="A-1",
        consent=Consent.GIVEN,
        former_employee=True,
        created_at=MOMENT - timedelta(days=7),
        updated_at=MOMENT,
    )
    other = Record.objects.create(object_type=contact, external_id="a-1", created_at=MOMENT)
    for tree in (
        leaf("external_id", "eq", "A-1"),
        leaf("external_id", "in", ["A-1", "B"]),
        leaf("external_id", "starts_with", "A"),
        leaf("consent", "eq", "given"),
        leaf("former_employee", "eq", True),
        leaf("created_at", "before_days_ago", 6),
        leaf("created_at", "eq", "2027-03-08"),
        leaf("created_at", "lt_property", "updated_at"),
        leaf("created_at", "lte", "2027-03-08T12:00:00Z"),
    ):
        assert criteria.check(tree, contact) == []
        found = matching(tree, contact)
        assert ours.pk in found, tree
        assert other.pk not in found or tree["operator"] == "lt_property", tree
    assert [error.path for error in criteria.check(leaf("consent", "eq", "given"), company)] == ["property"]
    assert criteria.describe(leaf("consent", "ne", "given"), contact) == "Consent is not given"


def test_phone_numbers_are_read_in_the_country_of_the_account(contact: ObjectType, acme: Account) -> None:
    Account.objects.filter(pk=acme.pk).update(country="NO")
    record = Record.objects.create(object_type=contact, properties={"phone": "+4722345678"})
    assert matching(leaf("phone", "eq", "22 34 56 78"), contact) == {record.pk}


# --- How they read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"event": "link_clicked"}, "“Link clicked” happened"),
        ({"event": "link_clicked", "happened": False}, "“Link clicked” did not happen"),
        (
            {"event": "custom.order_placed", "at_least": 2, "within_days": 30},
            "“Order placed” happened at least 2 times in the last 30 days",
        ),
        (
            {"event": "link_clicked", "happened": False, "at_least": 2, "within_days": 0},
            "“Link clicked” happened fewer than 2 times today",
        ),
        ({"event": "link_clicked", "since": "2027-03-01"}, "“Link clicked” happened since 1 March 2027"),
        (
            {"event": "link_clicked", "happened": False, "until": "2027-03-31"},
            "“Link clicked” did not happen up to and including 31 March 2027",
        ),
        (
            {"event": "link_clicked", "since": "2027-03-01", "until": "2027-03-31"},
            "“Link clicked” happened from 1 March 2027 up to and including 31 March 2027",
        ),
        (
            {"event": "link_clicked", "since": "2027-03-01", "until": "2027-03-01"},
            "“Link clicked” happened on 1 March 2027",
        ),
        (
            {"event": "custom.order_placed", "detail": {"content_id": 7, "gift": True}},
            "“Order placed” happened with content_id is 7, gift is yes",
        ),
        (
            {"associated": "company", "where": {"any": [leaf("country", "eq", "NO"), leaf("city", "known")]}},
            "Company: (Country is NO or City is known)",
        ),
        ({"associated": "company", "primary": True, "where": {"all": []}}, "Primary company: every record"),
        (leaf("date_of_birth", "anniversary_in_next_days", 7), "Date of birth is in the next 7 days, any year"),
        (leaf("renewal_date", "in_last_months", 1), "Renewal date is in the last 1 month"),
        (leaf("renewal_date", "lt_property", "date_of_birth"), "Renewal date is before the value of Date of birth"),
        (leaf("renewal_date", "this_quarter"), "Renewal date is in this quarter"),
    ],
)
def test_a_condition_reads_as_a_sentence(contact: ObjectType, tree: object, sentence: str) -> None:
    assert criteria.check(tree, contact) == []
    assert criteria.describe(tree, contact) == sentence


def test_owners_are_called_by_their_names(contact: ObjectType) -> None:
    add_property(contact, "looked_after_by", "Owner", PropertyType.OWNER)
    olga = Member.objects.create(user=User.objects.create_user("olga@acme.example", name="Olga Owner"))
    tree = leaf("looked_after_by", "eq", olga.pk)
    assert criteria.describe(tree, contact) == "Owner is Olga Owner"
    olga.delete()
    assert criteria.describe(tree, contact) == "Owner is a member who is gone"
    assert matching(tree, contact) == set()


def test_an_event_about_a_list_names_it(contact: ObjectType) -> None:
    vip = List.objects.create(name="VIP", object_type=contact)
    tree = {"event": "list_joined", "detail": {"list": vip.pk}}
    assert criteria.describe(tree, contact) == "“Put on a list” happened with list “VIP”"
    List.objects.filter(pk=vip.pk).update(deleted_at=MOMENT)
    assert criteria.describe(tree, contact) == "“Put on a list” happened with a list that is gone"


# --- What they refer to --------------------------------------------------------------------------------------


def test_references_name_everything_a_tree_uses(contact: ObjectType) -> None:
    chosen = List.objects.create(name="Customers", object_type=contact)
    tree = {
        "all": [
            leaf("city", "eq", "Oslo"),
            {"not": leaf("renewal_date", "lt_property", "date_of_birth")},
            {"list": chosen.pk, "operator": "in"},
            {"event": "list_joined", "detail": {"list": 12}},
            {"associated": "company", "where": {"any": [leaf("country", "known"), {"event": "custom.visit"}]}},
        ]
    }
    assert references(tree, contact) == References(
        properties=frozenset(
            {("contact", "city"), ("contact", "renewal_date"), ("contact", "date_of_birth"), ("company", "country")}
        ),
        lists=frozenset({chosen.pk, 12}),
        object_types=frozenset({"company"}),
        events=frozenset({"list_joined", "custom.visit"}),
    )
    assert references({"junk": 1}, contact) == References()


@pytest.mark.parametrize(
    ("tree", "moves"),
    [
        (leaf("city", "eq", "Oslo"), False),
        (leaf("renewal_date", "lt", "2027-01-01"), False),
        (leaf("renewal_date", "this_week"), True),
        ({"event": "link_clicked"}, False),
        ({"event": "link_clicked", "since": "2027-03-01", "until": "2099-03-01"}, False),
        ({"any": [{"not": {"event": "link_clicked", "within_days": 7}}]}, True),
        ({"associated": "company", "where": {"all": [leaf("city", "is_today")]}}, True),
        (None, False),
    ],
)
def test_a_tree_says_whether_time_alone_can_change_its_answer(tree: object, moves: bool) -> None:
    assert criteria.is_time_dependent(tree) is moves


def test_a_tree_says_which_other_records_it_looks_at(contact: ObjectType) -> None:
    across = {"all": [{"not": {"associated": "company", "where": leaf("city", "known")}}, leaf("city", "known")]}
    assert references(across, contact).object_types == {"company"}
    assert references(leaf("city", "known"), contact).object_types == frozenset()
