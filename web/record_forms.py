"""Making a record and changing one: a form with a field for every property, read by its type."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import members
from accounts.history import NotAllowed
from accounts.rights import Right
from records import editing
from records.models import Consent, ObjectType, Property, Record
from records.refusals import Invalid
from web.access import AccountRequest, account_view
from web.property_values import Field, fields_of
from web.record_rows import chosen_type, find_record, properties_of

SOURCE = "member"
PERSON = "contact"  # the object type that has a consent


@account_view(right=Right.EDIT_CONTENT)
@require_http_methods(["GET", "POST"])
def create(request: AccountRequest) -> HttpResponse:
    """A new record of the type that `?type=` names."""
    object_type = chosen_type(request.GET.get("type"))
    if object_type is None:
        raise Http404
    record = Record(object_type=object_type)
    fields = _form(record, request)
    if request.method == "GET":
        return _show(request, record, fields)
    if not request.POST.get("anyway") and (twin := _twin(object_type, fields)):
        return _show(request, record, fields, twin=twin, status=422)
    try:
        made = editing.create(object_type, _row(fields, everything=True), by=request.actor, source=SOURCE)
    except Invalid as invalid:
        return _show(request, record, fields, invalid=invalid, status=422)
    messages.success(request, _("Saved."))
    return redirect("web:record", request.account.slug, made)


@account_view(right=Right.EDIT_CONTENT)
@require_http_methods(["GET", "POST"])
def edit(request: AccountRequest, record_id: int) -> HttpResponse:
    """Change what is known of a record."""
    record = find_record(record_id)
    if record.archived_at is not None:
        raise NotAllowed("archived", _("This record is archived and cannot be changed. Restore it first."))
    fields = _form(record, request)
    if request.method == "GET":
        return _show(request, record, fields)
    try:
        editing.hold(record, read_at=_read_at(request))
    except editing.Stale:
        error = _("Somebody changed this record while you were writing. Save again to keep what stands here.")
        return _show(request, record, fields, error=error, status=412)
    try:
        is_changed = editing.change(record, _row(fields), by=request.actor, source=SOURCE)
    except Invalid as invalid:
        return _show(request, record, fields, invalid=invalid, status=422)
    messages.success(request, _("Saved.") if is_changed else _("Nothing was different."))
    return redirect("web:record", request.account.slug, record.pk)


def _form(record: Record, request: AccountRequest) -> list[Field]:
    """The fields, with what was typed where something was."""
    fields = [
        *fields_of(_in_use(record), record, members.names()),
        *(_about_person(record) if record.object_type.key == PERSON else ()),
        Field("external_id", _("External id"), "input", record.external_id or "", hint=_("Its id in your own system.")),
    ]
    for each in fields:
        each.original = each.typed
        if each.kind == "checks" and each.name in request.POST:
            each.typed = "; ".join(value for value in request.POST.getlist(each.name) if value)
        else:
            each.typed = request.POST.get(each.name, each.typed)
    return fields


def _in_use(record: Record) -> list[Property]:
    return properties_of(record.object_type)


def _about_person(record: Record) -> list[Field]:
    consents = [(value, str(label)) for value, label in Consent.choices]
    yes_or_no = [("false", _("No")), ("true", _("Yes"))]
    at = timezone.localtime(record.consent_at).strftime("%Y-%m-%dT%H:%M:%S") if record.consent_at else ""
    return [
        Field("consent", _("Consent to marketing"), "select", record.consent, options=consents),
        Field(
            "consent_at",
            _("Date of consent"),
            "input",
            at,
            input="datetime-local",
            hint=_("When it was given or withdrawn. Empty: now, if you change the consent."),
        ),
        Field(
            "former_employee",
            _("Former employee"),
            "select",
            "true" if record.former_employee else "false",
            options=yes_or_no,
            hint=_("Has left the company: drops out of every flow at the next step."),
        ),
    ]


def _row(fields: list[Field], *, everything: bool = False) -> dict[str, Any]:
    """Only what was changed: a value that nobody touched is not read again. Of a new record, all that is known."""
    said = {each.name: each.typed for each in fields if each.typed != each.original or (everything and each.typed)}
    # An emptied default of a new record is said too, so that it stays empty.
    properties = {name.removeprefix("property-"): value for name, value in said.items() if "property-" in name}
    own = {name: value for name, value in said.items() if "property-" not in name}
    consent = next((each.typed for each in fields if each.name == "consent"), "")
    if own.get("consent_at") and consent:
        own["consent"] = consent  # a date is read together with what it is the date of
    if own.get("consent") == Consent.UNKNOWN:
        own.pop("consent_at", None)
    return {"properties": properties, **own}


def _twin(object_type: ObjectType, fields: list[Field]) -> Record | None:
    """Another record with the address that was typed."""
    email = next((each.typed.strip().lower() for each in fields if each.name == "property-email"), "")
    if not email:
        return None
    found: Record | None = (
        Record.objects.filter(object_type=object_type, email=email, archived_at=None).order_by("pk").first()
    )
    return found


def _read_at(request: AccountRequest) -> Any:
    try:
        return parse_datetime(request.POST.get("read_at", ""))
    except ValueError:
        return None


def _show(
    request: AccountRequest,
    record: Record,
    fields: list[Field],
    *,
    error: str = "",
    invalid: Invalid | None = None,
    twin: Record | None = None,
    status: int = 200,
) -> HttpResponse:
    if invalid:
        errors = {each.path.replace("properties.", "property-", 1): each.message for each in invalid.errors}
        for each in fields:
            each.error = errors.pop(each.name, "")
        error = " ".join(errors.values())
    context = {"place": "records", "record": record, "fields": fields, "error": error, "twin": twin}
    return render(request, "records/edit.html", context, status=status)
