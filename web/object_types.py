"""Settings: the kinds of records, built in and the account's own."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.rights import Right
from records.models import ObjectType
from records.object_types import archive_object_type, create_object_type, rename_object_type, restore_object_type
from records.refusals import Invalid
from records.used_by import users_of_object_type
from web.access import AccountRequest, account_view
from web.asking import ask
from web.uses import linked

BODY = "settings/_object_type_names.html"


@account_view(right=Right.EDIT_SCHEMA)
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """All kinds of records, with how many properties each has."""
    in_use = Count("properties", filter=Q(properties__archived_at=None))
    found = list(ObjectType.objects.annotate(property_count=in_use).order_by("pk"))
    context = {
        "place": "account_settings",
        "tab": "object_types",
        "rows": [each for each in found if each.archived_at is None],
        "archived": [each for each in found if each.archived_at is not None],
    }
    return render(request, "settings/object_types.html", context)


@account_view(right=Right.EDIT_SCHEMA)
@require_http_methods(["GET", "POST"])
def create(request: AccountRequest) -> HttpResponse:
    """GET asks for the names, POST makes the kind and leads to its properties."""
    given = {name: request.POST.get(name, "") for name in ("name", "plural", "primary_label")}
    faults: dict[str, str] = {}
    if request.method == "POST":
        try:
            made = create_object_type(**given, by=request.actor)
            return redirect(f"{reverse('web:properties', args=[request.account.slug])}?type={made.key}")
        except Invalid as refusal:
            faults = {error.path: error.message for error in refusal.errors}
    return _ask_names(request, _("New object type"), _("Add object type"), given, faults, is_new=True)


@account_view(right=Right.EDIT_SCHEMA)
@require_http_methods(["GET", "POST"])
def rename(request: AccountRequest, type_id: int) -> HttpResponse:
    """GET asks for other names, POST gives them."""
    chosen = _find(type_id)
    given = {"name": chosen.name, "plural": chosen.plural}
    faults: dict[str, str] = {}
    if request.method == "POST":
        given = {name: request.POST.get(name, "") for name in given}
        try:
            rename_object_type(chosen, **given, by=request.actor)
            return redirect("web:object_types", request.account.slug)
        except Invalid as refusal:
            faults = {error.path: error.message for error in refusal.errors}
    return _ask_names(request, _("Rename “%s”") % chosen.name, _("Rename object type"), given, faults)


@account_view(right=Right.EDIT_SCHEMA)
@require_http_methods(["GET", "POST"])
def archive(request: AccountRequest, type_id: int) -> HttpResponse:
    """GET asks, or says what stands in the way; POST puts the kind away."""
    chosen = _find(type_id)
    back = reverse("web:object_types", args=[request.account.slug])
    if request.method == "POST":
        archive_object_type(chosen, by=request.actor)
        messages.success(request, _("The object type “%s” is archived.") % chosen.name)
        return redirect(back)
    return ask(
        request,
        title=_("Archive “%s”?") % chosen.name,
        text=_("No page offers it any more. Its records stay; you can restore it."),
        verb=_("Archive object type"),
        back=back,
        body="settings/_uses.html",
        uses=linked(users_of_object_type(chosen), request),
        go_on=_("Change or delete those first: while they are there, it cannot be archived."),
    )


@account_view(right=Right.EDIT_SCHEMA)
@require_POST
def restore(request: AccountRequest, type_id: int) -> HttpResponse:
    """Take a kind out again."""
    chosen = _find(type_id)
    restore_object_type(chosen, by=request.actor)
    messages.success(request, _("The object type “%s” is there again.") % chosen.name)
    return redirect("web:object_types", request.account.slug)


def _find(type_id: int) -> ObjectType:
    found: ObjectType = get_object_or_404(ObjectType, pk=type_id)
    return found


def _ask_names(
    request: AccountRequest,
    title: str,
    verb: str,
    given: dict[str, str],
    faults: dict[str, str],
    *,
    is_new: bool = False,
) -> HttpResponse:
    fields: list[dict[str, Any]] = [
        {"name": "name", "label": _("Name of one"), "hint": _("Such as “Boat”.")},
        {"name": "plural", "label": _("Name of several"), "hint": _("Such as “Boats”.")},
    ]
    if is_new:
        hint = _("The property that each record is called by. “Name” if you leave it empty.")
        fields.append({"name": "primary_label", "label": _("Called by"), "hint": hint, "is_optional": True})
    if "key" in faults:
        faults.setdefault("name", faults["key"])
    return ask(
        request,
        title=title,
        verb=verb,
        back=reverse("web:object_types", args=[request.account.slug]),
        body=BODY,
        status=422 if faults else 200,
        fields=[{**each, "value": given[each["name"]], "fault": faults.get(each["name"], "")} for each in fields],
    )
