"""How PostgreSQL finds whom criteria take: by an index where there is one, in one look at each record otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import criteria
from records.models import List, ObjectType, Record
from records.schema import ensure_object_types
from tests.conftest import make_account
from tests.make import make_list
from tests.records.trees import MOMENT, leaf

PEOPLE = 4_000
FILL = """
insert into records_record
  (account_id, object_type_id, properties, external_id, consent, former_employee, created_at, updated_at)
select %(account)s, %(type)s, jsonb_build_object('email', 'u' || g || '@example.com', 'first_name', 'Name' || g,
    'last_name', 'Surname' || g, 'city', 'City ' || (g %% 50), 'score', g %% 100, 'date_of_birth', '1990-01-31'),
  'X' || g, 'given', false, now(), now()
from generate_series(1, %(people)s) g
"""

# Each is on a list, has three events and a change, and belongs to one of a hundred companies.
AROUND = """
with firm as (
  insert into records_record (account_id, object_type_id, properties, consent, former_employee, created_at, updated_at)
  select %(account)s, %(company)s, jsonb_build_object('name', 'Firm ' || g), 'unknown', false, now(), now()
  from generate_series(1, 100) g returning id
),
numbered as (select id, row_number() over () - 1 as number from firm),
person as (select id from records_record where account_id = %(account)s and object_type_id = %(type)s),
listed as (
  insert into records_listentry (account_id, list_id, record_id, added_at)
  select %(account)s, %(list)s, person.id, now() from person where person.id %% 2 = 0
),
happened as (
  insert into records_event (account_id, record_id, kind, detail, depth, at)
  select %(account)s, person.id, 'link_clicked', '{}', 0, %(at)s::timestamptz - g * interval '20 days'
  from person, generate_series(1, 3) g
),
changed as (
  insert into records_event (account_id, record_id, kind, detail, depth, at)
  select %(account)s, person.id, 'record_updated', '{"changes": {"city": ["Oslo", "Bergen"]}}', 0, %(at)s
  from person
)
insert into records_association (account_id, record_id, other_id, other_type_id, is_primary, created_at)
select %(account)s, person.id, numbered.id, %(company)s, true, now()
from person join numbered on numbered.number = person.id %% 100
"""


@dataclass
class Plan:
    """The plan of a question. `nodes`: every node of it, outermost first."""

    nodes: list[dict[str, Any]]
    blocks: int
    rows: int

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    def scans(self, table: str) -> list[dict[str, Any]]:
        return [node for node in self.nodes if node.get("Relation Name") == table]


def fill(contact: ObjectType, company: ObjectType, people: int) -> None:
    chosen = make_list("Half", object_type=contact)
    params = {"account": contact.account_id, "type": contact.pk, "company": company.pk, "people": people}
    with connection.cursor() as cursor:
        cursor.execute(FILL, params)
        cursor.execute(AROUND, {**params, "list": chosen.pk, "at": MOMENT})


def settle() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select gin_clean_pending_list('record_by_search_text')")
        cursor.execute("analyze records_record, records_listentry, records_event, records_association")


@pytest.fixture
def crowded(contact: ObjectType, globex: Account) -> Iterator[ObjectType]:
    """4,000 contacts of Acme beside 4,000 of Globex; asked in the owner role, as whoever compiles criteria does."""
    fill(contact, ObjectType.objects.get(key="company"), PEOPLE)
    with account_scope(globex.pk):
        ensure_object_types()
        fill(ObjectType.objects.get(key="contact"), ObjectType.objects.get(key="company"), PEOPLE)
    with every_account(), connection.cursor() as cursor:
        settle()
        cursor.execute("set local max_parallel_workers_per_gather = 0")
        yield contact


def plan(tree: object, object_type: ObjectType) -> Plan:
    condition = criteria.compile(tree, object_type_id=object_type.pk, moment=MOMENT, zone="Europe/Oslo")
    sql = (
        "explain (analyze, buffers, format json) select r.id from records_record r"
        " where r.account_id = %(account)s and r.object_type_id = %(type)s and r.archived_at is null"
        f" and {condition.sql}"
    )
    params = {**condition.params, "account": object_type.account_id, "type": object_type.pk}
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        root = cursor.fetchone()[0][0]["Plan"]
    return Plan(list(_nodes(root)), root["Shared Hit Blocks"] + root["Shared Read Blocks"], int(root["Actual Rows"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", []):
        yield from _nodes(each)


@pytest.mark.parametrize(
    ("tree", "index"),
    [
        (leaf("email", "eq", "u7@example.com"), "record_by_email"),
        (leaf("email", "in", ["u7@example.com", "u8@example.com"]), "record_by_email"),
        (leaf("external_id", "eq", "X7"), "external_id_once_per_object_type"),
        (leaf("external_id", "in", ["X7", "X8"]), "external_id_once_per_object_type"),
        (leaf("first_name", "eq", "name77"), "record_by_search_text"),
        (leaf("last_name", "contains", "name777"), "record_by_search_text"),
        (leaf("last_name", "starts_with", "SURNAME777"), "record_by_search_text"),
        (leaf("email", "ends_with", "777@example.com"), "record_by_search_text"),
        (leaf("first_name", "in", ["Name77", "Name78"]), "record_by_search_text"),
        ({"all": [leaf("email", "eq", "u7@example.com"), leaf("score", "gt", 5)]}, "record_by_email"),
    ],
)
def test_equality_and_parts_of_what_is_searched_use_an_index(
    crowded: ObjectType, tree: dict[str, Any], index: str
) -> None:
    found = plan(tree, crowded)
    assert index in found.indexes
    assert 0 < found.rows < 100


@pytest.mark.parametrize(
    "condition",
    [
        leaf("last_name", "eq", "surname7"),
        leaf("last_name", "in", ["surname7"]),
        leaf("last_name", "ends_with", "name7"),
    ],
)
def test_a_name_that_is_asked_for_whole_is_not_looked_for_within_others(
    crowded: ObjectType, condition: dict[str, Any]
) -> None:
    """A thousand others begin with it."""
    found = plan(condition, crowded)
    (looked_at,) = [node["Actual Rows"] for node in found.nodes if node.get("Index Name") == "record_by_search_text"]
    assert 0 < looked_at < 50 and found.rows == 1


def test_the_history_of_one_record_is_looked_up_by_its_events(crowded: ObjectType) -> None:
    one = leaf("email", "eq", "u7@example.com")
    found = plan({"all": [one, leaf("city", "ever_was", "bergen"), leaf("city", "changed_in_last_days", 7)]}, crowded)
    assert found.rows == 1 and "events_of_a_record" in found.indexes
    assert found.blocks < 100


def test_membership_of_a_list_is_looked_up_by_the_list(crowded: ObjectType) -> None:
    with account_scope(crowded.account_id):
        chosen = make_list("Five", Record.objects.filter(object_type=crowded)[:5], object_type=crowded)
    settle()
    found = plan({"all": [{"list": chosen.pk, "operator": "in"}, leaf("score", "known")]}, crowded)
    assert found.rows == 5
    assert found.blocks < 100


WHERE = {"any": [leaf("country", "eq", "NO"), leaf("employees", "gt", 5)]}
NEVER = {"event": "unsubscribed", "happened": False}


def five(chosen: List) -> list[dict[str, Any]]:
    return [
        leaf("city", "contains", "ity 7"),
        leaf("score", "gte", 50),
        leaf("date_of_birth", "in_last_days", 7),
        {"list": chosen.pk, "operator": "in"},
        {"event": "link_clicked", "within_days": 30, "at_least": 2},
    ]


@pytest.mark.parametrize("shape", ["all", "any", "not any", "associated", "mixed", "history"])
def test_a_tree_of_five_conditions_reads_the_records_once_and_scans_nothing_for_each(
    crowded: ObjectType, shape: str
) -> None:
    some = five(List.objects.get(account_id=crowded.account_id))
    tree = {
        "all": {"all": some},
        "any": {"any": some},
        "not any": {"not": {"any": some}},
        "associated": {"any": [*some[:3], NEVER, {"associated": "company", "where": WHERE}]},
        "mixed": {"all": [*some[:2], {"any": [{"associated": "company", "primary": True, "where": WHERE}, *some[3:]]}]},
        "history": {"any": [*some[:2], leaf("city", "ever_was", "Bodø"), leaf("city", "changed_in_last_days", 7)]},
    }[shape]
    found = plan(tree, crowded)
    scans = [node for node in found.scans("records_record") if node.get("Alias") == "r"]
    assert len(scans) == 1
    assert scans[0]["Actual Loops"] <= 1
    assert all(node["Actual Loops"] <= 1 for node in found.nodes if node["Node Type"] == "Seq Scan")


def test_the_cost_does_not_grow_with_the_records_of_others(crowded: ObjectType) -> None:
    some = five(List.objects.get(account_id=crowded.account_id))
    trees = [{"all": some}, {"any": some}, leaf("email", "eq", "u7@example.com"), leaf("last_name", "eq", "Surname77")]
    before = [plan(tree, crowded).blocks for tree in trees]
    with account_scope(make_account("Initech", "initech").pk):
        ensure_object_types()
        fill(ObjectType.objects.get(key="contact"), ObjectType.objects.get(key="company"), 5 * PEOPLE)
    settle()
    after = [plan(tree, crowded).blocks for tree in trees]
    # Reading the others' 20,000 contacts would take a thousand blocks and more. Words share an index with theirs.
    assert all(now <= then * 1.5 + 100 for now, then in zip(after, before, strict=True)), (before, after)


@pytest.mark.parametrize(
    "tree", [leaf("city", "known"), leaf("score", "lt", 50), leaf("score", "eq", 5), leaf("city", "eq", "City 7")]
)
def test_where_all_rows_are_read_the_records_of_others_are_not_asked_about(
    crowded: ObjectType, tree: dict[str, Any]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set local enable_bitmapscan = off; set local enable_indexscan = off")
        cursor.execute("set local enable_indexonlyscan = off")
    (scan,) = plan(tree, crowded).scans("records_record")
    assert scan["Node Type"] == "Seq Scan"
    assert scan["Filter"].index("account_id =") < scan["Filter"].index("properties")
