"""Pages of rows that may be millions: the newest first, by id, so that any page costs the same."""

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
    before, after = read_id(query.get("before")), read_id(query.get("after"))
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: ON_A_PAGE + 1])
        shown, has_newer, has_older = found[:ON_A_PAGE][::-1], len(found) > ON_A_PAGE, True
    else:
        older = rows if before is None else rows.filter(pk__lt=before)
        found = list(older.order_by("-pk")[: ON_A_PAGE + 1])
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


def _address(query: QueryDict, **place: int) -> str:
    """This page's filters with another place."""
    other = query.copy()
    for name in ("before", "after"):
        other.pop(name, None)
    for name, value in place.items():
        other[name] = str(value)
    return f"?{other.urlencode()}"
