"""Search over flows and records: a page, and the list that drops down while somebody types."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from flows.models import Flow
from flows.visibility import visible_to
from records import searching
from records.searching import Wanted
from web.access import AccountRequest, account_view
from web.record_rows import clean

ON_THE_PAGE, DROPPED_DOWN = 25, 6
SHORTEST = 2  # letters; fewer would find everything


@account_view()
@require_GET
def search(request: AccountRequest) -> HttpResponse:
    """`?q=`: flows by name, records by name, address, phone and external id. For htmx only the first few, as a list."""
    wanted = clean(request.GET.get("q"))
    is_dropdown = bool(request.htmx) and not request.htmx.history_restore_request
    limit = DROPPED_DOWN if is_dropdown else ON_THE_PAGE
    found = _found(request, wanted, limit) if len(wanted) >= SHORTEST else {}
    template = "search/_found.html" if is_dropdown else "search/search.html"
    return render(request, template, {"place": "search", "wanted": wanted, "shortest": SHORTEST, **found})


def _found(request: AccountRequest, wanted: str, limit: int) -> dict[str, Any]:
    flows = Flow.objects.filter(visible_to(request.actor), name__icontains=wanted).order_by("name", "pk")
    try:
        records = searching.records(searching.ids(Wanted(search=wanted), limit=limit))
    except searching.TooSlow:
        records = []
    return {
        "flows": flows[:limit],
        "records": [{"record": each, "type": each.object_type.name} for each in records],
        "is_full": len(records) == limit,
    }
