"""Importing a CSV file: choose it, settle its columns, watch it come in, see what was left out."""

from contextlib import suppress
from pathlib import PurePath
from typing import Any, cast

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.history import NotAllowed
from accounts.models import History
from accounts.rights import Right
from records import import_lifecycle, importing
from records.import_refusals import refused_lines
from records.models import Import, ImportStatus, ObjectType, RefusedRow
from records.pruning import REFUSED_ROWS_KEPT
from records.refusals import Invalid
from records.rows import NEW
from web import import_draft
from web.access import AccountRequest, account_view
from web.paging import newest_first

REFUSED_SHOWN = 20
SEARCH = 0.1  # of the bar, and about of the time: reading the file once for repeats, before anything comes in


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """Choose a file; the imports so far, newest first."""
    return _choose(request)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def upload(request: AccountRequest) -> HttpResponse:
    """Take a file in as a draft and go on to its columns."""
    object_type = get_object_or_404(ObjectType, key=request.POST.get("object_type", "contact"))
    file = request.FILES.get("file")
    if file is None:
        return _choose(request, error=_("Choose a file."))
    name = PurePath(file.name or "").stem[: importing.LONGEST_NAME] or _("Import")
    try:
        source = importing.take_in(name=name, object_type=object_type, file=file)
    except Invalid as invalid:
        return _choose(request, error=" ".join(error.message for error in invalid.errors))
    return redirect("web:import", request.account.slug, source.pk)


@account_view()
@require_GET
def detail(request: AccountRequest, import_id: int) -> HttpResponse:
    """Where an import stands: its columns to settle, how far it has come, or what became of it."""
    source = _find(import_id)
    if source.status == ImportStatus.DRAFT:
        return _draft(request, source)
    if source.status in import_lifecycle.UNFINISHED:
        return render(request, "imports/progress.html", _facts(source))
    rows = RefusedRow.objects.filter(source=source).order_by("row")[:REFUSED_SHOWN]
    refused = [{"row": row, "value": row.values.get(row.column, "")} for row in rows]
    started = History.objects.filter(subject="import", subject_id=source.pk, verb="started").first()
    context = {
        **_facts(source),
        "refused": refused,
        "started": started,
        "is_unmatched": source.match_on == NEW,
        "kept_until": source.ended_at and source.ended_at + REFUSED_ROWS_KEPT,
    }
    return render(request, "imports/result.html", context)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def read_again(request: AccountRequest, import_id: int) -> HttpResponse:
    """Read the file with another encoding or delimiter; its columns are guessed anew."""
    source = _held(import_id)
    if source.status != ImportStatus.DRAFT:
        return _to(request, source)
    encoding, delimiter = request.POST.get("encoding", ""), request.POST.get("delimiter", "")
    try:
        importing.read_again(source, encoding=encoding, delimiter=delimiter)
    except Invalid as invalid:
        source.refresh_from_db()
        return _draft(request, source, invalid)
    return _draft(request, source) if request.htmx else _to(request, source)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def settle(request: AccountRequest, import_id: int) -> HttpResponse:
    """Keep where the columns go so far, and show how it will look."""
    source = _held(import_id)
    if source.status != ImportStatus.DRAFT:
        return _to(request, source)
    try:
        importing.settle(source, **import_draft.chosen(request.POST, source))
    except Invalid as invalid:
        return _draft(request, source, invalid)
    return _draft(request, source) if request.htmx else _to(request, source)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def start(request: AccountRequest, import_id: int) -> HttpResponse:
    """Let the records come. A second press finds it started."""
    source = _held(import_id)
    if source.status == ImportStatus.DRAFT:
        try:
            importing.start(source, **import_draft.chosen(request.POST, source), by=request.actor)
        except Invalid as invalid:
            return _draft(request, source, invalid)
    return _to(request, source)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def stop(request: AccountRequest, import_id: int) -> HttpResponse:
    """End an import before its file does; what is in stays. One that is over shows its result."""
    source = _find(import_id)
    with suppress(NotAllowed):
        import_lifecycle.stop(source, by=request.actor)
    return _to(request, source)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def discard(request: AccountRequest, import_id: int) -> HttpResponse:
    """Throw a draft away, to choose another file."""
    import_lifecycle.discard(_find(import_id))
    return redirect("web:imports", request.account.slug)


@account_view()
@require_GET
def progress(request: AccountRequest, import_id: int) -> HttpResponse:
    """How far it has come, asked for again and again; at the end the page changes to the result."""
    source = _find(import_id)
    if source.status not in import_lifecycle.UNFINISHED:
        return _to(request, source)
    return render(request, "imports/_progress.html", _facts(source))


@account_view()
@require_GET
def refused(request: AccountRequest, import_id: int) -> HttpResponse:
    """The rows that were left out, as CSV to be mended and imported again."""
    source = _find(import_id)
    lines = refused_lines(source, delimiter=source.delimiter)  # whatever wrote the file opens its own kind
    headers = {"Content-Disposition": f'attachment; filename="left-out-{import_id}.csv"'}
    # A streaming answer is no HttpResponse to the type checker, and passes through the wrapper as one.
    return cast(HttpResponse, StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers))


def _find(import_id: int) -> Import:
    source: Import = get_object_or_404(Import.objects.select_related("object_type", "list"), pk=import_id)
    return source


def _held(import_id: int) -> Import:
    """Until the answer is given: what is chosen now comes before a start or finds it started."""
    rows = Import.objects.select_for_update(of=("self",)).select_related("object_type", "list")
    source: Import = get_object_or_404(rows, pk=import_id)
    return source


def _to(request: AccountRequest, source: Import) -> HttpResponse:
    """The import's page, for a button or for htmx."""
    response = redirect("web:import", request.account.slug, source.pk)
    return HttpResponseClientRedirect(response.url) if request.htmx else response


def _choose(request: AccountRequest, *, error: str = "") -> HttpResponse:
    page = newest_first(Import.objects.select_related("object_type", "list"), request.GET)
    context = {
        "place": "imports",
        "page": page,
        "error": error,
        "object_types": ObjectType.objects.filter(archived_at=None).order_by("pk"),
        "most_bytes": settings.IMPORT_MAX_BYTES,
    }
    return render(request, "imports/list.html", context, status=422 if error else 200)


def _facts(source: Import) -> dict[str, Any]:
    size = source.size or 1
    read = source.next_byte / size if source.next_row else 0
    about = max(source.next_row, round(source.next_row / read)) if read else None
    is_searching = source.status == ImportStatus.RUNNING and not source.next_row
    found, done = source.searched_byte / size, source.rows_done / (about or 1)
    return {
        "place": "imports",
        "source": source,
        "is_searching": is_searching,
        "percent": min(99, int(100 * (SEARCH * found if is_searching else SEARCH + (1 - SEARCH) * done))),
        "about": about,
        "taken": source.created + source.updated + source.unchanged,
    }


def _draft(request: AccountRequest, source: Import, invalid: Invalid | None = None) -> HttpResponse:
    """The draft with its first rows, and what is wrong with what was chosen."""
    errors = {error.path: error.message for error in invalid.errors} if invalid else {}
    template = "imports/_draft.html" if request.htmx else "imports/draft.html"
    context = {"place": "imports", **import_draft.show(source, errors, request.POST)}
    return render(request, template, context, status=422 if invalid else 200)
