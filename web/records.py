"""The records of an account: a table to search, and a record with all that is known of it."""

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import members
from flows.models import Flow
from flows.visibility import visible_to
from participants.models import Participant
from records.models import Association, Import, List, ListEntry, ObjectType, Property, PropertyType
from web import timeline
from web.access import AccountRequest, account_view
from web.paging import newest_first
from web.property_values import shown
from web.record_forms import PERSON
from web.record_rows import find_record, properties_of
from web.record_table import MOST_COLUMNS, Table, filters_of, rows_of
from web.record_tabs import head_of, messages_of, with_contents

YEAR: Final = 365 * 24 * 3600  # seconds
BESIDE = 10  # flows, lists and messages beside the timeline


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """The records of a type, the latest made first; `?type=`, `?search=`, `?criteria=` and
    `?archived=` narrow them, `?sort=` sorts those that are few enough."""
    table = Table.of(request.GET)
    page = table.page(request.GET)
    columns = table.columns(request.COOKIES)
    filters = filters_of(request.GET)
    filters["type"] = table.object_type.key
    shown_keys = {each.key for each in columns}
    context = {
        "place": "records",
        "table": table,
        "object_types": ObjectType.objects.filter(archived_at=None).order_by("pk"),
        "page": page,
        "rows": rows_of(page, columns),
        "count": None if page.newer or page.older else len(page.rows),
        "heads": _heads(table, columns),
        "choices": [
            {"key": each.key, "label": each.label, "is_shown": each.key in shown_keys}
            for each in table.properties.values()
        ],
        "filters": filters.urlencode(),
        "criteria": request.GET.get("criteria", "") if table.tree is not None else "",
    }
    return render(request, "records/list.html", context)


@account_view()
@require_GET
def how_many(request: AccountRequest) -> HttpResponse:
    """How many records the table of an address finds: asked beside the page, which does not wait for it."""
    table = Table.of(request.GET)
    return render(request, "records/_count.html", {"table": table, "count": table.count()})


@account_view()
@require_POST
def choose_columns(request: AccountRequest) -> HttpResponse:
    """Remember, in this browser, which columns the table of a type shows."""
    table = Table.of(request.GET)
    keys = [each for each in request.POST.getlist("column") if each in table.properties]
    query = filters_of(request.GET)
    answer = redirect(f"{reverse('web:records', args=[request.account.slug])}?{query.urlencode()}")
    answer.set_cookie(table.cookie, ".".join(keys[:MOST_COLUMNS]), max_age=YEAR, httponly=True, samesite="Lax")
    return answer


@account_view()
@require_GET
def detail(request: AccountRequest, record_id: int) -> HttpResponse:
    """A record: its values, consent, flows, lists, messages, and what happened (`?show=`)."""
    record = find_record(record_id)
    part = request.GET.get("show", "")
    part = part if part in timeline.PARTS else ""
    properties = properties_of(record.object_type)
    flows = Flow.objects.filter(visible_to(request.actor))
    page = newest_first(timeline.events_of(record.pk, part), request.GET)
    known, owners = {each.key: each for each in properties}, members.names()
    entries = timeline.tell(page.rows, account=request.account, flows=flows, properties=known, members=owners)
    walks = Participant.objects.filter(record=record, flow__in=flows).select_related("flow").order_by("-pk")
    entries_of = ListEntry.objects.filter(record=record).values("list_id")
    source = Import.objects.select_related("account").filter(pk=record.import_id).first() if record.import_id else None
    if not page.older and part in ("", "changes") and (page.rows or "after" not in request.GET):
        above = timezone.localtime(page.rows[-1].at).date() if page.rows else None
        if first := timeline.beginning(record, source, above):
            entries.append(first)
    others = Association.objects.filter(record=record).select_related("other", "other_type")
    context = {
        **head_of(record, "story"),
        "is_person": record.object_type.key == PERSON,
        "consent_by": timeline.who_settled_consent(record.pk),
        "associated": others.order_by("-is_primary", "other_type_id", "other_id")[:BESIDE],
        "source": source,
        "facts": [
            {"label": each.label, "value": shown(each, record.properties[each.key], owners)}
            for each in properties
            if each.key in record.properties
        ],
        "unknown": ", ".join(each.label for each in properties if each.key not in record.properties),
        "page": page,
        "entries": entries,
        "part": part,
        "walks": walks[:BESIDE],
        "lists": List.objects.filter(pk__in=entries_of).order_by("name")[:BESIDE],
        "messages_sent": with_contents(messages_of(record, flows)[:BESIDE]),
    }
    return render(request, "records/detail.html", context)


def _heads(table: Table, columns: list[Property]) -> list[dict[str, Any]]:
    """The headers; pressing one sorts by it, once more the other way round."""
    first = {"label": _("Name"), "kind": "", **_order(table, "name")}
    others = (
        {
            "label": each.label,
            "kind": "number" if each.type == PropertyType.NUMBER else "",
            **_order(table, "id" if each.key == "created_at" else each.key),
        }
        for each in columns
    )
    return [first, *others]


def _order(table: Table, key: str) -> dict[str, str]:
    if table.sort == key:
        return {"order": "ascending", "sort": f"-{key}"}
    return {"order": "descending" if table.sort == f"-{key}" else "", "sort": key}
