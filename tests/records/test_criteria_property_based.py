"""Generated trees over a crowd of records: the SQL finds whom a plain evaluation in Python finds.

The same examples each time. `CRITERIA_EXAMPLES=20000` tries that many others, over another crowd.
"""

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Member, User
from accounts.tenancy import every_account
from records import criteria, lists
from records.models import Association, Event, ListEntry, ObjectType, Property, PropertyType, Record
from records.operators import Takes, fitting
from records.schema import add_property
from tests.records.plain_criteria import Happened, Opinion, Person

Tree = dict[str, Any]
Strategy = st.SearchStrategy[Any]
EXAMPLES = int(os.environ.get("CRITERIA_EXAMPLES", "0"))
PEOPLE, COMPANIES = 260, 12

MOMENTS = [
    datetime(2027, 3, 28, 0, 30, tzinfo=UTC),  # Oslo loses an hour on this day
    datetime(2027, 10, 30, 22, 30, tzinfo=UTC),  # and gains one
    datetime(2027, 2, 28, 12, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 11, 0, tzinfo=UTC),
    datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2011, 12, 30, 9, 59, 59, tzinfo=UTC),  # the last second before Apia leaves out a day
]
ZONES = ["UTC", "Europe/Oslo", "Asia/Kolkata", "Pacific/Apia", "America/St_Johns"]
AWAY = [
    timedelta(hours=hours) for hours in (-800, -192, -72, -48, -25, -24, -12, -1, 0, 1, 12, 23, 24, 48, 72, 192, 800)
]
KINDS = ["link_clicked", "custom.order_placed"]
DETAILS = [{}, {"content_id": 7}, {"content_id": 7, "url": "https://a.no/%"}, {"size": "XL", "gift": True}]
TEXTS = ["a", "A", "å", "Åa", "aÅb", "%", "a_", "\\", "'b"]
NAMES = ["Anna", "ANNA Lisa", "annabel", "100%_a\\b", "Åsa Öst", "x"]
EMAILS = ["anne@a.no", "per@a.no", "per_anne@a.no"]
TOPICS = ["Skiing", "Sailing", "Sauna"]
WRONG: list[Any] = [None, 5, 2027, True, "yesterday", ["a"], {"a": 1}]


def days_near(moments: list[datetime]) -> list[str]:
    others = ["2000-02-29", "1999-02-28", "9999-12-31", "0001-01-01"]
    return sorted({str((moment + away).date()) for moment in moments for away in AWAY} | set(others))


def seconds_near(moments: list[datetime]) -> list[str]:
    near = (moment + away + timedelta(seconds=s) for moment in moments for away in AWAY for s in (0, 1))
    return sorted({f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in near})


def wall_times_near(moment: datetime) -> list[str]:
    """What clocks of the zones show around that moment, also what they skip and show twice."""
    shown = (moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in ZONES)
    near = (at + timedelta(minutes=minutes) for at in shown for minutes in (-60, -30, 0, 30, 60, 90))
    return sorted({f"{at:%Y-%m-%dT%H:%M:%S}" for at in near})


class World:
    """The account's properties, and what values there are of each; its records, as the plain evaluation sees them."""

    def __init__(self, contact: ObjectType, seed: int) -> None:
        self.random = random.Random(seed)
        self.contact, self.company = contact, ObjectType.objects.get(key="company")
        self.members = [Member.objects.create(user=User.objects.create_user(f"m{n}@a.no")).pk for n in range(2)]
        self._add_properties()
        self.properties = {
            each.key: {one.key: one for one in Property.objects.filter(object_type=each)}
            for each in (self.contact, self.company)
        }
        self.types = {key: {k: p.type for k, p in found.items()} for key, found in self.properties.items()}
        self.lists = [lists.create_static(name, contact).pk for name in ("One", "Two")]
        self.people: list[Person] = []
        self._add_records()

    def _add_properties(self) -> None:
        add_property(self.contact, "vip", "VIP", PropertyType.BOOLEAN)
        add_property(self.contact, "vip_once", "Was VIP", PropertyType.BOOLEAN)
        add_property(self.contact, "points", "Points", PropertyType.NUMBER)
        add_property(self.contact, "seen_at", "Seen", PropertyType.DATETIME)
        add_property(self.contact, "topics", "Topics", PropertyType.MULTIPLE_CHOICE, TOPICS)
        for key in ("looked_after_by", "found_by"):
            add_property(self.contact, key, key, PropertyType.OWNER)

    def pool(self, key: str, type: str, moments: list[datetime]) -> list[Any]:
        """Values of a property, as they are stored."""
        if key == "first_name":
            return NAMES
        if type == PropertyType.CHOICE:
            return ["Lead", "Customer"]
        return {
            PropertyType.EMAIL: EMAILS,
            PropertyType.PHONE: ["+4722345678", "+46701740605"],
            PropertyType.URL: ["https://a.no", "https://b.no/X"],
            PropertyType.NUMBER: [-2, -1.5, 0, 0.5, 1, 2],
            PropertyType.BOOLEAN: [True, False],
            PropertyType.OWNER: self.members,
            PropertyType.DATE: days_near(moments) + ["2000-02-29", "1996-02-29", "2001-02-28"] * 4,
            PropertyType.DATETIME: seconds_near(moments),
        }.get(PropertyType(type), TEXTS)

    def _values(self, object_type: str) -> dict[str, Any]:
        values = {}
        for key, type in self.types[object_type].items():
            chance = self.random.random()
            if chance < 0.06 and key not in ("email", "phone"):
                values[key] = self.random.choice(WRONG)
            elif chance < 0.8 and type == PropertyType.MULTIPLE_CHOICE:
                values[key] = [topic for topic in TOPICS if self.random.random() < 0.5]
            elif chance < 0.8:
                values[key] = self.random.choice(self.pool(key, type, MOMENTS))
        return values

    def _add_records(self) -> None:
        firms = [
            Person(self._values("company"), is_archived=self.random.random() < 0.35, events=self._events("company"))
            for _ in range(COMPANIES)
        ]
        self.people = [
            Person(
                self._values("contact"),
                {pk for pk in self.lists if self.random.random() < 0.4},
                self._events("contact"),
            )
            for _ in range(PEOPLE)
        ]
        companies, people = self._store(self.company, firms), self._store(self.contact, self.people)
        links = []
        for record, person in zip(people, self.people, strict=True):
            for number, n in enumerate(self.random.sample(range(COMPANIES), self.random.choice([0, 0, 1, 2]))):
                person.others.append(("company", number == 0, firms[n]))
                links += [
                    Association(record=a, other=b, other_type=b.object_type, is_primary=primary)
                    for a, b, primary in ((record, companies[n], number == 0), (companies[n], record, False))
                ]
            ListEntry.objects.bulk_create(ListEntry(list_id=pk, record=record) for pk in person.lists)
        Association.objects.bulk_create(links)

    def _events(self, object_type: str) -> list[Happened]:
        found = [(self.random.choice(KINDS), self.random.choice(DETAILS)) for _ in range(self._some())]
        found += [("record_updated", {"changes": self._changes(object_type)}) for _ in range(self._some())]
        return [Happened(*each, self.random.choice(MOMENTS) + self.random.choice(AWAY)) for each in found]

    def _some(self) -> int:
        return self.random.choice([0, 1, 2, 4])

    def _changes(self, object_type: str) -> dict[str, Any]:
        """Of every other property, from what was to what became of it."""
        before, after = self._values(object_type), self._values(object_type)
        some = [key for key in self.types[object_type] if self.random.random() < 0.5]
        return {key: [before.get(key), after.get(key)] for key in some}

    def _store(self, object_type: ObjectType, people: list[Person]) -> list[Record]:
        moment = MOMENTS[0]
        records = Record.objects.bulk_create(
            Record(object_type=object_type, properties=each.values, archived_at=moment if each.is_archived else None)
            for each in people
        )
        Event.objects.bulk_create(
            Event(record=record, kind=event.kind, detail=event.detail, at=event.at)
            for record, person in zip(records, people, strict=True)
            for event in person.events
        )
        return records


def conditions(world: World, object_type: str, moment: datetime) -> Strategy:
    """A condition of every operator about every property, about lists and about events."""
    found = [
        of_property(world, property, operator, moment)
        for property in world.properties[object_type].values()
        for operator in fitting(property.type)
    ]
    if object_type == "contact":
        found += [about_lists(world), about_lists(world)]
    kinds = [st.one_of(*found), st.one_of(*found), events(moment)]
    return one_kind([*kinds, associated(world, moment)] if object_type == "contact" else kinds)


@st.composite
def one_kind(draw: st.DrawFn, kinds: list[Strategy]) -> Tree:
    """First which, then what: `one_of()` would put the many operators beside the few other kinds, and they be rare."""
    found: Tree = draw(draw(st.sampled_from(kinds)))
    return found


def of_property(world: World, property: Property, operator: Any, moment: datetime) -> Strategy:
    one = st.sampled_from(world.pool(property.key, property.type, [moment]))
    if property.type == PropertyType.DATETIME:
        one |= st.sampled_from(days_near([moment])) | st.sampled_from(wall_times_near(moment))
    if property.type == PropertyType.MULTIPLE_CHOICE:
        one = st.sampled_from(TOPICS)
    others = [
        each.key
        for each in world.properties[property.object_type.key].values()
        if each.type == property.type and each.key != property.key
    ]
    part = st.sampled_from([*NAMES, *TEXTS, "nna", "ANN", "a.no", "_anne", "%_A"])
    values: dict[Takes, Strategy] = {
        Takes.NOTHING: st.none(),
        Takes.ONE: one,
        Takes.PART: part,
        Takes.MANY: st.lists(one, min_size=1, max_size=3),
        Takes.PAIR: st.lists(one, min_size=2, max_size=2).map(sorted),
        Takes.DAYS: st.integers(0, 3) | st.sampled_from([31, 366]),
        Takes.PROPERTY: st.sampled_from(others) if others else st.nothing(),
    }
    parts = {
        "property": st.just(property.key),
        "operator": st.just(operator.name),
        **({} if operator.takes is Takes.NOTHING else {"value": values[operator.takes]}),
    }
    return st.fixed_dictionaries(parts, optional={"include_unknown": st.booleans()} if operator.negates else {})


def about_lists(world: World) -> Strategy:
    return st.fixed_dictionaries({"list": st.sampled_from(world.lists), "operator": st.sampled_from(["in", "not_in"])})


def events(moment: datetime) -> Strategy:
    """With a window that moves, one that stands still, or none."""
    some = {
        "happened": st.booleans(),
        "detail": st.sampled_from([*DETAILS, {"content_id": "7"}]),
        "at_least": st.integers(1, 3),
    }
    days = st.sampled_from(days_near([moment]))
    moving = {"within_days": st.sampled_from([None, 0, 1, 2, 3, 8, 40])}
    kind = {"event": st.sampled_from([*KINDS, "never"])}
    between = st.lists(days, min_size=2, max_size=2).map(sorted)
    return st.one_of(
        st.fixed_dictionaries(kind, optional={**some, **moving}),
        st.fixed_dictionaries(kind | {"since": days}, optional=some),
        st.fixed_dictionaries(kind | {"until": days}, optional=some),
        st.tuples(st.fixed_dictionaries(kind, optional=some), between).map(
            lambda pair: {**pair[0], "since": pair[1][0], "until": pair[1][1]}
        ),
    )


def associated(world: World, moment: datetime) -> Strategy:
    parts = {"associated": st.just("company"), "where": trees(conditions(world, "company", moment), 3)}
    return st.fixed_dictionaries(parts, optional={"primary": st.booleans()})


def trees(single: Strategy, most: int) -> Strategy:
    """Half of the time a single condition."""
    return single | st.recursive(
        single,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda members: {"all": members}),
            st.lists(inner, min_size=1, max_size=3).map(lambda members: {"any": members}),
            inner.map(lambda member: {"not": member}),
        ),
        max_leaves=most,
    )


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_the_sql_of_a_tree_finds_whom_a_plain_evaluation_finds(contact: ObjectType) -> None:
    world = World(contact, seed=EXAMPLES)
    questions = st.one_of(*(st.tuples(trees(conditions(world, "contact", at), 6), st.just(at)) for at in MOMENTS))

    @given(question=questions, zone=st.sampled_from(ZONES))
    @settings(
        max_examples=EXAMPLES or 300,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def agree(question: tuple[Tree, datetime], zone: str) -> None:
        tree, moment = question
        condition = criteria.compile(tree, object_type_id=contact.pk, moment=moment, zone=zone)
        expected = [
            Opinion(person, "contact", world.types, moment, ZoneInfo(zone)).holds(tree) for person in world.people
        ]
        assert answers(condition, contact) == expected

    agree()


def test_every_operator_about_every_type_finds_whom_a_plain_evaluation_finds(contact: ObjectType) -> None:
    """Chance may pass an operator over; this walks them all, those about days on the 28th of February too."""
    world, zone = World(contact, seed=1), ZoneInfo("Asia/Kolkata")
    for property in world.properties["contact"].values():
        twins = sum(each.type == property.type for each in world.properties["contact"].values())
        for operator in fitting(property.type):
            if operator.takes is Takes.PROPERTY and twins == 1:
                continue
            for moment in (MOMENTS[2], MOMENTS[3]) if property.type == PropertyType.DATE else (MOMENTS[3],):

                @given(tree=of_property(world, property, operator, moment))
                @settings(max_examples=2, derandomize=True, database=None, deadline=None)
                def agree(at: datetime, tree: Tree) -> None:
                    assert criteria.check(tree, contact) == []
                    condition = criteria.compile(tree, object_type_id=contact.pk, moment=at, zone=zone)
                    expected = [
                        Opinion(person, "contact", world.types, at, zone).holds(tree) for person in world.people
                    ]
                    assert answers(condition, contact) == expected

                agree(moment)


def answers(condition: criteria.Condition, contact: ObjectType) -> list[bool | None]:
    """For each record in id order, in the role of a worker; the owner's answer must be the same."""
    sql = (
        f"select {condition.sql} from records_record r"
        " where r.account_id = %(owner)s and r.object_type_id = %(type)s order by r.id"
    )
    params = {**condition.params, "owner": contact.account_id, "type": contact.pk}
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = [answer for (answer,) in cursor.fetchall()]
        with every_account():
            cursor.execute(sql, params)
            assert [answer for (answer,) in cursor.fetchall()] == found
    return found
