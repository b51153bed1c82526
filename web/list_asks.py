"""What is asked before a list is deleted or copied, and the folders of lists."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.rights import Right
from records import list_deletion, list_folders, lists
from records.models import ListFolder
from records.refusals import Invalid
from records.used_by import users_of_list
from web.access import AccountRequest, account_view
from web.asking import ask
from web.lists import find
from web.templatetags.ui import number
from web.uses import linked


@account_view(right=Right.EDIT_CONTENT)
def delete(request: AccountRequest, list_id: int) -> HttpResponse:
    """GET asks, or names who uses the list; POST deletes it."""
    chosen = find(list_id)
    back = reverse("web:list", args=[request.account.slug, list_id])
    if request.method == "POST":
        list_deletion.delete(chosen, by=request.actor)
        messages.success(request, _("“%s” is deleted.") % chosen.name)
        return redirect("web:lists", request.account.slug)
    uses = linked(users_of_list(chosen), request)
    if uses:
        return ask(
            request,
            title=_("“%s” is in use") % chosen.name,
            text=_("Take it out of these first; then it can be deleted."),
            verb="",
            back=back,
            body="lists/_users.html",
            uses=uses,
        )
    return ask(
        request,
        title=_("Delete the list “%s”?") % chosen.name,
        text=_stays(lists.size(chosen)),
        verb=_("Delete list"),
        is_dangerous=True,
        back=back,
    )


@account_view(right=Right.EDIT_CONTENT)
def freeze(request: AccountRequest, list_id: int) -> HttpResponse:
    """GET asks for a name, POST makes a static copy of the list as it is now."""
    chosen = find(list_id)
    return _named(
        request,
        title=_("Copy to a static list"),
        text=_("Whoever is in “%s” now is put into a list that does not change by itself.") % chosen.name,
        verb=_("Make the copy"),
        back=reverse("web:list", args=[request.account.slug, list_id]),
        name=lists.free_name(chosen.name),
        settle=lambda name: reverse("web:list", args=[request.account.slug, lists.freeze(chosen, name).pk]),
    )


@account_view(right=Right.EDIT_CONTENT)
def create_folder(request: AccountRequest) -> HttpResponse:
    """GET asks for a name, POST makes the folder and opens it."""
    return _named(
        request,
        title=_("New folder"),
        verb=_("Add folder"),
        back=_list(request),
        name="",
        settle=lambda name: _list(request, list_folders.create(name)),
    )


@account_view(right=Right.EDIT_CONTENT)
def rename_folder(request: AccountRequest, list_folder_id: int) -> HttpResponse:
    """GET asks for another name, POST gives it."""
    folder = get_object_or_404(ListFolder, pk=list_folder_id)

    def settle(name: str) -> str:
        list_folders.rename(folder, name)
        return _list(request, folder)

    return _named(
        request,
        title=_("Rename “%s”") % folder.name,
        verb=_("Rename folder"),
        back=_list(request, folder),
        name=folder.name,
        settle=settle,
    )


@account_view(right=Right.EDIT_CONTENT)
def delete_folder(request: AccountRequest, list_folder_id: int) -> HttpResponse:
    """GET asks, POST deletes the folder; its lists lie in none."""
    folder = get_object_or_404(ListFolder, pk=list_folder_id)
    if request.method == "POST":
        list_folders.delete(folder)
        return redirect(_list(request))
    return ask(
        request,
        title=_("Delete the folder “%s”?") % folder.name,
        text=_("The lists in it stay."),
        verb=_("Delete folder"),
        is_dangerous=True,
        back=_list(request, folder),
    )


def _stays(size: int) -> str:
    said = ngettext("Its %(n)s record stays.", "Its %(n)s records stay.", size) % {"n": number(size)}
    return f"{said} {_('This cannot be undone.')}"


def _named(
    request: AccountRequest,
    *,
    title: str,
    verb: str,
    back: str,
    name: str,
    settle: Callable[[str], str],
    text: str = "",
) -> HttpResponse:
    """A question with a name; on POST settled, leading to what `settle` says, or asked again with what is wrong."""
    fault = ""
    if request.method == "POST":
        name = request.POST.get("name", "")
        try:
            return redirect(settle(name))
        except Invalid as invalid:
            fault = invalid.errors[0].message
    return ask(
        request,
        title=title,
        text=text,
        verb=verb,
        back=back,
        body="lists/_name.html",
        status=422 if fault else 200,
        name=name,
        fault=fault,
    )


def _list(request: AccountRequest, folder: ListFolder | None = None) -> str:
    address = reverse("web:lists", args=[request.account.slug])
    return f"{address}?folder={folder.pk}" if folder else address
