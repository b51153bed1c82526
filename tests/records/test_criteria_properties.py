"""Generated trees over generated records: the SQL says what a plain evaluation in Python says."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.tenancy import every_account
from records import criteria
from records.models import List, ListEntry, ObjectType, Property, PropertyType, Record
from tests.records.plain_criteria import Opinion

MOMENTS = [
    datetime(2027, 3, 28, 0, 30, tzinfo=UTC),  # Oslo loses an hour on this day
    datetime(2027, 10, 30, 22, 30, tzinfo=UTC),  # and gains one
    datetime(2027, 2, 28, 12, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 11, 0, tzinfo=UTC),
    datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
]
ZONES = ["UTC", "Europe/Oslo", "Pacific/Auckland", "America/St_Johns"]

numbers = st.integers(-2, 2) | st.sampled_from([-1.5, 0.5, 1.25])
texts = st.text("aAåÅ%_\\'", min_size=1, max_size=3)
near = st.sampled_from(MOMENTS).flatmap(
    lambda moment: st.integers(-80, 80).map(lambda hours: moment + timedelta(hours=hours))
)
days = (near.map(datetime.date) | st.sampled_from([date(2000, 2, 29), date(1999, 2, 28), date(9999, 12, 31)])).map(str)
moments = near.map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}")
stages = st.sampled_from(["Lead", "Customer"])

stored = st.fixed_dictionaries(
    {},
    optional={
        "city": texts,
        "email": st.sampled_from(["anne@a.no", "per@a.no"]),
        "score": numbers,
        "vip": st.booleans(),
        "lifecycle_stage": stages,
        "date_of_birth": days,
        "created_on": moments,
    },
)


def leaf(
    property: str, operator: str, value: st.SearchStrategy[Any] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    parts: dict[str, st.SearchStrategy[Any]] = {"property": st.just(property), "operator": st.just(operator)}
    if value is not None:
        parts["value"] = value
    if operator in ("ne", "not_contains", "not_in"):
        return st.fixed_dictionaries(parts, optional={"include_unknown": st.booleans()})
    return st.fixed_dictionaries(parts)


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=3)


def pair(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=2, max_size=2).map(sorted)


RELATIVE = ("in_last_days", "in_next_days", "days_ago", "days_ahead", "before_days_ago", "after_days_ahead")
asked_email = st.sampled_from(["anne@a.no", "PER@a.no"])
leaves = st.one_of(
    *(leaf(key, name) for key in ("city", "email", "score", "vip", "created_on") for name in ("known", "unknown")),
    *(leaf("city", name, texts) for name in ("eq", "ne", "contains", "not_contains", "starts_with", "ends_with")),
    *(leaf("city", name, several(texts)) for name in ("in", "not_in")),
    *(leaf("email", name, asked_email) for name in ("eq", "ne", "contains", "starts_with", "ends_with")),
    *(leaf("email", name, several(asked_email)) for name in ("in", "not_in")),
    *(leaf("lifecycle_stage", name, stages) for name in ("eq", "ne")),
    *(leaf("score", name, numbers) for name in ("eq", "ne", "lt", "lte", "gt", "gte")),
    *(leaf("score", name, several(numbers)) for name in ("in", "not_in")),
    leaf("score", "between", pair(numbers)),
    *(leaf("vip", name, st.booleans()) for name in ("eq", "ne")),
    *(leaf("date_of_birth", name, days) for name in ("eq", "ne", "lt", "lte", "gt", "gte")),
    leaf("date_of_birth", "between", pair(days)),
    *(leaf("created_on", name, days | moments) for name in ("eq", "ne", "lt", "lte", "gt", "gte")),
    leaf("created_on", "between", pair(days) | pair(moments)),
    *(leaf(key, name, st.integers(0, 3)) for key in ("date_of_birth", "created_on") for name in RELATIVE),
    leaf("date_of_birth", "is_today"),
    leaf("created_on", "is_today"),
    leaf("date_of_birth", "is_anniversary_today"),
    st.builds(
        lambda which, operator: {"list": which, "operator": operator},
        st.integers(0, 1),
        st.sampled_from(["in", "not_in"]),
    ),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"all": members}),
        st.lists(inner, min_size=1, max_size=3).map(lambda members: {"any": members}),
        inner.map(lambda member: {"not": member}),
    ),
    max_leaves=8,
)


def with_lists(tree: Any, lists: list[List]) -> Any:
    """Positions in `lists` become ids."""
    if isinstance(tree, list):
        return [with_lists(member, lists) for member in tree]
    if not isinstance(tree, dict):
        return tree
    return {key: lists[value].pk if key == "list" else with_lists(value, lists) for key, value in tree.items()}


@given(
    tree=trees,
    people=st.lists(st.tuples(stored, st.sets(st.integers(0, 1))), min_size=1, max_size=8),
    moment=st.sampled_from(MOMENTS),
    zone=st.sampled_from(ZONES),
)
@example(
    tree={"property": "city", "operator": "not_in", "value": ["a"], "include_unknown": True},
    people=[({}, {0}), ({"city": "A"}, set())],
    moment=MOMENTS[0],
    zone="UTC",
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sql_of_a_tree_finds_whom_a_plain_evaluation_finds(
    contact: ObjectType,
    tree: dict[str, Any],
    people: list[tuple[dict[str, Any], set[int]]],
    moment: datetime,
    zone: str,
) -> None:
    Property.objects.get_or_create(
        object_type=contact, key="vip", defaults={"label": "VIP", "type": PropertyType.BOOLEAN}
    )
    lists = [List.objects.get_or_create(name=name, defaults={"object_type": contact})[0] for name in ("One", "Two")]
    ListEntry.objects.all().delete()
    Record.objects.all().delete()
    records = Record.objects.bulk_create(Record(object_type=contact, properties=person) for person, _ in people)
    memberships = [{lists[number].pk for number in numbers} for _, numbers in people]
    for record, inside in zip(records, memberships, strict=True):
        ListEntry.objects.bulk_create(ListEntry(list_id=pk, record=record) for pk in inside)

    tree = with_lists(tree, lists)
    assert criteria.check(tree, contact) == []
    assert criteria.describe(tree, contact)
    condition = criteria.compile(tree, object_type_id=contact.pk, moment=moment, zone=zone)
    sql = f"select {condition.sql} from records_record r where r.account_id = %(owner)s order by r.id"
    with connection.cursor() as cursor:
        cursor.execute(sql, {**condition.params, "owner": contact.account_id})
        answers = [answer for (answer,) in cursor.fetchall()]
    with every_account(), connection.cursor() as cursor:
        cursor.execute(sql, {**condition.params, "owner": contact.account_id})
        assert [answer for (answer,) in cursor.fetchall()] == answers
    expected = [
        Opinion(person, inside, moment, ZoneInfo(zone)).holds(tree)
        for (person, _), inside in zip(people, memberships, strict=True)
    ]
    assert answers == expected
