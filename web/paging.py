"""Pages of rows that may be millions: the newest first, by id, so that any page costs the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

ON_A_PAGE = 50
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Page:
    """Rows, and the addresses of the pages beside them ("" at an end)."""

    rows: list[Any]
    newer: str
    older: str


def newest_first(rows: QuerySet[Any], query: QueryDict) -> Page:
    """The page that `?before=<id>` or `?after=<id>` asks for; the newest without either. One query."""

    def find(place: int | None, is_falling: bool) -> list[Any]:
        if not is_falling:
            return list(rows.filter(pk__gt=place).order_by("pk")[: ON_A_PAGE + 1])
        older = rows if place is None else rows.filter(pk__lt=place)
        return list(older.order_by("-pk")[: ON_A_PAGE + 1])

    return newest_found(find, query)


def newest_found(find: Callable[[int | None, bool], list[Any]], query: QueryDict) -> Page:
    """The same of what `find` brings: one more than a page behind a place, falling or rising by id."""
    before, after = read_id(query.get("before")), read_id(query.get("after"))
    if after is not None:
        found = find(after, False)
        shown, has_newer, has_older = found[:ON_A_PAGE][::-1], len(found) > ON_A_PAGE, True
    else:
        found = find(before, True)
        shown, has_newer, has_older = found[:ON_A_PAGE], before is not None, len(found) > ON_A_PAGE
    return Page(
        shown,
        newer=_address(query, after=shown[0].pk) if shown and has_newer else "",
        older=_address(query, before=shown[-1].pk) if shown and has_older else "",
    )


def read_id(text: str | None) -> int | None:
    """The id that an address gives; None for anything that no row can have."""
    if not text or not text.isdecimal() or len(text) > len(str(LARGEST_ID)):
        return None
    return int(text) if int(text) <= LARGEST_ID else None


def numbered(rows: list[Any], number: int, query: QueryDict) -> Page:
    """Page `number`, from 1, of rows that were skipped by their count; `rows` has one more if there are more."""
    has_more = len(rows) > ON_A_PAGE
    return Page(
        rows[:ON_A_PAGE],
        newer=_address(query, page=number - 1) if number > 1 else "",
        older=_address(query, page=number + 1) if has_more else "",
    )


def _address(query: QueryDict, **place: int) -> str:
    """This page's filters with another place."""
    other = query.copy()
    for name in ("before", "after", "page"):
        other.pop(name, None)
    for name, value in place.items():
        other[name] = str(value)
    return f"?{other.urlencode()}"
