"""One person in a flow: the story of their walk, and letting them leave or erasing it."""

from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.path import Path
from participants import commands
from participants.models import Participant, ParticipantStatus
from records.models import Record
from web.access import AccountRequest, account_view, verb_view
from web.asking import ask
from web.flow_page import find, frame
from web.paging import read_id
from web.participants import rows_of
from web.story import Story
from web.templatetags.ui import number, record_name

MOST_AT_ONCE: Final = 100


@account_view()
@require_GET
def detail(request: AccountRequest, flow_id: int, participant_id: int) -> HttpResponse:
    """The story: a drawer beside the list, and a page of its own without scripts."""
    row = find(request, flow_id)
    participant = get_object_or_404(Participant, pk=participant_id, flow_id=flow_id)
    path = Path.of(row.flow)
    page = {
        "place": "flows",
        "row": row,
        "each": rows_of(row.flow, path, [participant])[0],
        "participant": participant,
        "entries": Story(participant, row.flow, path, request.account).entries(),
        "is_active": participant.status == ParticipantStatus.ACTIVE,
        "is_drawer": bool(request.htmx) and not request.htmx.history_restore_request,
    }
    if page["is_drawer"]:
        return render(request, "flows/_story.html", page)
    return render(request, "flows/participant.html", {**page, **frame(request, row.flow, "participants")})


@account_view()
@require_GET
def menu(request: AccountRequest, flow_id: int, participant_id: int) -> HttpResponse:
    """What can be done with them, for the menu of their row as it opens."""
    find(request, flow_id)
    participant = get_object_or_404(Participant, pk=participant_id, flow_id=flow_id)
    record = Record.objects.filter(pk=participant.record_id).first()
    story = reverse("web:participant", args=[request.account.slug, flow_id, participant_id])
    page = {"participant": participant, "each": {"record": record}, "story": story}
    return render(request, "flows/_participant_menu.html", page)


@verb_view(right=Right.OPERATE)
def leave(request: AccountRequest, flow_id: int, participant_id: int) -> HttpResponse:
    """GET asks, POST takes the person out; the story stays."""
    with account_scope(request.account.pk):
        find(request, flow_id)
        participant, name = _person(flow_id, participant_id)
    if request.method != "POST":
        return ask(
            request,
            title=_("Let %s leave the flow?") % name,
            text=_("They go no further, and a message that is not sent yet never will be. Their story stays."),
            verb=_("Leave flow"),
            is_dangerous=True,
            back=_list(request, flow_id),
        )
    commands.leave(request.account.pk, participant.pk, by=request.actor)
    messages.info(request, _("%s has left the flow.") % name)
    return redirect("web:participants", request.account.slug, flow_id)


@verb_view(right=Right.EDIT_FLOWS)
def erase(request: AccountRequest, flow_id: int, participant_id: int) -> HttpResponse:
    """GET asks, POST removes every trace of the walk."""
    with account_scope(request.account.pk):
        find(request, flow_id)
        participant, name = _person(flow_id, participant_id)
    if request.method != "POST":
        return ask(
            request,
            title=_("Erase %s from the flow?") % name,
            text=_("They leave at once, their story here is deleted and no count knows of them. They may enter again."),
            verb=_("Erase 1 person"),
            is_dangerous=True,
            back=_list(request, flow_id),
        )
    commands.erase(request.account.pk, participant.pk, by=request.actor)
    messages.info(request, _("%s is erased from the flow.") % name)
    return redirect("web:participants", request.account.slug, flow_id)


@verb_view(right=Right.OPERATE)
def leave_chosen(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET asks about those whom `?participant=` names, POST takes them out."""
    with account_scope(request.account.pk):
        find(request, flow_id)
        walks = Participant.objects.filter(flow_id=flow_id, pk__in=_chosen(request))
        active = list(walks.filter(status=ParticipantStatus.ACTIVE).values_list("pk", flat=True))
    if request.method != "POST":
        return ask(
            request,
            title=ngettext("Let %s person leave the flow?", "Let %s people leave the flow?", len(active))
            % number(len(active)),
            text=_("They go no further, and a message that is not sent yet never will be. Their stories stay."),
            verb=_("Leave flow"),
            is_dangerous=True,
            back=_list(request, flow_id),
        )
    left = commands.leave_together(request.account.pk, flow_id, active, by=request.actor)
    said = ngettext("%s person has left the flow.", "%s people have left the flow.", left) % number(left)
    messages.info(request, said)
    return redirect("web:participants", request.account.slug, flow_id)


@verb_view(right=Right.EDIT_FLOWS)
def erase_chosen(request: AccountRequest, flow_id: int) -> HttpResponse:
    """GET asks about those whom `?participant=` names, POST removes every trace of their walks."""
    with account_scope(request.account.pk):
        find(request, flow_id)
        chosen = Participant.objects.filter(flow_id=flow_id, pk__in=_chosen(request))
        walks = list(chosen.values_list("pk", flat=True))
    if request.method != "POST":
        many = number(len(walks))
        return ask(
            request,
            title=ngettext("Erase %s person from the flow?", "Erase %s people from the flow?", len(walks)) % many,
            text=_("They leave at once, their story here is deleted and no count knows of them. They may enter again."),
            verb=ngettext("Erase %s person", "Erase %s people", len(walks)) % many,
            is_dangerous=True,
            back=_list(request, flow_id),
        )
    gone = commands.erase_together(request.account.pk, flow_id, walks, by=request.actor)
    said = ngettext("%s person is erased from the flow.", "%s people are erased from the flow.", gone) % number(gone)
    messages.info(request, said)
    return redirect("web:participants", request.account.slug, flow_id)


def _chosen(request: AccountRequest) -> list[int]:
    """From the address, which the question posts to: at most as many as a page shows."""
    ids = [read_id(each) for each in request.GET.getlist("participant")[:MOST_AT_ONCE]]
    return [each for each in ids if each is not None]


def _person(flow_id: int, participant_id: int) -> tuple[Participant, str]:
    participant = get_object_or_404(Participant, pk=participant_id, flow_id=flow_id)
    return participant, record_name(Record.objects.filter(pk=participant.record_id).first())


def _list(request: AccountRequest, flow_id: int) -> str:
    return reverse("web:participants", args=[request.account.slug, flow_id])
