"""The records of an account: a table to search, a record with all that is known of it, and a form to change it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.history import NotAllowed
from accounts.rights import Right
from flows.models import Flow
from flows.visibility import visible_to
from messaging.models import Content, Message
from participants.models import Participant
from records.models import Consent, List, ListEntry, ListKind, ObjectType, Property, Record
from records.upserts import Status, upsert
from web import timeline
from web.access import AccountRequest, account_view
from web.paging import newest_first
from web.property_values import Field, fields_of, shown
from web.record_rows import chosen_type, clean, records_of

SOURCE = "member"
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
    record = _find(record_id)
    part = request.GET.get("show", "")
    properties = _properties(record.object_type)
    flows = Flow.objects.filter(visible_to(request.actor))
    page = newest_first(timeline.events_of(record.pk, part), request.GET)
    known = {each.key: each for each in properties}
    entries = timeline.tell(page.rows, account=request.account, flows=flows, properties=known)
    walks = Participant.objects.filter(record=record, flow__in=flows).select_related("flow").order_by("-pk")
    entries_of = ListEntry.objects.filter(record=record).values("list_id")
    context = {
        "place": "records",
        "record": record,
        "facts": [
            {"label": each.label, "value": shown(each, record.properties[each.key])}
            for each in properties
            if each.key in record.properties
        ],
        "unknown": ", ".join(each.label for each in properties if each.key not in record.properties),
        "page": page,
        "entries": entries,
        "part": part if part in timeline.PARTS else "",
        "walks": walks[:BESIDE],
        "lists": List.objects.filter(pk__in=entries_of).order_by("name")[:BESIDE],
        "messages_sent": _messages(record, flows),
    }
    return render(request, "records/detail.html", context)


@account_view(right=Right.EDIT_CONTENT)
@require_http_methods(["GET", "POST"])
def edit(request: AccountRequest, record_id: int) -> HttpResponse:
    """Change what is known of a record."""
    record = _find(record_id)
    if record.archived_at is not None:
        raise NotAllowed("archived", _("This record is archived and cannot be changed."))
    fields = _form(record, request)
    if request.method == "GET":
        return _show_form(request, record, fields)
    if _read_at(request) != record.updated_at:
        error = _("Somebody changed this record while you were writing. Save again to keep what stands here.")
        return _show_form(request, record, fields, error=error, status=412)
    (result,) = upsert(record.object_type, [_row(record, fields)], match_on="id", source=SOURCE)
    if result.status == Status.REFUSED:
        errors = {error.path: error.message for error in result.errors}
        return _show_form(request, record, _with_errors(fields, errors), error=errors.get("id", ""), status=422)
    messages.success(request, _("Saved.") if result.status == Status.UPDATED else _("Nothing was different."))
    return redirect("web:record", request.account.slug, record.pk)


def _find(record_id: int) -> Record:
    record: Record = get_object_or_404(Record.objects.select_related("object_type"), pk=record_id)
    return record


def _properties(object_type: ObjectType) -> list[Property]:
    return list(Property.objects.filter(object_type=object_type, archived_at=None).order_by("pk"))


def _messages(record: Record, flows: Any) -> list[dict[str, Any]]:
    """The latest messages with their contents, of flows that the reader may see."""
    found = list(Message.objects.filter(record=record, flow_id__in=flows.values("pk")).order_by("-pk")[:BESIDE])
    contents = Content.objects.only("name").in_bulk({each.content_id for each in found})
    return [{"message": each, "content": contents.get(each.content_id)} for each in found]


def _form(record: Record, request: AccountRequest) -> list[Field]:
    """The fields, with what was typed where something was."""
    consents = [(value, str(label)) for value, label in Consent.choices]
    fields = [
        *fields_of(_properties(record.object_type), record),
        Field("consent", _("Consent to marketing"), "select", record.consent, options=consents),
        Field("external_id", _("External id"), "input", record.external_id or "", hint=_("Its id in your own system.")),
    ]
    for each in fields:
        each.original = each.typed
        each.typed = request.POST.get(each.name, each.typed)
    return fields


def _row(record: Record, fields: list[Field]) -> dict[str, Any]:
    """Only what was changed: a value that nobody touched is not read again."""
    changed = {each.name: each.typed for each in fields if each.typed != each.original}
    properties = {name.removeprefix("property-"): value for name, value in changed.items() if "property-" in name}
    own = {name: value for name, value in changed.items() if "property-" not in name}
    return {"id": record.pk, "properties": properties, **own}


def _with_errors(fields: list[Field], errors: dict[str, str]) -> list[Field]:
    for each in fields:
        each.error = errors.get(each.name.replace("property-", "properties.", 1), "")
    return fields


def _read_at(request: AccountRequest) -> Any:
    try:
        return parse_datetime(request.POST.get("read_at", ""))
    except ValueError:
        return None


def _show_form(
    request: AccountRequest, record: Record, fields: list[Field], *, error: str = "", status: int = 200
) -> HttpResponse:
    context = {"place": "records", "record": record, "fields": fields, "error": error}
    return render(request, "records/edit.html", context, status=status)
