"""A slow second opinion on criteria: one record at a time, in plain Python. It shares nothing with the package."""

import json
from calendar import isleap, monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Tree = dict[str, Any]
NEGATIVE = {
    "ne": "eq",
    "not_contains": "contains",
    "not_in": "in",
    "not_between": "between",
    "contains_none": "contains_any",
    "not_contains_all": "contains_all",
    "is_not_exactly": "is_exactly",
    "ne_property": "eq_property",
    "never_was": "ever_was",
    "not_changed_in_last_days": "changed_in_last_days",
}
TEXT: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda stored, asked: stored.lower() == asked.strip().lower(),
    "contains": lambda stored, asked: asked.strip().lower() in stored.lower(),
    "starts_with": lambda stored, asked: stored.lower().startswith(asked.strip().lower()),
    "ends_with": lambda stored, asked: stored.lower().endswith(asked.strip().lower()),
}
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda stored, asked: stored == asked,
    "lt": lambda stored, asked: stored < asked,
    "lte": lambda stored, asked: stored <= asked,
    "gt": lambda stored, asked: stored > asked,
    "gte": lambda stored, asked: stored >= asked,
}
CHOICES: dict[str, Callable[[set[str], set[str]], bool]] = {
    "contains_any": lambda stored, asked: bool(stored & asked),
    "contains_all": lambda stored, asked: stored >= asked,
    "is_exactly": lambda stored, asked: stored == asked,
}
# How many days after today it is -> does the operator hold.
DAYS: dict[str, Callable[[int, int], bool]] = {
    "is_today": lambda away, _n: away == 0,
    "is_yesterday": lambda away, _n: away == -1,
    "is_tomorrow": lambda away, _n: away == 1,
    "in_last_days": lambda away, n: -n <= away <= 0,
    "in_next_days": lambda away, n: 0 <= away <= n,
    "in_last_weeks": lambda away, n: -7 * n <= away <= 0,
    "in_next_weeks": lambda away, n: 0 <= away <= 7 * n,
    "days_ago": lambda away, n: away == -n,
    "days_ahead": lambda away, n: away == n,
    "before_days_ago": lambda away, n: away < -n,
    "after_days_ago": lambda away, n: away > -n,
    "before_days_ahead": lambda away, n: away < n,
    "after_days_ahead": lambda away, n: away > n,
}
UNITS: dict[str, Callable[[date], tuple[int, ...]]] = {
    "week": lambda day: day.isocalendar()[:2],
    "month": lambda day: (day.year, day.month),
    "quarter": lambda day: (day.year, (day.month + 2) // 3),
    "year": lambda day: (day.year,),
}


@dataclass
class Happened:
    """An event of a record."""

    kind: str
    detail: dict[str, Any]
    at: datetime


@dataclass
class Person:
    """A record as it is stored, and all around it. `others`: the records that belong with it, and if it is primary."""

    values: dict[str, Any]
    lists: set[int] = field(default_factory=set)
    events: list[Happened] = field(default_factory=list)
    others: "list[tuple[str, bool, Person]]" = field(default_factory=list)
    is_archived: bool = False


class Opinion:
    """Whether one record meets a tree, at a moment, in a zone. `types`: of the properties, by object type and key."""

    def __init__(
        self, person: Person, object_type: str, types: dict[str, dict[str, str]], moment: datetime, zone: ZoneInfo
    ) -> None:
        self.person, self.object_type, self.types, self.moment, self.zone = person, object_type, types, moment, zone
        self.today = moment.astimezone(zone).date()

    def holds(self, tree: Tree) -> bool:
        """All, any, not, or a leaf."""
        if "all" in tree:
            return all([self.holds(member) for member in tree["all"]])
        if "any" in tree:
            return any([self.holds(member) for member in tree["any"]])
        if "not" in tree:
            return not self.holds(tree["not"])
        if "list" in tree:
            return (tree["list"] in self.person.lists) == (tree["operator"] == "in")
        if "event" in tree:
            return self._event(tree)
        if "associated" in tree:
            return self._associated(tree)
        return self._property(tree)

    def _event(self, leaf: Tree) -> bool:
        found = [each for each in self.person.events if each.kind == leaf["event"]]
        found = [each for each in found if leaf.get("detail", {}).items() <= each.detail.items()]
        if (days := leaf.get("within_days")) is not None:
            since = [(self.today - each.at.astimezone(self.zone).date()).days for each in found]
            found = [each for each, ago in zip(found, since, strict=True) if 0 <= ago <= days]
        for each in list(found):
            on = str(each.at.astimezone(self.zone).date())
            if not leaf.get("since", "0") <= on <= leaf.get("until", ":"):
                found.remove(each)
        return (len(found) >= leaf.get("at_least", 1)) == leaf.get("happened", True)

    def _associated(self, leaf: Tree) -> bool:
        return any(
            Opinion(other, key, self.types, self.moment, self.zone).holds(leaf["where"])
            for key, is_primary, other in self.person.others
            if key == leaf["associated"] and (is_primary or not leaf.get("primary")) and not other.is_archived
        )

    def _value(self, key: str) -> Any:
        """What is stored, if it is of the property's type."""
        return self._typed(key, self.person.values.get(key))

    def _typed(self, key: str, stored: Any) -> Any:
        type = self.types[self.object_type][key]
        if type in ("number", "owner"):
            return stored if isinstance(stored, int | float) and not isinstance(stored, bool) else None
        if type == "boolean":
            return stored if isinstance(stored, bool) else None
        if type == "multiple_choice":
            return (stored or None) if isinstance(stored, list) else None
        return stored if stored is None or isinstance(stored, str) else json.dumps(stored, ensure_ascii=False)

    def _property(self, leaf: Tree) -> bool:
        stored, operator = self._value(leaf["property"]), leaf["operator"]
        if operator in ("known", "unknown"):
            return (stored is not None) == (operator == "known")
        positive = NEGATIVE.get(operator, operator)
        if positive in ("ever_was", "changed_in_last_days"):
            held = self._was(leaf) if positive == "ever_was" else self._changed(leaf)
            is_let_in = stored is not None or bool(leaf.get("include_unknown", False))
            return held if operator == positive else not held and is_let_in
        asked = self._value(leaf["value"]) if positive.endswith("_property") else leaf.get("value")
        if stored is None or (positive.endswith("_property") and asked is None):
            return operator in NEGATIVE and bool(leaf.get("include_unknown", False))
        answer = self._compare(self.types[self.object_type][leaf["property"]], positive, stored, asked)
        return answer != (operator in NEGATIVE)

    def _changes(self, key: str) -> list[tuple[datetime, list[Any]]]:
        told = [each for each in self.person.events if each.kind == "record_updated"]
        return [(each.at, each.detail["changes"][key]) for each in told if key in each.detail["changes"]]

    def _was(self, leaf: Tree) -> bool:
        key = leaf["property"]
        every = [self.person.values.get(key), *(value for _, pair in self._changes(key) for value in pair)]
        typed = [self._typed(key, value) for value in every]
        type = self.types[self.object_type][key]
        return any(self._compare(type, "eq", value, leaf["value"]) for value in typed if value is not None)

    def _changed(self, leaf: Tree) -> bool:
        days = [(self.today - at.astimezone(self.zone).date()).days for at, _ in self._changes(leaf["property"])]
        return any(0 <= ago <= leaf["value"] for ago in days)

    def _compare(self, type: str, operator: str, stored: Any, asked: Any) -> bool:
        if operator.endswith("_property"):
            return self._with_another(type, operator.removesuffix("_property"), stored, asked)
        if operator == "in":
            return any(self._compare(type, "eq", stored, each) for each in asked)
        if operator == "between":
            low, high = asked
            return self._compare(type, "gte", stored, low) and self._compare(type, "lte", stored, high)
        if type == "multiple_choice":
            return CHOICES[operator](set(stored), set(asked))
        if type == "date":
            return (day := _day(stored)) is not None and self._on_day(operator, day, asked)
        if type == "datetime":
            return (at := _moment(stored)) is not None and self._at_moment(operator, at, asked)
        table = TEXT if isinstance(stored, str) else ORDER
        return table[operator](stored, asked)

    def _with_another(self, type: str, operator: str, stored: Any, other: Any) -> bool:
        is_folded = isinstance(stored, str) and type not in ("date", "datetime")
        return ORDER[operator](*((each.lower() if is_folded else each) for each in (stored, other)))

    def _on_day(self, operator: str, day: date, asked: Any) -> bool:
        if operator == "is_anniversary_today":
            return _anniversary(day, self.today.year) == self.today
        if operator == "anniversary_in_next_days":
            around = (_anniversary(day, self.today.year), _anniversary(day, self.today.year + 1))
            return any(0 <= (each - self.today).days <= asked for each in around)
        relative = self._relative(operator, day, asked)
        return ORDER[operator](day, date.fromisoformat(asked)) if relative is None else relative

    def _at_moment(self, operator: str, at: datetime, asked: Any) -> bool:
        local_day = at.astimezone(self.zone).date()
        relative = self._relative(operator, local_day, asked)
        if relative is not None:
            return relative
        if len(asked) == 10:
            return ORDER[operator](local_day, date.fromisoformat(asked))
        moment = datetime.fromisoformat(asked)
        return ORDER[operator](at, (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC))

    def _relative(self, operator: str, day: date, asked: Any) -> bool | None:
        """None for an operator that is not relative."""
        if operator in DAYS:
            return DAYS[operator]((day - self.today).days, asked)
        if operator == "in_last_months":
            return _months_later(self.today, -asked) <= day <= self.today
        if operator == "in_next_months":
            return self.today <= day <= _months_later(self.today, asked)
        which, _, unit = operator.partition("_")
        if unit not in UNITS:
            return None
        return UNITS[unit](day) == UNITS[unit](self._in_the(which, unit))

    def _in_the(self, which: str, unit: str) -> date:
        """Some day in the last, this or next unit."""
        if which == "this":
            return self.today
        day = self.today
        while UNITS[unit](day) == UNITS[unit](self.today):
            day += timedelta(days=1 if which == "next" else -1)
        return day


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text.endswith("Z") else None
    except ValueError:
        return None


def _anniversary(born: date, year: int) -> date:
    is_lost = (born.month, born.day) == (2, 29) and not isleap(year)
    return date(year, 2, 28) if is_lost else born.replace(year=year)


def _months_later(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
