"""A slow second opinion on criteria: one record at a time, in plain Python. It shares nothing with the package."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

Tree = dict[str, Any]
NEGATIVE = {"ne": "eq", "not_contains": "contains", "not_in": "in"}
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
# How many days after today it is -> does the operator hold.
DAYS: dict[str, Callable[[int, int], bool]] = {
    "is_today": lambda away, _n: away == 0,
    "in_last_days": lambda away, n: -n <= away <= 0,
    "in_next_days": lambda away, n: 0 <= away <= n,
    "days_ago": lambda away, n: away == -n,
    "days_ahead": lambda away, n: away == n,
    "before_days_ago": lambda away, n: away < -n,
    "after_days_ahead": lambda away, n: away > n,
}


class Opinion:
    """Whether one record meets a tree, at a moment, in a zone."""

    def __init__(self, record: dict[str, Any], lists: set[int], moment: datetime, zone: ZoneInfo) -> None:
        self.record, self.lists, self.zone = record, lists, zone
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
            return (tree["list"] in self.lists) == (tree["operator"] == "in")
        return self._property(tree)

    def _property(self, leaf: Tree) -> bool:
        stored, operator = self.record.get(leaf["property"]), leaf["operator"]
        if operator in ("known", "unknown"):
            return (stored is not None) == (operator == "known")
        if stored is None:
            return operator in NEGATIVE and leaf.get("include_unknown", False)
        if operator in NEGATIVE:
            return not self._compare(leaf["property"], NEGATIVE[operator], stored, leaf["value"])
        return self._compare(leaf["property"], operator, stored, leaf.get("value"))

    def _compare(self, key: str, operator: str, stored: Any, asked: Any) -> bool:
        if operator == "in":
            return any(self._compare(key, "eq", stored, each) for each in asked)
        if operator == "between":
            low, high = asked
            return self._compare(key, "gte", stored, low) and self._compare(key, "lte", stored, high)
        if key == "date_of_birth":
            return self._day(operator, date.fromisoformat(stored), asked)
        if key == "created_on":
            return self._moment(operator, datetime.fromisoformat(stored), asked)
        table = TEXT if isinstance(stored, str) else ORDER
        return table[operator](stored, asked)

    def _day(self, operator: str, stored: date, asked: Any) -> bool:
        if operator == "is_anniversary_today":
            try:
                return stored.replace(year=self.today.year) == self.today
            except ValueError:
                return (self.today.month, self.today.day) == (2, 28)
        if operator in DAYS:
            return DAYS[operator]((stored - self.today).days, asked)
        return ORDER[operator](stored, date.fromisoformat(asked))

    def _moment(self, operator: str, stored: datetime, asked: Any) -> bool:
        local_day = stored.astimezone(self.zone).date()
        if operator in DAYS:
            return DAYS[operator]((local_day - self.today).days, asked)
        if len(asked) == 10:
            return ORDER[operator](local_day, date.fromisoformat(asked))
        return ORDER[operator](stored, datetime.fromisoformat(asked).astimezone(UTC))
