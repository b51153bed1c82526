"""Generated trees over a crowd of records: the SQL finds whom a plain evaluation in Python finds."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tenancy import every_account
from records import criteria, lists
from records.models import List, ListEntry, ObjectType, PropertyType, Record
from records.schema import add_property
from tests.records.plain_criteria import Opinion

Tree = dict[str, Any]
Crowd = list[tuple[Tree, set[int]]]  # properties, and the ids of the lists they are in

MOMENTS = [
    datetime(2027, 3, 28, 0, 30, tzinfo=UTC),  # Oslo loses an hour on this day
    datetime(2027, 10, 30, 22, 30, tzinfo=UTC),  # and gains one
    datetime(2027, 2, 28, 12, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 11, 0, tzinfo=UTC),
    datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
]
ZONES = ["UTC", "Europe/Oslo", "Pacific/Auckland", "America/St_Johns"]
AWAY = [timedelta(hours=hours) for hours in (-72, -48, -25, -24, -12, -1, 0, 1, 12, 23, 24, 48, 72)]
TEXTS = ["a", "A", "å", "Åa", "aÅb", "%", "a_", "\\", "'b"]
NUMBERS = [-2, -1.5, 0, 0.5, 1, 2]
EMAILS = ["anne@a.no", "per@a.no"]
STAGES = ["Lead", "Customer"]


def days_near(moment: datetime) -> list[str]:
    others = [date(2000, 2, 29), date(1999, 2, 28), date(9999, 12, 31)]
    return [str(day) for day in [*sorted({(moment + away).date() for away in AWAY}), *others]]


def seconds_near(moment: datetime) -> list[str]:
    return [f"{moment + away + timedelta(seconds=s):%Y-%m-%dT%H:%M:%SZ}" for away in AWAY for s in (0, 1)]


def make_crowd(contact: ObjectType, some: list[List]) -> Crowd:
    """People with every value there is around every moment, and with gaps."""
    crowd: Crowd = []
    for moment in MOMENTS:
        for number, second in enumerate(seconds_near(moment)):
            values = {
                "city": TEXTS[number % len(TEXTS)],
                "email": EMAILS[number % 2],
                "score": NUMBERS[number % len(NUMBERS)],
                "vip": number % 3 == 0,
                "lifecycle_stage": STAGES[number % 2],
                "date_of_birth": days_near(moment)[number % len(days_near(moment))],
                "created_on": second,
            }
            gap = list(values)[number % len(values)]
            person = {key: value for key, value in values.items() if key != gap}
            crowd.append((person, {each.pk for place, each in enumerate(some) if number >> place & 1}))
    crowd.append(({}, set()))
    records = Record.objects.bulk_create(Record(object_type=contact, properties=person) for person, _ in crowd)
    ListEntry.objects.bulk_create(
        ListEntry(list_id=pk, record=record)
        for record, (_, inside) in zip(records, crowd, strict=True)
        for pk in inside
    )
    return crowd


def leaf(property: str, operator: str, value: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Tree]:
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


COMPARED = ("eq", "ne", "lt", "lte", "gt", "gte")
RELATIVE = ("in_last_days", "in_next_days", "days_ago", "days_ahead", "before_days_ago", "after_days_ahead")


def leaves(moment: datetime, some: list[List]) -> st.SearchStrategy[Tree]:
    texts, numbers = st.sampled_from([*TEXTS, "AÅ", "åB"]), st.sampled_from([*NUMBERS, -1, 1.5])
    emails = st.sampled_from([*EMAILS, "PER@a.no"])
    days, seconds = st.sampled_from(days_near(moment)), st.sampled_from(seconds_near(moment))
    listed = st.sampled_from([each.pk for each in some])
    return st.one_of(
        *(leaf(key, name) for key in ("city", "email", "score", "vip", "created_on") for name in ("known", "unknown")),
        *(leaf("city", name, texts) for name in ("eq", "ne", "contains", "not_contains", "starts_with", "ends_with")),
        *(leaf("city", name, several(texts)) for name in ("in", "not_in")),
        *(leaf("email", name, emails) for name in ("eq", "ne", "contains", "starts_with", "ends_with")),
        *(leaf("email", name, several(emails)) for name in ("in", "not_in")),
        *(leaf("lifecycle_stage", name, st.sampled_from(STAGES)) for name in ("eq", "ne")),
        *(leaf("score", name, numbers) for name in COMPARED),
        *(leaf("score", name, several(numbers)) for name in ("in", "not_in")),
        leaf("score", "between", pair(numbers)),
        *(leaf("vip", name, st.booleans()) for name in ("eq", "ne")),
        *(leaf("date_of_birth", name, days) for name in COMPARED),
        leaf("date_of_birth", "between", pair(days)),
        *(leaf("created_on", name, days | seconds) for name in COMPARED),
        leaf("created_on", "between", pair(days) | pair(seconds)),
        *(leaf(key, name, st.integers(0, 3)) for key in ("date_of_birth", "created_on") for name in RELATIVE),
        leaf("date_of_birth", "is_today"),
        leaf("created_on", "is_today"),
        leaf("date_of_birth", "is_anniversary_today"),
        st.fixed_dictionaries({"list": listed, "operator": st.sampled_from(["in", "not_in"])}),
    )


def trees(single: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Half of the time a single condition."""
    return single | st.recursive(
        single,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda members: {"all": members}),
            st.lists(inner, min_size=1, max_size=3).map(lambda members: {"any": members}),
            inner.map(lambda member: {"not": member}),
        ),
        max_leaves=6,
    )


def test_the_sql_of_a_tree_finds_whom_a_plain_evaluation_finds(contact: ObjectType) -> None:
    add_property(contact, "vip", "VIP", PropertyType.BOOLEAN)
    some = [lists.create_static(name, contact) for name in ("One", "Two")]
    crowd = make_crowd(contact, some)

    questions = st.one_of(*(st.tuples(trees(leaves(at, some)), st.just(at)) for at in MOMENTS))

    @given(question=questions, zone=st.sampled_from(ZONES))
    @settings(max_examples=400, deadline=None)
    def agree(question: tuple[Tree, datetime], zone: str) -> None:
        tree, moment = question
        assert criteria.check(tree, contact) == []
        assert criteria.describe(tree, contact)
        condition = criteria.compile(tree, object_type_id=contact.pk, moment=moment, zone=zone)
        expected = [Opinion(person, inside, moment, ZoneInfo(zone)).holds(tree) for person, inside in crowd]
        assert answers(condition, contact.account_id) == expected

    agree()


def answers(condition: criteria.Condition, account_id: int) -> list[bool | None]:
    """For each record in id order, in the role of a worker; the owner's answer must be the same."""
    sql = f"select {condition.sql} from records_record r where r.account_id = %(owner)s order by r.id"
    with connection.cursor() as cursor:
        cursor.execute(sql, {**condition.params, "owner": account_id})
        found = [answer for (answer,) in cursor.fetchall()]
        with every_account():
            cursor.execute(sql, {**condition.params, "owner": account_id})
            assert [answer for (answer,) in cursor.fetchall()] == found
    return found
