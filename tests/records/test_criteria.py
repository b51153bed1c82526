"""Criteria: what is refused and where, and how they read."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.translation import override

from accounts.models import Account, Member, User
from accounts.tenancy import account_scope
from records import criteria, criteria_trees
from records.leaves import Compiler, Leaf, Node, Subject
from records.models import List, ObjectType, PropertyType, Record
from records.operators import OPERATORS, Takes, fitting
from records.refusals import Error, Invalid
from records.schema import add_property, ensure_object_types
from records.sentences import SENTENCES, SENTENCES_ABOUT_DAYS, menu_label
from tests.records.trees import holds, leaf, matching, refused

# --- What is refused ---------------------------------------------------------------------------------------


def test_every_record_is_an_empty_all(contact: ObjectType) -> None:
    assert criteria.check({"all": []}, contact) == []
    assert holds({"all": []}, contact)
    assert not holds({"not": {"all": []}}, contact)


@pytest.mark.parametrize(
    "tree", [None, [], 7, "all", {}, {"every": []}, {"all": [], "any": []}, {"property": "city", "list": 1}]
)
def test_what_is_no_group_and_no_condition_is_refused(contact: ObjectType, tree: object) -> None:
    assert refused(tree, contact) == [""]


def test_a_fault_is_named_by_its_path(contact: ObjectType) -> None:
    tree = {
        "all": [
            leaf("city", "known"),
            {"any": [leaf("city", "known"), leaf("city", "known"), leaf("score", "gt", "x")]},
        ]
    }
    assert refused({"all": [tree["all"][1]]}, contact) == ["all.0.any.2.value"]
    assert refused(tree, contact) == ["all.1.any.2.value"]
    assert refused({"not": {"all": [leaf("nothing", "known")]}}, contact) == ["not.all.0.property"]


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        (leaf("nothing", "eq", "x"), "property"),
        ({"property": 7, "operator": "eq"}, "property"),
        ({"property": ["city"], "operator": "eq"}, "property"),
        (leaf("city", "resembles", "x"), "operator"),
        ({"property": "city", "value": "x"}, "operator"),
        ({"property": "city", "operator": {}, "value": "x"}, "operator"),
        (leaf("city", "gt", "x"), "operator"),
        (leaf("score", "contains", "1"), "operator"),
        (leaf("created_on", "is_anniversary_today"), "operator"),
        (leaf("city", "eq"), "value"),
        (leaf("city", "eq", " "), "value"),
        (leaf("city", "eq", ["Oslo"]), "value"),
        (leaf("city", "contains", ""), "value"),
        (leaf("city", "contains", "a\x00"), "value"),
        (leaf("city", "known", "x"), "value"),
        (leaf("score", "eq", "many"), "value"),
        (leaf("score", "eq", True), "value"),
        (leaf("email", "eq", "anne at firma.example"), "value"),
        (leaf("lifecycle_stage", "eq", "Friend"), "value"),
        (leaf("date_of_birth", "lt", "31.02.2020"), "value"),
        (leaf("score", "between", [1]), "value"),
        (leaf("score", "between", [2, 1]), "value"),
        (leaf("score", "between", [1, "x"]), "value.1"),
        (leaf("score", "in", []), "value"),
        (leaf("score", "in", 3), "value"),
        (leaf("score", "in", list(range(1001))), "value"),
        (leaf("city", "in", ["Oslo", {}]), "value.1"),
        (leaf("renewal_date", "in_next_days", "7"), "value"),
        (leaf("renewal_date", "in_next_days", True), "value"),
        (leaf("renewal_date", "in_next_days", -1), "value"),
        (leaf("renewal_date", "in_next_days", 10**9), "value"),
        (leaf("city", "eq", "Oslo", include_unknown=True), "include_unknown"),
        (leaf("city", "ne", "Oslo", include_unknown="yes"), "include_unknown"),
        (leaf("city", "eq", "Oslo", colour="red"), "colour"),
        ({"all": [], "note": 1}, "note"),
        ({"all": {}}, "all"),
        ({"any": []}, "any"),
        ({"not": []}, "not"),
        ({"list": 10**12, "operator": "in"}, "list"),
        ({"list": "7", "operator": "in"}, "list"),
        ({"list": [], "operator": "in"}, "list"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(contact: ObjectType, tree: object, path: str) -> None:
    assert refused(tree, contact) == [path]


def test_a_list_operator_must_be_known(contact: ObjectType) -> None:
    chosen = List.objects.create(name="Customers", object_type=contact)
    assert refused({"list": chosen.pk, "operator": "eq"}, contact) == ["operator"]
    assert refused({"list": chosen.pk}, contact) == ["operator"]


def test_groups_nest_eight_deep_and_no_deeper(contact: ObjectType) -> None:
    tree: dict[str, Any] = leaf("city", "known")
    for _ in range(8):
        tree = {"all": [tree]}
    assert refused(tree, contact) == []
    assert refused({"not": tree}, contact) == ["not" + ".all.0" * 7]


def test_a_tree_nested_without_end_is_refused_and_not_followed(contact: ObjectType) -> None:
    tree: dict[str, Any] = leaf("city", "known")
    for _ in range(5_000):
        tree = {"not": tree}
    assert refused(tree, contact) == [".".join(["not"] * 8)]


def test_there_are_at_most_250_conditions(contact: ObjectType) -> None:
    members = [{"any": [leaf("city", "known")] * 125}, {"any": [leaf("city", "known")] * 125}]
    assert refused({"all": members}, contact) == []
    assert refused({"all": [*members, leaf("city", "known"), leaf("city", "known")]}, contact) == ["all.2"]


def test_a_list_of_another_account_is_refused(contact: ObjectType, globex: Account) -> None:
    with account_scope(globex.pk):
        ensure_object_types()
        theirs = List.objects.create(name="Theirs", object_type=ObjectType.objects.get(key="contact"))
    assert refused({"all": [{"list": theirs.pk, "operator": "in"}]}, contact) == ["all.0.list"]


def test_a_list_of_another_object_type_is_refused(contact: ObjectType) -> None:
    companies = List.objects.create(name="Companies", object_type=ObjectType.objects.get(key="company"))
    assert refused({"list": companies.pk, "operator": "in"}, contact) == ["list"]


def test_compiling_refuses_what_checking_refuses(contact: ObjectType) -> None:
    with pytest.raises(Invalid) as refusal:
        matching({"all": [leaf("city", "gt", "x")]}, contact)
    assert [error.path for error in refusal.value.errors] == ["all.0.operator"]


# --- Conditions of other packages ----------------------------------------------------------------------------


class OddLeaf(Leaf):
    """{"odd": true}: records whose id is odd."""

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        if not isinstance(node["odd"], bool):
            yield Error("odd", "True or false.")

    def compile(self, node: Node, sql: Compiler) -> str:
        return f"(({sql.record}.id % {sql.bind(2)} = 1) = {sql.bind(node['odd'])})".replace(" % ", " %% ")

    def describe(self, node: Node, subject: Subject) -> str:
        return "the number is odd" if node["odd"] else "the number is even"


@pytest.fixture
def odd_leaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criteria_trees, "_leaves", dict(criteria_trees._leaves))
    criteria.register_leaf("odd", OddLeaf())


def test_another_package_may_register_a_condition(contact: ObjectType, odd_leaf: None) -> None:
    records = [Record.objects.create(object_type=contact, properties={"city": "Oslo"}) for _ in range(4)]
    tree = {"all": [{"odd": True}, leaf("city", "eq", "Oslo")]}
    assert criteria.check(tree, contact) == []
    assert refused({"all": [{"odd": 1}]}, contact) == ["all.0.odd"]
    assert refused({"odd": True, "value": 1}, contact) == ["value"]
    assert matching(tree, contact) == {record.pk for record in records if record.pk % 2}
    assert criteria.describe(tree, contact) == "the number is odd and City is Oslo"


@pytest.mark.parametrize("name", ["all", "property", "list", "event", "associated"])
def test_a_name_that_is_taken_cannot_be_registered(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        criteria.register_leaf(name, OddLeaf())


# --- How it reads --------------------------------------------------------------------------------------------


def every_property_condition(object_type: ObjectType, member: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """A condition of every operator about a property of every type that it fits, with the property's label."""
    by_type: dict[str, Any] = {
        PropertyType.NUMBER: 5,
        PropertyType.DATE: "2027-01-31",
        PropertyType.DATETIME: "2027-01-31T10:00:00Z",
        PropertyType.BOOLEAN: True,
        PropertyType.EMAIL: "anne@firma.example",
        PropertyType.PHONE: "+4722345678",
        PropertyType.URL: "https://firma.example",
        PropertyType.OWNER: member,
    }
    for type in PropertyType:
        options = ["a", "b"] if type in (PropertyType.CHOICE, PropertyType.MULTIPLE_CHOICE) else []
        for key in (f"some_{type.value}", f"other_{type.value}"):
            add_property(object_type, key, key.replace("_", " ").capitalize(), type, options)
        for operator in fitting(type):
            one = by_type.get(type, "a")
            samples: dict[Takes, Any] = {
                Takes.NOTHING: None,
                Takes.PART: "a",
                Takes.DAYS: 3,
                Takes.MANY: [one],
                Takes.PAIR: [one, one],
                Takes.PROPERTY: f"other_{type.value}",
            }
            label = f"some_{type.value}".replace("_", " ").capitalize()
            yield label, leaf(f"some_{type.value}", operator.name, samples.get(operator.takes, one))


@pytest.fixture
def member(inside_acme: Account) -> int:
    user = User.objects.create_user("olga@acme.example", name="Olga Owner")
    return int(Member.objects.create(user=user).pk)


def test_every_operator_has_a_sentence_and_a_value_that_compiles(contact: ObjectType, member: int) -> None:
    assert set(OPERATORS) == {*SENTENCES, *SENTENCES_ABOUT_DAYS}
    conditions = list(every_property_condition(contact, member))
    said = set()
    for label, tree in conditions:
        assert criteria.check(tree, contact) == []
        matching(tree, contact)
        sentence = criteria.describe(tree, contact)
        assert sentence.startswith(f"{label} ")
        assert "%" not in sentence
        said.add(sentence)
    assert len(said) == len(conditions) == sum(len(fitting(type)) for type in PropertyType)


@pytest.mark.parametrize("language", ["sv", "nb"])
def test_every_sentence_is_told_in_the_languages_of_the_pages(contact: ObjectType, member: int, language: str) -> None:
    conditions = [tree for _, tree in every_property_condition(contact, member)]
    conditions += [
        {"event": "link_clicked", "happened": happened, "at_least": times, "within_days": days}
        for happened in (True, False)
        for times in (1, 3)
        for days in (None, 0, 1, 30)
    ]
    conditions += [{"list": 10**9, "operator": name} for name in ("in", "not_in")]
    conditions += [{"associated": "company", "where": {"all": []}, "primary": primary} for primary in (True, False)]
    english = [criteria.describe(tree, contact) for tree in conditions]
    with override(language):
        told = [criteria.describe(tree, contact) for tree in conditions]
    assert all(told)
    same = [sentence for sentence, own in zip(english, told, strict=True) if sentence == own]
    assert not same, "\n".join(same)


@pytest.mark.parametrize("language", ["en", "sv", "nb"])
def test_menus_show_operators_without_the_quotation_marks_of_any_language(language: str) -> None:
    with override(language):
        labels = [menu_label(operator, type) for type in PropertyType for operator in fitting(type)]
    assert [label for label in labels if set(label) & set("“”«»")] == []


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"all": []}, "every record"),
        ({"not": {"all": []}}, "not (every record)"),
        (leaf("score", "gte", "50"), "Score is at least 50"),
        (leaf("city", "in", ["Oslo", "Bergen", "Bodø"]), "City is any of Oslo, Bergen or Bodø"),
        (leaf("city", "ne", "100 %", include_unknown=True), "City is not 100 % or unknown"),
        (leaf("renewal_date", "in_next_days", 1), "Renewal date is in the next 1 day"),
        (leaf("renewal_date", "in_next_days", 30), "Renewal date is in the next 30 days"),
        (leaf("date_of_birth", "lt", "31.1.2000"), "Date of birth is before 31 January 2000"),
        (leaf("score", "between", [1, 2]), "Score is between 1 and 2"),
        (leaf("score", "gte", 1246.5), "Score is at least 1\u202f246.5"),
        (leaf("created_on", "gte", "2027-01-31T10:00:00Z"), "Registered on is on or after 31 January 2027 10:00 UTC"),
        (leaf("created_on", "gte", "2027-01-31T10:00"), "Registered on is on or after 31 January 2027 10:00"),
        (
            {"all": [leaf("country", "eq", "NO"), {"any": [leaf("score", "gt", 5), leaf("city", "known")]}]},
            "Country is NO and (Score is more than 5 or City is known)",
        ),
        ({"all": [{"any": [leaf("score", "gt", 5), leaf("city", "known")]}]}, "Score is more than 5 or City is known"),
        (
            {"not": {"any": [leaf("score", "gt", 5), leaf("city", "known")]}},
            "not (Score is more than 5 or City is known)",
        ),
    ],
)
def test_a_tree_reads_as_a_sentence(contact: ObjectType, tree: object, sentence: str) -> None:
    assert criteria.describe(tree, contact) == sentence


def test_a_list_is_named_in_the_sentence(contact: ObjectType) -> None:
    chosen = List.objects.create(name="Customers", object_type=contact)
    assert criteria.describe({"list": chosen.pk, "operator": "in"}, contact) == "in the list “Customers”"
