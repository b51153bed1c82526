"""The flows of an account: the first page, the list with a switch in every row, and what the switch does."""

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import sign_in
from accounts.history import NotAllowed
from accounts.models import User
from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import Activation, Flow, FlowStatus
from flows.path import Path
from flows.visibility import visible_to
from running import verbs
from web import errors, first_run
from web.access import AccountRequest, account_view, verb_view
from web.flow_list import COLUMNS, Listed, Wanted, listed, recent_of
from web.flow_rows import FlowRow, row_of, rows_of
from web.tile_path import shapes_of

ON_A_PAGE = 25
LIVE = "live"  # the part of a page that is asked for again and again
VIEW = "flows_view"  # in the session: "tiles" or "table"
PARTS = ("row", "tile", "head")  # where a switch may stand


@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """On to the person's first account; a page that says so when there is none."""
    own = sign_in.accounts_of(cast(User, request.user))
    if own:
        return redirect("web:flows", own[0].slug)
    return render(request, "sign_in/no_account.html")


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """Every flow the person may see; the address narrows and sorts (web/flow_list.py), `?view=` shows tiles."""
    wanted = Wanted.of(request.GET)
    found = listed(seen_by(request), wanted, recent=recent_of(request.session, request.account.pk))
    is_live = bool(request.htmx) and request.htmx.target == LIVE
    if not is_live and not found.numbers["all"] and not (wanted.search or found.path or found.folders):
        return render(request, "flows/first.html", {"place": "flows", **first_run.guide(request.account)})
    page = Paginator(found.ids, ON_A_PAGE).get_page(request.GET.get("page"))
    rows = rows_of(_in_order(request, page.object_list))
    is_tiles = _view(request) == "tiles"
    return render(
        request,
        "flows/_list_live.html" if is_live else "flows/list.html",
        {
            "place": "flows",
            "out_of_band": is_live,
            "page": page,
            "rows": rows,
            "tiles": _tiles(rows) if is_tiles else [],
            "is_tiles": is_tiles,
            "wanted": wanted,
            "columns": _columns(wanted),
            **_beside(found),
            **({} if Activation.objects.exists() else first_run.guide(request.account)),
        },
    )


@require_POST
@verb_view(right=Right.OPERATE)
def toggle(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Turn a flow on (start or resume) or off (pause). Says what is wanted, so a stale page cannot turn it round."""
    wants_on = request.POST.get("turn") == "on"
    try:
        if wants_on != _is_on(request, flow_id):
            (verbs.turn_on if wants_on else verbs.pause)(request.account.pk, flow_id, by=request.actor)
    except NotAllowed as error:
        # Two who want the same at once both have it, whoever came first.
        if error.code != "wrong_status" or wants_on != _is_on(request, flow_id):
            return _refused(request, flow_id, error)
    if not request.htmx:
        return redirect(page_before(request))
    return HttpResponse(_part(request, flow_id, is_turned=True))


def _is_on(request: AccountRequest, flow_id: int) -> bool:
    with account_scope(request.account.pk):
        return get_object_or_404(seen_by(request), pk=flow_id).status == FlowStatus.RUNNING


def seen_by(request: AccountRequest) -> QuerySet[Flow]:
    """The flows that the person may see, with what rows and headers show of them."""
    visible = Flow.objects.filter(visible_to(request.actor))
    return cast("QuerySet[Flow]", visible.select_related("owner", "object_type", "outbox"))


def page_before(request: AccountRequest) -> str:
    """The page the button stood on, if it is ours."""
    came_from = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, request.is_secure())
    return came_from if is_ours else f"/{request.account.slug}/flows/"


def _in_order(request: AccountRequest, ids: Any) -> list[Flow]:
    found = {flow.pk: flow for flow in seen_by(request).filter(pk__in=list(ids))}
    return [found[flow_id] for flow_id in ids if flow_id in found]


def _view(request: AccountRequest) -> str:
    """Tiles or the table: as asked for, else as the last time."""
    asked = request.GET.get("view", "")
    if asked in ("tiles", "table") and request.session.get(VIEW, "table") != asked:
        request.session[VIEW] = asked
    return str(request.session.get(VIEW, "table"))


def _tiles(rows: list[FlowRow]) -> list[dict[str, Any]]:
    paths = Path.of_several([row.flow for row in rows])
    return [{"row": row, "shapes": shapes_of(paths[row.flow.pk])} for row in rows]


def _beside(found: Listed) -> dict[str, Any]:
    return {
        "numbers": found.numbers,
        "folders": found.folders,
        "path": found.path,
        "folder": found.path[-1] if found.path else None,
        "is_deletable": not found.folders and not found.numbers["all"],
    }


def _columns(wanted: Wanted) -> list[dict[str, Any]]:
    """The heads of the table: what a press sorts by, and how the table is sorted now."""
    sorted_by = wanted.sort or ("" if wanted.show == "recent" else "name")
    return [
        {
            "key": key,
            "label": label,
            "is_number": key in ("enrolled", "active", "completed", "succeeded"),
            "is_sorted": key == sorted_by,
            "descending": wanted.descending,
            "press": f"-{key}" if key == sorted_by and not wanted.descending else key,
        }
        for key, label in COLUMNS.items()
    ]


def _part(request: AccountRequest, flow_id: int, **extra: Any) -> str:
    """The row, tile or header that the switch stands in, as it is now; `is_turned` says beside it what that means."""
    part = request.POST.get("part", "")
    with account_scope(request.account.pk):
        row = row_of(get_object_or_404(seen_by(request), pk=flow_id))
        tile = {"shapes": shapes_of(Path.of(row.flow))} if part == "tile" else {}
        part = part if part in PARTS else "row"
        return render_to_string("flows/_turned.html", {"row": row, "part": part, **tile, **extra}, request)


def _refused(request: AccountRequest, flow_id: int, error: NotAllowed) -> HttpResponse:
    """What stops it; for htmx also the row as it is, because the page may be older than the refusal."""
    response = errors.refused(request, error)
    if request.htmx:
        response.write(_part(request, flow_id, out_of_band=True))
    return response
