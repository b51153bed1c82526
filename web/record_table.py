"""The table of records of a type: searched, filtered, sorted, with the columns that somebody chose."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from django.http import Http404, QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts import members
from records import criteria, searching
from records.leaves import columns as columns_of
from records.leaves import is_column
from records.models import Consent, ObjectType, Property, PropertyType, Record
from records.searching import MOST_SORTED, Wanted
from web import paging
from web.paging import Page, newest_found, numbered, read_id
from web.property_values import shown
from web.record_rows import TOO_SLOW, chosen_type, clean, properties_of
from web.templatetags.ui import NOTHING

DEFAULT: Final = {"contact": ("email", "consent", "updated_at")}
FIRST: Final = 3  # properties that a table of another type begins with
MOST_COLUMNS: Final = 20
DEEPEST_PAGE: Final = MOST_SORTED
PATIENCE: Final = 2_000  # milliseconds for a number that nobody asked for
# The words in an address that say which records are meant.
FILTERS: Final = ("type", "search", "criteria", "archived")


@dataclass
class Table:
    """What an address asks for. `fault`: why some of it cannot be done, in a sentence."""

    object_type: ObjectType
    search: str = ""
    tree: Any = None
    sentence: str = ""
    is_archived: bool = False
    sort: str = ""
    fault: str = ""
    wanted: Wanted = field(default_factory=Wanted)

    @classmethod
    def of(cls, query: QueryDict) -> "Table":
        """The table of an address; criteria that name what is gone are left out. Raises Http404 without any type."""
        object_type = chosen_type(query.get("type"))
        if object_type is None:
            raise Http404
        found = cls(object_type, clean(query.get("search")), is_archived=bool(query.get("archived")))
        if text := query.get("criteria"):
            found._read(text)
        found.wanted = Wanted(object_type, found.search, found.tree, is_archived=found.is_archived)
        sort = query.get("sort", "")
        found.sort = sort if sort.removeprefix("-") in ("id", *found.sortable) else ""
        return found

    @property
    def is_narrowed(self) -> bool:
        """Whether it shows less than all that are not archived."""
        return bool(self.search or self.tree is not None or self.is_archived)

    @cached_property
    def properties(self) -> dict[str, Property]:
        """All that a column may show, by key."""
        known = [*properties_of(self.object_type), *columns_of(self.object_type)]
        return {each.key: each for each in known if each.key not in ("first_name", "last_name", "name")}

    @property
    def sortable(self) -> list[str]:
        """What it can be sorted by: by name, and by every column but the moment of making, which is by id."""
        return ["name", *(key for key in self.properties if key != "created_at")]

    def columns(self, cookies: Mapping[str, str]) -> list[Property]:
        """The columns beside the name: those that were chosen in this browser, else the usual ones."""
        chosen = cookies.get(self.cookie)
        if chosen is None:
            own = [key for key in self.properties if not is_column(self.properties[key])][:FIRST]
            keys = DEFAULT.get(self.object_type.key, (*own, "updated_at"))
        else:
            keys = tuple(chosen.split("."))
        return [self.properties[key] for key in keys if key in self.properties][:MOST_COLUMNS]

    @property
    def cookie(self) -> str:
        """Where this browser remembers the columns."""
        return f"columns-{self.object_type.pk}"

    def page(self, query: QueryDict) -> Page:
        """The records of a page. Sorted by anything but id only while they are few enough."""
        by, is_falling = self.sort.removeprefix("-"), self.sort.startswith("-")
        try:
            if by not in ("", "id"):
                return self._sorted(query, by, is_falling)
        except searching.TooMany:
            self.sort = ""
            self.fault = _("There are too many to sort. Search or filter first; these are the latest made.")
        except searching.TooSlow:
            return self._given_up()
        try:
            return newest_found(self._find, query)
        except searching.TooSlow:
            return self._given_up()

    def _given_up(self) -> Page:
        self.fault = str(TOO_SLOW)
        return Page([], "", "")

    def count(self) -> int | None:
        """How many are found; None when counting takes longer than anybody looks at the page."""
        try:
            return searching.count(self.wanted, patience=PATIENCE)
        except searching.TooSlow:
            return None

    def all_ids(self, at_most: int) -> list[int]:
        """The ids of those found, the latest made first. Raises `searching.TooSlow`."""
        return searching.ids(self.wanted, limit=at_most)

    def _find(self, place: int | None, is_falling: bool) -> list[Record]:
        falls = is_falling != (self.sort == "id")  # the oldest first: the same pages, the other way round
        found = searching.ids(self.wanted, limit=paging.ON_A_PAGE + 1, after=place, is_falling=falls)
        return searching.records(found)

    def _sorted(self, query: QueryDict, by: str, is_falling: bool) -> Page:
        number = min(read_id(query.get("page")) or 1, DEEPEST_PAGE)
        found = searching.sorted_places(
            self.wanted,
            by=by,
            is_falling=is_falling,
            offset=(number - 1) * paging.ON_A_PAGE,
            limit=paging.ON_A_PAGE + 1,
        )
        return numbered(searching.records([each.id for each in found]), number, query)

    def _read(self, text: str) -> None:
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            tree = None
        if tree is None or criteria.check(tree, self.object_type):
            self.fault = _("The filter cannot be used: it names something that is gone, or is not whole.")
        else:
            self.tree, self.sentence = tree, criteria.describe(tree, self.object_type)


def filters_of(query: QueryDict) -> QueryDict:
    """Of an address only what says which records are meant."""
    kept = QueryDict(mutable=True)
    for name in FILTERS:
        if value := query.get(name, "").replace("\x00", ""):
            kept[name] = value
    return kept


def rows_of(page: Page, columns: list[Property]) -> list[dict[str, Any]]:
    """The rows of a page; at most one query, for the names of owners."""
    has_owner = any(each.type == PropertyType.OWNER for each in columns)
    names = members.names() if has_owner else {}
    return [{"record": each, "cells": [_cell(each, column, names) for column in columns]} for each in page.rows]


def _cell(record: Record, column: Property, names: Mapping[int, str]) -> dict[str, Any]:
    return {"column": column, "kind": _kind(column), "value": _shown(record, column, names)}


def _kind(column: Property) -> str:
    if is_column(column) and column.key in ("consent", "created_at", "updated_at"):
        return str(column.key)
    if column.type in (PropertyType.DATE, PropertyType.DATETIME):
        return "date"
    return "number" if column.type == PropertyType.NUMBER else ""


def _shown(record: Record, column: Property, names: Mapping[int, str]) -> Any:
    value = raw_value(record, column)
    if column.key == "email" and value is None:
        return format_html('<span class="faint">{}</span>', _("No address"))
    if hasattr(value, "tzinfo"):  # a moment of the record itself
        return value
    return shown(column, value, names) if value is not None else NOTHING


def raw_value(record: Record, column: Property) -> Any:
    """What a record has in a column, as it is stored."""
    if not is_column(column):
        return record.properties.get(column.key)
    value = getattr(record, column.key)
    return Consent(value).label if column.key == "consent" else value
