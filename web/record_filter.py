"""The filter of the table of records: criteria in a builder, kept in the address of the table."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from records.list_refresh import account_zone
from records.models import ObjectType
from web import criteria_builder
from web.access import AccountRequest, account_view
from web.criteria_builder import Builder, Vocabulary
from web.record_table import Table, filters_of

NAME = "criteria"
LONGEST = 6_000  # characters of criteria in an address: servers take about eight thousand in all


@dataclass
class Filter:
    """A filter as it is being written."""

    object_type: ObjectType
    who: Builder
    vocabulary: Vocabulary
    fault: str = ""

    @classmethod
    def of(cls, request: AccountRequest) -> "Filter":
        """As it was posted, else as the address has it."""
        table = Table.of(request.GET)
        if f"{NAME}.scope" in request.POST:
            who = criteria_builder.of_post(request.POST, NAME, stored=None)
        elif table.tree is not None:
            who = criteria_builder.of_tree(table.tree, NAME)
        else:
            who = criteria_builder.of_post(QueryDict(f"{NAME}.scope=some"), NAME, stored=None)
        made = cls(table.object_type, who, Vocabulary.of(table.object_type))
        criteria_builder.check([who], made.vocabulary)
        return made


@account_view()
@require_http_methods(["GET", "POST"])
def edit(request: AccountRequest) -> HttpResponse:
    """The builder; POST leads to the table with what it says."""
    made = Filter.of(request)
    if request.method != "POST":
        return _render(request, made)
    text = json.dumps(made.who.tree, ensure_ascii=False, separators=(",", ":"))
    if not made.who.is_good or made.who.tree is None:
        made.fault = _("Finish the conditions first: one of them lacks something.")
    elif len(text) > LONGEST:
        made.fault = _("These are too many conditions for a filter. Make a dynamic list of them instead.")
    if made.fault:
        return _render(request, made, redraws=True, status=422)
    address = filters_of(request.GET)
    address[NAME] = text
    to = f"{reverse('web:records', args=[request.account.slug])}?{address.urlencode()}"
    return HttpResponseClientRedirect(to) if request.htmx else redirect(to)


@account_view()
@require_POST
def draft(request: AccountRequest) -> HttpResponse:
    """The filter as it is being written: what it says, and with another condition drawn anew."""
    redraws = bool(request.POST.get("do") or request.POST.get("redraw"))
    return _render(request, Filter.of(request), redraws=redraws)


@account_view()
@require_POST
def count(request: AccountRequest) -> HttpResponse:
    """How many records meet the criteria of the form now, and some of them."""
    object_type = Table.of(filters_of(request.GET)).object_type
    found = criteria_builder.result(request.POST, object_type, zone=account_zone())
    return render(request, "components/_criteria_count.html", found or {})


def _render(request: AccountRequest, made: Filter, *, redraws: bool = False, status: int = 200) -> HttpResponse:
    query = filters_of(request.GET)
    kept = f"?{query.urlencode()}" if query else ""
    slug = request.account.slug
    context: dict[str, Any] = {
        "place": "records",
        "filter": made,
        "faults": {**made.who.faults, **({NAME: made.fault} if made.fault else {})},
        "redraw_url": reverse("web:records_filter_draft", args=[slug]) + kept,
        "count_url": reverse("web:records_filter_count", args=[slug]) + kept,
        "action": reverse("web:records_filter", args=[slug]) + kept,
        "back": reverse("web:records", args=[slug]) + kept,
        "redraws": redraws,
        "waits_for_button": True,
    }
    return render(
        request, "records/_filter_drawn.html" if request.htmx else "records/filter.html", context, status=status
    )
