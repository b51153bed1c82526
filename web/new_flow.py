"""A new flow: its name and what it is about, then its editor."""

from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.rights import Right
from accounts.tenancy import account_scope
from records.models import ObjectType
from running import editing
from web.access import AccountRequest, account_view, verb_view
from web.editor_pages import by_method


@account_view(right=Right.EDIT_FLOWS)
def show(request: AccountRequest) -> HttpResponse:
    """The form."""
    return _form(request, {}, {})


@verb_view(right=Right.EDIT_FLOWS)
def create(request: AccountRequest) -> HttpResponse:
    """Make the flow and open its editor."""
    given = {name: request.POST.get(name, "") for name in ("name", "description", "object_type")}
    try:
        flow = editing.create(request.account.pk, given, by=request.actor)
    except editing.InvalidDocument as error:
        with account_scope(request.account.pk):
            return _form(request, given, dict(reversed(error.errors)), status=422)
    return redirect("web:edit", request.account.slug, flow.pk)


new = by_method(get=show, post=create)


def _form(request: AccountRequest, given: dict[str, str], faults: dict[str, str], *, status: int = 200) -> HttpResponse:
    types = list(ObjectType.objects.filter(archived_at=None).order_by("pk"))
    page = {"place": "flows", "given": given, "faults": faults, "object_types": types}
    return render(request, "editor/new.html", page, status=status)
