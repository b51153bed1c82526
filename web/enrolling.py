"""Enrolling by hand: records that somebody found and ticked, told one by one what became of them, or a whole list."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import Flow
from participants import enrolment, reasons
from records.models import List, Record
from web.access import AccountRequest, verb_view
from web.flow_page import find, frame, is_live
from web.paging import read_id
from web.record_rows import clean, records_of
from web.runs import in_words
from web.templatetags.ui import number

OFFERED = 50  # records that a search shows
MOST_AT_ONCE = 1_000
MOST_LISTS = 500
LISTS_SHOWN = 10  # of those that were enrolled before


@verb_view(right=Right.OPERATE)
def enrol(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET shows lists and a search for records; POST enrols the ticked ones, or asks for a list to be enrolled."""
    with account_scope(request.account.pk):
        find(request, flow_id)
    if request.method == "POST" and request.POST.get("list"):
        return _enrol_list(request, flow_id)
    outcomes: dict[int, str] | None = None
    if request.method == "POST":
        ticked = [read_id(each) for each in request.POST.getlist("record")[:MOST_AT_ONCE]]
        ids = list(dict.fromkeys(each for each in ticked if each is not None))
        if ids:
            outcomes = enrolment.enrol_records(request.account.pk, flow_id, ids, by=request.actor)
    with account_scope(request.account.pk):
        return _page(request, flow_id, outcomes)


def _enrol_list(request: AccountRequest, flow_id: int) -> HttpResponse:
    list_id = read_id(request.POST.get("list"))
    asked = enrolment.enrol_list(request.account.pk, flow_id, list_id or 0, by=request.actor)
    said = ngettext(
        "%(shown)s record of the list is being enrolled.",
        "%(shown)s records of the list are being enrolled.",
        asked.asked,
    )
    messages.info(request, said % {"shown": number(asked.asked)})
    return redirect("web:enrol", request.account.slug, flow_id)


def _page(request: AccountRequest, flow_id: int, outcomes: dict[int, str] | None) -> HttpResponse:
    row = find(request, flow_id)
    if is_live(request):
        part = {"part": "flows/_enrolled_lists.html", "enrolled_lists": _enrolled_lists(row.flow)}
        context = {"row": row, "out_of_band": True, **frame(request, row.flow, "participants"), **part}
        return render(request, "flows/_live.html", context)
    search = clean(request.GET.get("search"))
    found = list(records_of(row.flow.object_type, search).order_by("-pk")[: OFFERED + 1]) if search else []
    context = {
        "place": "flows",
        "row": row,
        **frame(request, row.flow, "participants"),
        "lists": _lists(row.flow),
        "enrolled_lists": _enrolled_lists(row.flow),
        "search": search,
        "found": found[:OFFERED],
        "has_more": len(found) > OFFERED,
        **(_told(outcomes) if outcomes is not None else {}),
    }
    return render(request, "flows/enrol.html", context)


def _lists(flow: Flow) -> list[List]:
    return list(List.objects.filter(object_type=flow.object_type).order_by("name")[:MOST_LISTS])


def _enrolled_lists(flow: Flow) -> list[dict[str, Any]]:
    """The latest lists that were enrolled, and in words who was left out. A list may be gone: what it brought stays."""
    shown = list(enrolment.list_enrolments(flow)[:LISTS_SHOWN])
    there = set(List.objects.filter(pk__in=[each.list_id for each in shown]).values_list("pk", flat=True))
    return [{"list": each, "is_there": each.list_id in there, "left_out": in_words(each.left_out)} for each in shown]


def _told(outcomes: dict[int, str]) -> dict[str, Any]:
    """What became of each record, and how many of each outcome."""
    records = Record.objects.in_bulk(outcomes)
    counted = Counter(outcomes.values())
    return {
        "results": [
            {"record": records.get(each), "outcome": word, "text": _outcome(word)} for each, word in outcomes.items()
        ],
        "counted": [{"n": n, "text": _outcome(word), "outcome": word} for word, n in counted.most_common()],
    }


def _outcome(word: str) -> str:
    return _("Enrolled") if word == "enrolled" else reasons.text(word)
