"""Settings: the properties of each kind of record."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import members
from accounts.rights import Right
from records.models import ObjectType, Property, PropertyType
from records.property_changes import archive_property, change_property, is_needed, restore_property
from records.refusals import Invalid
from records.schema import WITH_OPTIONS, add_property
from records.used_by import users_of_property
from web.access import AccountRequest, account_view
from web.asking import ask
from web.property_forms import PropertyForm, initial_of
from web.property_values import shown
from web.uses import linked

FRAME = {"place": "account_settings", "tab": "properties"}


@account_view(right=Right.EDIT_SCHEMA)
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """The properties of a kind of record (`?type=`): those in use, and those put away."""
    types = list(_types())
    chosen = next((each for each in types if each.key == request.GET.get("type")), types[0])
    found = list(Property.objects.filter(object_type=chosen).select_related("object_type").order_by("pk"))
    has_owners = any(each.type == PropertyType.OWNER and each.default is not None for each in found)
    names = members.names() if has_owners else {}
    rows = [{"property": each, "default": _default(each, names)} for each in found]
    context = {
        **FRAME,
        "object_types": types,
        "object_type": chosen,
        "rows": [row for row in rows if row["property"].archived_at is None],
        "archived": [row for row in rows if row["property"].archived_at is not None],
        "may_archive": {each.pk for each in found if not is_needed(each)},
    }
    return render(request, "settings/properties.html", context)


@account_view(right=Right.EDIT_SCHEMA)
@require_http_methods(["GET", "POST"])
def create(request: AccountRequest) -> HttpResponse:
    """A form for a new property; htmx asks for it anew when another type is chosen."""
    object_type = get_object_or_404(_types(), key=request.GET.get("type", "contact"))
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind", PropertyType.TEXT)
    kind = kind if kind in PropertyType.values else PropertyType.TEXT
    form = PropertyForm(
        request.POST if request.method == "POST" else None,
        initial={name: request.GET.get(name, "") for name in ("label", "description")},
        kind=kind,
        choices=[],
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = add_property(object_type, "", type=kind, **form.wanted())
            messages.success(request, _("The property “%s” is there.") % made.label)
            return redirect(_list(request, object_type))
        except Invalid as refusal:
            form.tell(refusal)
    return _show(request, form, object_type, kind=kind)


@account_view(right=Right.EDIT_SCHEMA)
@require_http_methods(["GET", "POST"])
def edit(request: AccountRequest, property_id: int) -> HttpResponse:
    """The form of a property, and what uses it."""
    property = _find(property_id)
    posted = request.POST if request.method == "POST" else None
    form = PropertyForm(posted, initial=initial_of(property), kind=property.type, choices=property.options)
    if posted is not None and form.is_valid():
        try:
            change_property(property, by=request.actor, **form.wanted())
            messages.success(request, _("Saved."))
            return redirect(_list(request, property.object_type))
        except Invalid as refusal:
            form.tell(refusal)
    return _show(request, form, property.object_type, kind=property.type, property=property)


@account_view(right=Right.EDIT_SCHEMA)
@require_http_methods(["GET", "POST"])
def archive(request: AccountRequest, property_id: int) -> HttpResponse:
    """GET asks, and says what uses the property; POST puts it away."""
    property = _find(property_id)
    back = _list(request, property.object_type)
    if request.method == "POST":
        archive_property(property, by=request.actor)
        messages.success(request, _("The property “%s” is archived.") % property.label)
        return redirect(back)
    uses = linked(users_of_property(property), request)
    return ask(
        request,
        title=_("Archive “%s”?") % property.label,
        text=_("No form, import or program offers it any more. Records keep their values; you can restore it."),
        verb=_("Archive property"),
        is_dangerous=bool(uses.named or uses.hidden),
        back=back,
        body="settings/_uses.html",
        uses=uses,
        go_on=_("They go on with the values that records have. A flow starts anew only when it is taken out there."),
    )


@account_view(right=Right.EDIT_SCHEMA)
@require_POST
def restore(request: AccountRequest, property_id: int) -> HttpResponse:
    """Take a property out again."""
    property = _find(property_id)
    restore_property(property, by=request.actor)
    messages.success(request, _("The property “%s” is there again.") % property.label)
    return redirect(_list(request, property.object_type))


def _show(
    request: AccountRequest,
    form: PropertyForm,
    object_type: ObjectType,
    *,
    kind: str,
    property: Property | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        **FRAME,
        "form": form,
        "object_type": object_type,
        "property": property,
        "kind": kind,
        "kinds": PropertyType.choices,
        "has_options": kind in WITH_OPTIONS,
        "back": _list(request, object_type),
        "uses": linked(users_of_property(property), request) if property else None,
    }
    return render(request, "settings/property.html", context, status=422 if form.errors else 200)


def _types() -> QuerySet[ObjectType]:
    found: QuerySet[ObjectType] = ObjectType.objects.filter(archived_at=None).order_by("pk")
    return found


def _find(property_id: int) -> Property:
    found: Property = get_object_or_404(Property.objects.select_related("object_type"), pk=property_id)
    return found


def _list(request: AccountRequest, object_type: ObjectType) -> str:
    return f"{reverse('web:properties', args=[request.account.slug])}?type={object_type.key}"


def _default(property: Property, names: dict[int, str]) -> str:
    if property.default is None:
        return ""
    if property.type == PropertyType.OWNER:
        return names.get(property.default, _("a member who has left"))
    return ", ".join(property.default) if isinstance(property.default, list) else shown(property, property.default)
