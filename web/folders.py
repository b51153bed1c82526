"""Making, renaming and deleting folders of flows."""

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.rights import Right
from flows import folders
from flows.models import Folder
from web.access import AccountRequest, account_view
from web.asking import ask
from web.paging import read_id


@account_view(right=Right.EDIT_FLOWS)
def create(request: AccountRequest) -> HttpResponse:
    """GET asks for a name, POST makes the folder (`?folder=`: inside that one) and opens it."""
    inside = request.GET.get("folder")
    parent = get_object_or_404(Folder, pk=read_id(inside)) if inside else None
    verb, back = _("Add folder"), _list(request, parent)
    return _named(
        request,
        title=_("New folder in “%s”") % parent.name if parent else _("New folder"),
        verb=verb,
        back=back,
        name="",
        settle=lambda name: folders.create(name, parent=parent, by=request.actor),
    )


@account_view(right=Right.EDIT_FLOWS)
def rename(request: AccountRequest, folder_id: int) -> HttpResponse:
    """GET asks for another name, POST gives it."""
    folder = get_object_or_404(Folder, pk=folder_id)

    def settle(name: str) -> Folder:
        folders.rename(folder, name, by=request.actor)
        return folder

    return _named(
        request,
        title=_("Rename “%s”") % folder.name,
        verb=_("Rename folder"),
        back=_list(request, folder),
        name=folder.name,
        settle=settle,
    )


@account_view(right=Right.EDIT_FLOWS)
def delete(request: AccountRequest, folder_id: int) -> HttpResponse:
    """GET asks, POST deletes an empty folder."""
    folder = get_object_or_404(Folder.objects.select_related("parent"), pk=folder_id)
    if request.method == "POST":
        folders.delete(folder, by=request.actor)
        return redirect(_list(request, folder.parent))
    return ask(
        request,
        title=_("Delete the folder “%s”?") % folder.name,
        text=_("It is empty. No flow is touched."),
        verb=_("Delete folder"),
        is_dangerous=True,
        back=_list(request, folder),
    )


def _named(
    request: AccountRequest, *, title: str, verb: str, back: str, name: str, settle: Callable[[str], Folder]
) -> HttpResponse:
    """A question with a name; on POST settled, or asked again with what is wrong."""
    fault = ""
    if request.method == "POST":
        name = request.POST.get("name", "")
        try:
            return redirect(_list(request, settle(name)))
        except folders.InvalidName as error:
            fault = str(error)
    return ask(
        request,
        title=title,
        verb=verb,
        back=back,
        body="flows/_folder_name.html",
        status=422 if fault else 200,
        name=name,
        fault=fault,
    )


def _list(request: AccountRequest, folder: Folder | None) -> str:
    address = reverse("web:flows", args=[request.account.slug])
    return f"{address}?folder={folder.pk}" if folder else address
