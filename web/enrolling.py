"""Enrolling by hand: records that somebody found and ticked, told one by one what became of them, or a whole list."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import Flow
from participants import enrolment, reasons
from records import lists
from records.models import List, Record
from web.access import AccountRequest, verb_view
from web.asking import ask
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
    """GET shows lists and a search for records; POST enrols the ticked ones."""
    with account_scope(request.account.pk):
        find(request, flow_id)
    outcomes: dict[int, str] | None = None
    if request.method == "POST":
        ticked = [read_id(each) for each in request.POST.getlist("record")[:MOST_AT_ONCE]]
        ids = list(dict.fromkeys(each for each in ticked if each is not None))
        if ids:
            outcomes = enrolment.enrol_records(request.account.pk, flow_id, ids, by=request.actor)
    with account_scope(request.account.pk):
        return _page(request, flow_id, outcomes)


@verb_view(right=Right.OPERATE)
def enrol_list(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET says how many are in the list `?list=` and asks, POST has them enrolled by a worker."""
    list_id = read_id(request.GET.get("list"))
    back = reverse("web:enrol", args=[request.account.slug, flow_id])
    with account_scope(request.account.pk):
        flow = find(request, flow_id).flow
        if list_id is None:
            return ask(request, title=_("Choose a list"), verb="", back=back, status=422)
        chosen = get_object_or_404(List, pk=list_id, object_type=flow.object_type)
        asked = lists.size(chosen)
        if request.method != "POST":
            return ask(request, title=_("Enrol “%s”?") % chosen.name, text=_how_many(asked), verb=_("Enrol"), back=back)
    told = enrolment.enrol_list(request.account.pk, flow_id, chosen.pk, by=request.actor)
    said = ngettext(
        "%(shown)s record of the list is being enrolled.",
        "%(shown)s records of the list are being enrolled.",
        told.asked,
    )
    messages.info(request, said % {"shown": number(told.asked)})
    return redirect(back)


def _how_many(asked: int) -> str:
    said = ngettext(
        "%(shown)s record is on the list. Whoever may enter begins at once, e-mails too.",
        "%(shown)s records are on the list. Whoever may enter begins at once, e-mails too.",
        asked,
    )
    return said % {"shown": number(asked)}


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
