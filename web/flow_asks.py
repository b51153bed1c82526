"""What is asked before a flow is ended, deleted, copied or moved: the question names how many it touches."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows import folders
from flows.models import Flow, Folder
from messaging.models import Content
from running import copying, ending, filing, verbs
from web.access import AccountRequest, verb_view
from web.asking import ask
from web.flow_page import find
from web.flow_rows import FlowRow
from web.paging import read_id
from web.templatetags.ui import number


@verb_view(right=Right.EDIT_FLOWS)
def end(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET asks, POST ends: whoever is inside is cancelled."""
    with account_scope(request.account.pk):
        row = find(request, flow_id)
        left = ending.left(flow_id)
    if request.method == "POST":
        verbs.end(request.account.pk, flow_id, by=request.actor)
        messages.info(request, _("“%s” has ended.") % row.flow.name)
        return redirect("web:flow", request.account.slug, flow_id)
    people = ngettext(
        "%(shown)s person is cancelled for good", "%(shown)s people are cancelled for good", left.participants
    ) % {"shown": number(left.participants)}
    unsent = ngettext(
        "and %(shown)s message that is not sent yet never will be.",
        "and %(shown)s messages that are not sent yet never will be.",
        left.messages,
    ) % {"shown": number(left.messages)}
    return ask(
        request,
        title=_("End “%s”?") % row.flow.name,
        text=(f"{people}, {unsent}" if left.messages else f"{people}.") if left else _("Nobody is in it."),
        verb=_("End flow and cancel %s") % number(left.participants) if left.participants else _("End flow"),
        is_dangerous=True,
        back=_page_of(request, flow_id),
    )


@verb_view(right=Right.EDIT_FLOWS)
def delete(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET asks and says what goes, POST deletes."""
    with account_scope(request.account.pk):
        row = find(request, flow_id)
        if request.method != "POST":
            return ask(
                request,
                title=_("Delete “%s”?") % row.flow.name,
                text=_what_goes(row),
                verb=_delete_verb(row),
                is_dangerous=True,
                back=_page_of(request, flow_id),
            )
    verbs.delete(request.account.pk, flow_id, by=request.actor)
    messages.info(request, _("“%s” is deleted.") % row.flow.name)
    return redirect("web:flows", request.account.slug)


@verb_view(right=Right.EDIT_FLOWS)
def copy(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET asks, POST copies and opens the copy."""
    with account_scope(request.account.pk):
        row = find(request, flow_id)
    if request.method == "POST":
        made = copying.copy(request.account.pk, flow_id, by=request.actor)
        messages.info(request, _("“%(copy)s” is a copy of “%(name)s”.") % {"copy": made.name, "name": row.flow.name})
        return redirect("web:flow", request.account.slug, made.pk)
    return ask(
        request,
        title=_("Copy “%s”?") % row.flow.name,
        text=_("The copy has steps and e-mails of its own, nobody in it, and is not running."),
        verb=_("Copy flow"),
        back=_page_of(request, flow_id),
    )


@verb_view(right=Right.EDIT_FLOWS)
def file(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET asks which folder, POST moves the flow there."""
    with account_scope(request.account.pk):
        row = find(request, flow_id)
        if request.method != "POST":
            return _ask_folder(request, row.flow)
    try:
        filing.file(request.account.pk, flow_id, read_id(request.POST.get("folder")), by=request.actor)
    except Folder.DoesNotExist:
        with account_scope(request.account.pk):
            return _ask_folder(request, row.flow, fault=_("That folder is gone. Choose another."), status=422)
    return redirect("web:flow", request.account.slug, flow_id)


def _ask_folder(request: AccountRequest, flow: Flow, *, fault: str = "", status: int = 200) -> HttpResponse:
    known = folders.everything()
    choices = [
        {"id": each.pk, "name": " / ".join(one.name for one in folders.path_to(each.pk, known))}
        for each in known.values()
    ]
    return ask(
        request,
        title=_("Move “%s”") % flow.name,
        verb=_("Move flow"),
        body="flows/_folder_choice.html",
        back=_page_of(request, flow.pk),
        status=status,
        choices=sorted(choices, key=lambda each: str(each["name"]).casefold()),
        present=flow.folder_id,
        fault=fault,
    )


def _what_goes(row: FlowRow) -> str:
    """ "The flow, its 2 e-mails and the story of 1 284 people are deleted for good." """
    contents = Content.objects.filter(flow_id=row.flow.pk).count()
    people = row.counts.enrolled
    parts = []
    if contents:
        parts.append(ngettext("its %(shown)s e-mail", "its %(shown)s e-mails", contents) % {"shown": number(contents)})
    if people:
        parts.append(
            ngettext("the story of %(shown)s person in it", "the story of %(shown)s people in it", people)
            % {"shown": number(people)}
        )
    if not parts:
        return _("The flow and its steps are deleted for good. Nobody has been in it.")
    if len(parts) == 1:
        return _("The flow, its steps and %s are deleted for good.") % parts[0]
    return _("The flow, its steps, %(first)s and %(second)s are deleted for good.") % {
        "first": parts[0],
        "second": parts[1],
    }


def _delete_verb(row: FlowRow) -> str:
    people = row.counts.enrolled
    if not people:
        return _("Delete flow")
    shown = {"shown": number(people)}
    return ngettext("Delete flow and %(shown)s story", "Delete flow and %(shown)s stories", people) % shown


def _page_of(request: AccountRequest, flow_id: int) -> str:
    return reverse("web:flow", args=[request.account.slug, flow_id])
