"""The local inbox of a development machine: what left for this account's people, readable on a page.

Mails lie in one folder for all accounts. A page shows those whose Message-ID is one of this account's messages.
"""

from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from flows.models import Flow
from messaging.models import Message
from web.access import AccountRequest, account_view
from web.flow_rows import visible_to
from web.mailbox import Mail, names, read, read_all
from web.security import HEADER, MAIL

ON_A_PAGE = 50
LOOKED_AT = 200  # files per page: other accounts' mails are passed over, but not without end
SHOWN = {"letter": _("E-mail"), "text": _("Text"), "headers": _("Headers")}


class Page(NamedTuple):
    """Mails of this account, newest first, and where older ones begin."""

    mails: list[Mail]
    older: str


@account_view()
def overview(request: AccountRequest) -> HttpResponse:
    """The newest mails, or those before `?before=`."""
    page = _page(_folder(), request.GET.get("before", ""))
    return render(request, "inbox/list.html", {"place": "inbox", "page": page})


@account_view()
def detail(request: AccountRequest, name: str) -> HttpResponse:
    """One mail beside the list: as its reader sees it, as text, or its headers (`?show=`)."""
    folder = _folder()
    mail, message = _find(folder, name)
    show = request.GET.get("show", "")
    if show not in SHOWN:
        show = "letter" if mail.html else "text"
    before = request.GET.get("before", "")
    return render(
        request,
        "inbox/detail.html",
        {
            "place": "inbox",
            "page": _page(folder, before),
            "before": before,
            "mail": mail,
            "show": show,
            "shown": SHOWN.items(),
            "flow": Flow.objects.filter(visible_to(request.actor), pk=message.flow_id).first(),
        },
    )


@account_view()
def letter(request: AccountRequest, name: str) -> HttpResponse:
    """The HTML of one mail, for the sandboxed frame: no scripts, no forms, no origin."""
    mail, _message = _find(_folder(), name)
    if not mail.html:
        raise Http404
    response = HttpResponse(mail.html)
    response[HEADER] = MAIL
    return response


def _folder() -> Path:
    if not settings.INBOX_DIR:
        raise Http404
    return Path(settings.INBOX_DIR)


def _page(folder: Path, before: str) -> Page:
    waiting = names(folder, before=before)
    mails = read_all(folder, waiting[:LOOKED_AT])
    own = _own([mail.message_id for mail in mails])
    shown = [mail for mail in mails if mail.message_id in own][:ON_A_PAGE]
    seen_to = shown[-1].name if len(shown) == ON_A_PAGE else (waiting[:LOOKED_AT] or [""])[-1]
    return Page(shown, seen_to if waiting and seen_to != waiting[-1] else "")


def _find(folder: Path, name: str) -> tuple[Mail, Message]:
    mail = read(folder, name)
    message = mail and mail.message_id and Message.objects.filter(message_id=mail.message_id).first()
    if not mail or not message:
        raise Http404
    return mail, message


def _own(message_ids: list[str]) -> set[str]:
    """Which of these are messages of the account in scope."""
    wanted = [message_id for message_id in message_ids if message_id]
    return set(Message.objects.filter(message_id__in=wanted).values_list("message_id", flat=True))
