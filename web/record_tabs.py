"""The pages beside the story of a record: what it belongs with, its flows, its messages, its lists."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.rights import Right
from flows.models import Flow
from flows.visibility import visible_to
from messaging.models import Content, Message, of_records
from participants import reasons
from participants.models import Participant
from records import associations as associating
from records.models import Association, Erasure, List, ListEntry, ObjectType, Record
from records.refusals import Invalid
from web import errors
from web.access import AccountRequest, account_view
from web.paging import newest_first, read_id
from web.record_forms import SOURCE
from web.record_rows import OFFERED, chosen_type, clean, find_record, records_of


def head_of(record: Record, tab: str) -> dict[str, Any]:
    """What every page of a record shows."""
    is_being_erased = record.archived_at is not None and Erasure.objects.filter(record_id=record.pk).exists()
    return {"place": "records", "record": record, "tab": tab, "is_being_erased": is_being_erased}


@account_view()
@require_http_methods(["GET", "POST"])
def associations(request: AccountRequest, record_id: int) -> HttpResponse:
    """The records that it belongs with, the latest made first; `?search=` offers others, POST associates one."""
    record = find_record(record_id)
    if request.method == "POST":
        return _associate(request, record)
    others = Association.objects.filter(record=record)
    found = Record.objects.filter(pk__in=others.values("other_id")).select_related("object_type")
    page = newest_first(found, request.GET)
    known = {each.other_id: each for each in others.filter(other_id__in=[each.pk for each in page.rows])}
    search, wanted_type = clean(request.GET.get("search")), chosen_type(request.GET.get("type") or _first_other(record))
    offered = records_of(wanted_type, search).exclude(pk=record.pk) if search and wanted_type else None
    context = {
        **head_of(record, "associations"),
        "page": page,
        "rows": [
            {"record": each, "is_primary": known[each.pk].is_primary, "created_at": known[each.pk].created_at}
            for each in page.rows
        ],
        "search": search,
        "object_types": ObjectType.objects.filter(archived_at=None).order_by("pk"),
        "wanted_type": wanted_type,
        "offered": offered.exclude(pk__in=others.values("other_id")).order_by("-pk")[:OFFERED] if offered else [],
    }
    is_fragment = request.htmx and not request.htmx.history_restore_request
    return render(request, "records/_associable.html" if is_fragment else "records/associations.html", context)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def association(request: AccountRequest, record_id: int, other_id: int) -> HttpResponse:
    """Make an associated record the primary one or not, or let the two belong together no longer."""
    record, other = find_record(record_id), find_record(other_id)
    try:
        if request.POST.get("remove"):
            associating.dissociate(record.pk, other.pk, by=request.actor, source=SOURCE)
        elif wanted := request.POST.get("primary"):
            associating.set_primary(record, other, wanted == "yes", by=request.actor, source=SOURCE)
    except Invalid as invalid:
        messages.error(request, invalid.errors[0].message)
    return redirect("web:record_associations", request.account.slug, record.pk)


@account_view()
@require_GET
def flows(request: AccountRequest, record_id: int) -> HttpResponse:
    """Its walks through flows that the reader may see, the latest first."""
    record = find_record(record_id)
    seen = Flow.objects.filter(visible_to(request.actor))
    walks = Participant.objects.filter(record=record, flow__in=seen).select_related("flow")
    page = newest_first(walks, request.GET)
    for each in page.rows:
        each.why = reasons.text(each.reason) if each.reason else ""
    return render(request, "records/flows.html", {**head_of(record, "flows"), "page": page})


@account_view()
@require_GET
def messages_sent(request: AccountRequest, record_id: int) -> HttpResponse:
    """What was written to it by flows that the reader may see, the latest first."""
    record = find_record(record_id)
    seen = Flow.objects.filter(visible_to(request.actor))
    page = newest_first(messages_of(record, seen), request.GET)
    context = {**head_of(record, "messages"), "page": page, "rows": with_contents(page.rows)}
    return render(request, "records/messages.html", context)


@account_view()
@require_GET
def lists(request: AccountRequest, record_id: int) -> HttpResponse:
    """The lists that it is on, the latest made first."""
    record = find_record(record_id)
    entries = ListEntry.objects.filter(record=record).values("list_id")
    page = newest_first(List.objects.filter(pk__in=entries, is_hidden=False), request.GET)
    return render(request, "records/lists.html", {**head_of(record, "lists"), "page": page})


def messages_of(record: Record, flows: QuerySet[Flow]) -> QuerySet[Message]:
    """The messages to or about a record from some flows, the latest first."""
    found: QuerySet[Message] = Message.objects.filter(of_records([record.pk]), flow_id__in=flows.values("pk"))
    return found.order_by("-pk")


def with_contents(found: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages with their contents, in one query."""
    shown = list(found)
    contents = Content.objects.only("name").in_bulk({each.content_id for each in shown})
    return [{"message": each, "content": contents.get(each.content_id)} for each in shown]


def _associate(request: AccountRequest, record: Record) -> HttpResponse:
    if not request.actor.may(Right.EDIT_CONTENT):
        return errors.right_missing(request, Right.EDIT_CONTENT)
    other = find_record(read_id(request.POST.get("record")) or 0)
    try:
        if associating.associate(record, other, by=request.actor, source=SOURCE):
            messages.success(request, _("They belong together now."))
    except Invalid as invalid:
        messages.error(request, invalid.errors[0].message)
    return redirect("web:record_associations", request.account.slug, record.pk)


def _first_other(record: Record) -> str:
    """What a record is most often associated with: people with companies, everything else with people."""
    return "company" if record.object_type.key == "contact" else "contact"
