"""The records of an account: a table to search, and a record with all that is known of it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import members
from flows.models import Flow
from flows.visibility import visible_to
from participants.models import Participant
from records.models import Association, Import, List, ListEntry, ListKind, ObjectType, Record
from web import timeline
from web.access import AccountRequest, account_view
from web.paging import newest_first
from web.property_values import shown
from web.record_forms import PERSON
from web.record_rows import chosen_type, clean, find_record, properties_of, records_of
from web.record_tabs import head_of, messages_of, with_contents

BESIDE = 10  # flows, lists and messages beside the timeline


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """The records of a type, the latest made first; `?type=` and `?search=` narrow them."""
    object_type = chosen_type(request.GET.get("type"))
    search = clean(request.GET.get("search"))
    found = records_of(object_type, search) if object_type else Record.objects.none()
    context = {
        "place": "records",
        "object_type": object_type,
        "object_types": ObjectType.objects.filter(archived_at=None).order_by("pk"),
        "page": newest_first(found, request.GET),
        "search": search,
        "static_lists": List.objects.filter(object_type=object_type, kind=ListKind.STATIC).order_by("name")[:500],
    }
    return render(request, "records/list.html", context)


@account_view()
@require_GET
def detail(request: AccountRequest, record_id: int) -> HttpResponse:
    """A record: its values, consent, flows, lists, messages, and what happened (`?show=`)."""
    record = find_record(record_id)
    part = request.GET.get("show", "")
    properties = properties_of(record.object_type)
    flows = Flow.objects.filter(visible_to(request.actor))
    page = newest_first(timeline.events_of(record.pk, part), request.GET)
    known, owners = {each.key: each for each in properties}, members.names()
    entries = timeline.tell(page.rows, account=request.account, flows=flows, properties=known, members=owners)
    walks = Participant.objects.filter(record=record, flow__in=flows).select_related("flow").order_by("-pk")
    entries_of = ListEntry.objects.filter(record=record).values("list_id")
    others = Association.objects.filter(record=record).select_related("other", "other_type")
    context = {
        **head_of(record, "story"),
        "is_person": record.object_type.key == PERSON,
        "consent_by": timeline.who_settled_consent(record.pk),
        "associated": others.order_by("-is_primary", "other_type_id", "other_id")[:BESIDE],
        "source": Import.objects.filter(pk=record.import_id).first() if record.import_id else None,
        "facts": [
            {"label": each.label, "value": shown(each, record.properties[each.key], owners)}
            for each in properties
            if each.key in record.properties
        ],
        "unknown": ", ".join(each.label for each in properties if each.key not in record.properties),
        "page": page,
        "entries": entries,
        "part": part if part in timeline.PARTS else "",
        "walks": walks[:BESIDE],
        "lists": List.objects.filter(pk__in=entries_of).order_by("name")[:BESIDE],
        "messages_sent": with_contents(messages_of(record, flows)[:BESIDE]),
    }
    return render(request, "records/detail.html", context)
