"""Criteria that make no sense: refused with the place, whatever they are, and never with anything but a refusal."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account, Member, User
from accounts.tenancy import account_scope
from records import criteria
from records.criteria_references import references
from records.models import ObjectType, Property, PropertyType
from records.operators import OPERATORS
from records.refusals import Invalid
from records.schema import add_property
from tests.records.trees import MOMENT, leaf, matching, refused


@pytest.fixture
def wide(contact: ObjectType) -> ObjectType:
    """Contacts with a property of every type, `some_<type>`."""
    for type in PropertyType:
        options = ["a", "b"] if "choice" in type.value else []
        add_property(contact, f"some_{type.value}", f"Some {type.value}", type, options)
    return contact


def test_a_property_that_is_archived_is_called_so(wide: ObjectType) -> None:
    Property.objects.filter(object_type=wide, key="some_text").update(archived_at=MOMENT)
    asked = [leaf("some_text", "eq", "a"), leaf("some_txt", "eq", "a"), leaf("some\x00", "eq", "a")]
    said = [fault.message for fault in criteria.check({"all": asked}, wide)]
    assert said[0] == "The property “Some text” is archived."
    assert said[1:] == ["There is no property “some_txt” of Contact.", "There is no property “some” of Contact."]


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        (leaf("some_multiple_choice", "eq", ["a"]), "operator"),
        (leaf("some_multiple_choice", "contains_any", "a"), "value"),
        (leaf("some_multiple_choice", "contains_any", ["a", "c"]), "value.1"),
        (leaf("some_multiple_choice", "is_exactly", []), "value"),
        (leaf("some_owner", "eq", "someone"), "value"),
        (leaf("some_owner", "eq", 10**30), "value"),
        (leaf("some_owner", "in", [10**9]), "value.0"),
        (leaf("some_owner", "gt", 1), "operator"),
        (leaf("some_date", "not_between", ["2027-01-02", "2027-01-01"]), "value"),
        (leaf("some_date", "in_last_months", 1.5), "value"),
        (leaf("some_date", "this_week", 1), "value"),
        (leaf("some_datetime", "anniversary_in_next_days", 1), "operator"),
        (leaf("some_date", "eq_property", "some_date"), "value"),
        (leaf("some_date", "eq_property", "some_datetime"), "value"),
        (leaf("some_date", "eq_property", "nothing"), "value"),
        (leaf("some_date", "lt_property", 7), "value"),
        (leaf("some_text", "lt_property", "city"), "operator"),
        (leaf("some_text", "contains", "x" * 1_001), "value"),
        (leaf("some_text", "eq", "x" * 10_001), "value"),
        (leaf("some_text", "eq", "a\x00"), "value"),
        (leaf("some_text", "eq", "\ud800"), "value"),
        (leaf("consent", "eq", "perhaps"), "value"),
        (leaf("created_at", "eq", "yesterday"), "value"),
        ({"event": ""}, "event"),
        ({"event": "a b"}, "event"),
        ({"event": "a\x00"}, "event"),
        ({"event": "x" * 41}, "event"),
        ({"event": ["link_clicked"]}, "event"),
        ({"event": "link_clicked", "happened": "no"}, "happened"),
        ({"event": "link_clicked", "at_least": 0}, "at_least"),
        ({"event": "link_clicked", "at_least": True}, "at_least"),
        ({"event": "link_clicked", "within_days": -1}, "within_days"),
        ({"event": "link_clicked", "within_days": "7"}, "within_days"),
        ({"event": "link_clicked", "since": "yesterday"}, "since"),
        ({"event": "link_clicked", "since": "20270301"}, "since"),
        ({"event": "link_clicked", "since": "2027-W01-1"}, "since"),
        ({"event": "link_clicked", "until": "2027-02-29"}, "until"),
        ({"event": "link_clicked", "until": ""}, "until"),
        ({"event": "link_clicked", "until": 7}, "until"),
        ({"event": "link_clicked", "since": "2027-03-02", "until": "2027-03-01"}, "until"),
        ({"event": "link_clicked", "since": "2027-03-02", "within_days": 0}, "within_days"),
        ({"event": "link_clicked", "detail": ["url"]}, "detail"),
        ({"event": "link_clicked", "detail": {"url": ["a"]}}, "detail.url"),
        ({"event": "link_clicked", "detail": {"url": "a\x00"}}, "detail.url"),
        ({"event": "link_clicked", "detail": {"url": float("nan")}}, "detail.url"),
        ({"event": "link_clicked", "detail": {str(n): n for n in range(11)}}, "detail"),
        ({"event": "link_clicked", "operator": "in"}, "operator"),
        ({"associated": "nothing", "where": {"all": []}}, "associated"),
        ({"associated": 7, "where": {"all": []}}, "associated"),
        ({"associated": "company"}, "where"),
        ({"associated": "company", "where": {"all": []}, "primary": "yes"}, "primary"),
        ({"associated": "company", "where": {"any": [leaf("first_name", "known")]}}, "where.any.0.property"),
        ({"associated": "company", "where": {"not": None}}, "where.not"),
        (
            {"associated": "company", "where": {"all": [{"associated": "contact", "where": {"all": []}}]}},
            "where.all.0.associated",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(wide: ObjectType, tree: object, path: str) -> None:
    assert refused(tree, wide) == [path]


def test_a_member_of_another_account_is_refused(wide: ObjectType, globex: Account) -> None:
    with account_scope(globex.pk):
        theirs = Member.objects.create(user=User.objects.create_user("gina@globex.example"))
    assert refused(leaf("some_owner", "eq", theirs.pk), wide) == ["value"]


def test_limits_count_across_associated_records(contact: ObjectType) -> None:
    many = {"any": [leaf("city", "known")] * 125}
    assert refused({"all": [many, {"associated": "company", "where": many}]}, contact) == ["all.1.where.any.124"]
    deep: Any = leaf("city", "known")
    for _ in range(7):
        deep = {"all": [deep]}
    assert refused({"all": [{"associated": "company", "where": deep}]}, contact) == []
    deepest = {"all": [{"all": [{"associated": "company", "where": deep}]}]}
    assert refused(deepest, contact) == ["all.0.all.0.where" + ".all.0" * 6]


@pytest.mark.parametrize("member", [{"all": []}, {"not": {"all": []}}, {"any": [{"all": []}]}])
def test_groups_that_hold_nothing_count_too(contact: ObjectType, member: object) -> None:
    assert criteria.check({"all": [member] * 250}, contact) == []
    (error,) = criteria.check({"all": [member] * 251}, contact)
    assert error.path.startswith("all.250") and error.message == "There are more than 250 conditions."


def test_of_a_tree_full_of_faults_the_first_hundred_are_told(contact: ObjectType) -> None:
    for tree in ({"all": [None] * 100_000}, {"all": [], **{str(n): n for n in range(100_000)}}):
        assert len(criteria.check(tree, contact)) == 100


def test_what_is_named_in_a_refusal_is_cut_to_what_can_be_shown(contact: ObjectType) -> None:
    errors = criteria.check({"all": [leaf("\ud800\x00" + "x" * 100_000, "known"), {"\ud800" * 1_000: 1}]}, contact)
    errors += criteria.check({"all": [], "\ud800" * 1_000: 1}, contact)
    assert len(errors) == 3
    assert all(len(error.message) < 300 and len(error.path) < 100 for error in errors)
    json.dumps([(error.path, error.message) for error in errors], ensure_ascii=False).encode()


JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(codec=None), max_size=12),
        st.sampled_from(["\x00", "\ud800", "x" * 20_000, 10**4_000, "2027-01-31", "31.12.9999", "a", "9" * 5_000]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from([*(f"some_{type.value}" for type in PropertyType), "consent", "created_at", "external_id"])


def nodes() -> st.SearchStrategy[Any]:
    """Trees that are right in some places and junk in others."""
    single = st.one_of(
        JUNK,
        st.fixed_dictionaries(
            {"property": KEYS | JUNK},
            optional={
                "operator": st.sampled_from(list(OPERATORS)) | JUNK,
                "value": JUNK,
                "include_unknown": st.booleans() | JUNK,
            },
        ),
        st.fixed_dictionaries({"list": JUNK}, optional={"operator": st.sampled_from(["in", "not_in"]) | JUNK}),
        st.fixed_dictionaries(
            {"event": st.just("link_clicked") | JUNK},
            optional={
                "happened": JUNK,
                "detail": JUNK,
                "within_days": st.integers() | JUNK,
                "since": JUNK,
                "until": st.just("2027-03-01") | JUNK,
                "at_least": JUNK,
            },
        ),
    )
    return st.recursive(
        single,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(inner, max_size=3) | JUNK}),
            st.fixed_dictionaries({"not": inner}),
            st.fixed_dictionaries({"associated": st.just("company") | JUNK}, optional={"where": inner}),
        ),
        max_leaves=4,
    )


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_no_tree_is_answered_with_anything_but_errors_or_records(wide: ObjectType) -> None:
    @given(tree=nodes())
    @settings(max_examples=250, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    def survives(tree: Any) -> None:
        errors = criteria.check(tree, wide)
        assert all(error.message for error in errors)
        json.dumps([(error.path, error.message) for error in errors], ensure_ascii=False).encode()
        references(tree, wide), criteria.is_time_dependent(tree)
        criteria.describe_all([tree], wide)
        if errors:
            return
        matching(tree, wide)

    survives()


def test_a_stored_tree_that_lost_what_it_needs_is_refused_not_broken(wide: ObjectType) -> None:
    with pytest.raises(Invalid):
        criteria.compile({"list": 10**30, "operator": "in"}, object_type_id=wide.pk, moment=MOMENT, zone="UTC")
