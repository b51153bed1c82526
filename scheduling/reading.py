"""Reads settings from JSON value by value and keeps every fault with its path, to tell all at once."""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import date, time
from typing import TypeVar

from django.utils.translation import gettext as _

Value = TypeVar("Value")

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class ReadingError(ValueError):
    """Settings that cannot be read. `errors`: (path, message) of every fault; path "" means the whole."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in errors))


class Reader:
    """Methods that return the value at a path, or None after noting why there is none."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []

    def refuse(self, path: str, message: str) -> None:
        """Note that the value at `path` cannot be used."""
        self.errors.append((path, message))

    def choice(self, path: str, value: object, choices: Iterable[str]) -> str | None:
        """One of the words `choices`."""
        choices = tuple(choices)
        if isinstance(value, str) and value in choices:
            return value
        self.refuse(path, _("Choose one of: {choices}.").format(choices=", ".join(choices)))
        return None

    def whole_number(self, path: str, value: object, *, low: int, high: int) -> int | None:
        """An integer from `low` to `high`."""
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.refuse(path, _("Write a whole number from {low} to {high}.").format(low=low, high=high))
        return None

    def day(self, path: str, value: object) -> date | None:
        """A date such as "2027-01-31"."""
        if isinstance(value, str) and ISO_DATE.fullmatch(value):
            try:
                day = date.fromisoformat(value)
            except ValueError:
                self.refuse(path, _("There is no such date."))
                return None
            if FIRST_DAY <= day <= LAST_DAY:
                return day
        self.refuse(path, _("Write a date such as 2027-01-31, from 1970 to 2999."))
        return None

    def clock_time(self, path: str, value: object) -> time | None:
        """A time of day such as "15:00"."""
        if isinstance(value, str) and CLOCK_TIME.fullmatch(value):
            return time.fromisoformat(value)
        self.refuse(path, _("Write a time such as 08:00 or 15:30."))
        return None

    def several(
        self, path: str, value: object, read: Callable[[str, object], Value | None], *, most: int
    ) -> list[Value]:
        """The items of a list of 1 to `most`, read one by one; those that `read` refuses are left out."""
        if not isinstance(value, list):
            self.refuse(path, _("Write a list."))
            return []
        if not value:
            self.refuse(path, _("Choose at least one."))
        if len(value) > most:
            self.refuse(path, _("Choose at most {most}.").format(most=most))
            return []
        prefix = f"{path}." if path else ""
        items = [read(f"{prefix}{position}", item) for position, item in enumerate(value)]
        return [item for item in items if item is not None]

    def known(self, data: object, names: Container[str], *, path: str = "") -> Mapping[str, object]:
        """`data` as an object whose keys are all among `names`; empty when it is no object."""
        if not isinstance(data, dict):
            self.refuse(path, _("Write a JSON object."))
            return {}
        prefix = f"{path}." if path else ""
        for name in data:
            if name not in names:
                self.refuse(f"{prefix}{name}", _("There is no such setting."))
        return data
