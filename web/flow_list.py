"""Which flows the list shows, and in which order: one light row is read for each, the rest only for the page's own.

An account has flows by the hundred, so that narrowing and sorting in memory costs less than asking again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from flows import folders
from flows.models import Flow, FlowStatus, Folder
from participants import statistics
from triggers.models import Schedule
from web.flow_faults import with_problems
from web.paging import read_id

RECENT: Final = "recent_flows"  # in the session: account id -> flow ids, the latest first
MOST_RECENT: Final = 20
SHOWS: Final = ("recent", FlowStatus.RUNNING.value, FlowStatus.PAUSED.value, "problems")
NEVER: Final = datetime.max.replace(tzinfo=UTC)

Light = Mapping[str, Any]
BY_COLUMN: Final[dict[str, Callable[[Light], Any]]] = {
    "name": lambda row: row["name"].casefold(),
    "next": lambda row: row["next"] or NEVER,
    "owner": lambda row: (row["owner__name"] or row["owner__email"] or "").casefold(),
    "changed": lambda row: row["updated_at"],
}
BY_COUNT: Final[dict[str, Callable[[statistics.FlowCounts], int]]] = {
    "enrolled": lambda counts: counts.enrolled,
    "active": lambda counts: counts.active,
    "completed": lambda counts: counts.completed,
    "succeeded": lambda counts: counts.finished_with_success,
}
COLUMNS: Final[dict[str, Promise]] = {
    "name": _("Name"),
    "enrolled": _("Enrolled"),
    "active": _("In progress"),
    "completed": _("Completed"),
    "succeeded": _("Succeeded"),
    "next": _("Next run"),
    "owner": _("Owner"),
}


@dataclass(frozen=True)
class Wanted:
    """What somebody asks the list for."""

    show: str  # one of SHOWS; "" is all
    search: str
    folder: int | None
    sort: str
    descending: bool

    @classmethod
    def of(cls, query: QueryDict) -> "Wanted":
        """Whatever the address asks for that there is."""
        show, sort = query.get("show", ""), query.get("sort", "")
        key = sort.removeprefix("-")
        known = key in BY_COLUMN or key in BY_COUNT
        return cls(
            show=show if show in SHOWS else "",
            search=query.get("search", "").replace("\x00", "").strip()[:200],
            folder=read_id(query.get("folder")),
            sort=key if known else "",
            descending=known and sort.startswith("-"),
        )


@dataclass(frozen=True)
class Listed:
    """What the list shows: the ids in their order, and what stands beside them."""

    ids: list[int]
    numbers: dict[str, int]  # of the tabs
    folders: list[dict[str, Any]]  # inside the present one, each with how many flows lie in it
    path: list[Folder]  # to the present folder


def listed(flows: QuerySet[Flow], wanted: Wanted, *, recent: Sequence[int]) -> Listed:
    """What `wanted` finds among the flows that somebody may see. Raises `Folder.DoesNotExist`."""
    all_folders = folders.everything()
    if wanted.folder is not None and wanted.folder not in all_folders:
        raise Folder.DoesNotExist
    rows = [row for row in _light(flows) if wanted.search.casefold() in row["name"].casefold()]
    here = folders.inside(wanted.folder, all_folders) if wanted.folder else None
    within = [row for row in rows if here is None or row["folder_id"] in here]
    numbers = {"all": len(within)} | {
        status: sum(row["status"] == status for row in within) for status in (FlowStatus.RUNNING, FlowStatus.PAUSED)
    }
    chosen = _shown(flows, within, wanted.show, recent)
    return Listed(
        ids=[row["pk"] for row in _in_order(chosen, wanted)],
        numbers=numbers,
        folders=_inside(wanted.folder, all_folders, rows),
        path=folders.path_to(wanted.folder, all_folders),
    )


def recent_of(session: SessionBase, account_id: int) -> list[int]:
    """The flows that this browser opened last, the latest first."""
    return list(session.get(RECENT, {}).get(str(account_id), []))


def remember(session: SessionBase, account_id: int, flow_id: int) -> None:
    """Note that somebody opened a flow; nothing is written while they stay with the same one."""
    opened = recent_of(session, account_id)
    if opened[:1] != [flow_id]:
        latest = [flow_id, *(each for each in opened if each != flow_id)][:MOST_RECENT]
        session[RECENT] = {**session.get(RECENT, {}), str(account_id): latest}


def _light(flows: QuerySet[Flow]) -> list[Light]:
    coming = Schedule.objects.filter(flow_id=OuterRef("pk")).order_by("pk").values("next_run_at")[:1]
    columns = ("pk", "name", "status", "revision", "folder_id", "updated_at", "owner__name", "owner__email", "next")
    return list(flows.annotate(next=Subquery(coming)).order_by("name", "pk").values(*columns))


def _inside(present: int | None, all_folders: dict[int, Folder], rows: Sequence[Light]) -> list[dict[str, Any]]:
    """The folders in the present one, each with how many of the flows lie in it at any depth."""
    lie_in = Counter(row["folder_id"] for row in rows)
    return [
        {"folder": each, "flows": sum(lie_in[one] for one in folders.inside(each.pk, all_folders))}
        for each in all_folders.values()
        if each.parent_id == present
    ]


def _shown(flows: QuerySet[Flow], rows: list[Light], show: str, recent: Sequence[int]) -> list[Light]:
    if show == "recent":
        found = {row["pk"]: row for row in rows}
        return [found[flow_id] for flow_id in recent if flow_id in found]
    if show == "problems":
        faulty = with_problems(flows, rows)
        return [row for row in rows if row["pk"] in faulty]
    return [row for row in rows if show in ("", row["status"])]


def _in_order(rows: list[Light], wanted: Wanted) -> list[Light]:
    """Flows without a next run come last both ways; the recent ones keep their order unless told otherwise."""
    if wanted.sort in BY_COUNT:
        counted = statistics.counts([row["pk"] for row in rows])
        by_count = BY_COUNT[wanted.sort]
        return sorted(rows, key=lambda row: by_count(counted[row["pk"]]), reverse=wanted.descending)
    if wanted.sort == "next" and wanted.descending:
        coming = sorted((row for row in rows if row["next"]), key=lambda row: row["next"], reverse=True)
        return coming + [row for row in rows if not row["next"]]
    if not wanted.sort:
        return rows if wanted.show == "recent" else sorted(rows, key=BY_COLUMN["name"])
    return sorted(rows, key=BY_COLUMN[wanted.sort], reverse=wanted.descending)
