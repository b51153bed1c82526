"""The local inbox of a development machine: what left for this account's people and members, readable on a page.

Mails lie in one folder for all accounts. Three kinds belong to an account: its messages, known by their Message-ID;
what names it in its header (test sends, and invitations, which only admins read); and mail of Flyt itself to one of its
members, which may hold a link that signs in, so only that member reads it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Member
from accounts.rights import Right
from flows.models import Flow
from flows.visibility import visible_to
from messaging.models import Message
from messaging.sending_tests import HEADER as TEST
from web.access import AccountRequest, account_view
from web.mailbox import Mail, names, read, read_all
from web.mails import ACCOUNT_HEADER
from web.record_rows import clean
from web.security import HEADER, MAIL

ON_A_PAGE: Final = 50
LOOKED_AT: Final = 200  # files per page: other accounts' mails are passed over, but not without end
SHOWN: Final = {"letter": _("E-mail"), "text": _("Text"), "headers": _("Headers")}
READ, READ_TO = "inbox_read", "inbox_read_to"  # in the session: names read one by one, and up to which all are
REMEMBERED: Final = 300
FROM_A_FLOW = "List-Unsubscribe"  # every message to an audience carries it, no other mail does


@dataclass(frozen=True)
class Letter:
    """A mail of this account. `message` is what a flow sent; `is_sealed`: for one member only, and not this one."""

    mail: Mail
    message: Message | None = None
    is_sealed: bool = False
    is_unread: bool = False


@dataclass(frozen=True)
class Page:
    """Letters of this account, newest first, and where older ones begin."""

    letters: list[Letter]
    older: str


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """The newest mails, or those before `?before=`; `?search=` keeps those whose subject or reader has it."""
    return render(request, "inbox/list.html", _listed(request))


@account_view()
@require_GET
def detail(request: AccountRequest, name: str) -> HttpResponse:
    """One mail beside the list: as its reader sees it, as text, or its headers (`?show=`)."""
    letter = _find(request, name)
    _note_read(request, letter)
    show = request.GET.get("show", "")
    if show not in SHOWN:
        show = "letter" if letter.mail.html else "text"
    visible = Flow.objects.filter(visible_to(request.actor))
    context = {
        **_listed(request),
        "letter": letter,
        "mail": letter.mail,
        "show": show,
        "shown": SHOWN.items(),
        "flow": visible.filter(pk=letter.message.flow_id).first() if letter.message else None,
    }
    return render(request, "inbox/detail.html", context)


@account_view()
@require_GET
def letter(request: AccountRequest, name: str) -> HttpResponse:
    """The HTML of one mail, for the sandboxed frame: no scripts, no forms, no origin."""
    found = _find(request, name)
    if found.is_sealed or not found.mail.html:
        raise Http404
    response = HttpResponse(found.mail.html)
    response[HEADER] = MAIL
    return response


@account_view()
@require_POST
def mark_read(request: AccountRequest) -> HttpResponse:
    """Everything that is there now counts as read by this person."""
    newest = next(iter(names(_folder())), "")
    request.session[READ_TO], request.session[READ] = newest, []
    return redirect("web:inbox", request.account.slug)


def _folder() -> Path:
    if not settings.INBOX_DIR:
        raise Http404
    return Path(settings.INBOX_DIR)


def _listed(request: AccountRequest) -> dict[str, Any]:
    before, search = request.GET.get("before", ""), clean(request.GET.get("search"))
    return {"place": "inbox", "page": _page(request, before, search), "before": before, "search": search}


def _page(request: AccountRequest, before: str, search: str) -> Page:
    waiting = names(_folder(), before=before)
    looked_at = waiting[:LOOKED_AT]
    own = [each for each in _own(request, read_all(_folder(), looked_at)) if _has(each.mail, search)]
    shown = own[:ON_A_PAGE]
    seen_to = shown[-1].mail.name if len(own) > ON_A_PAGE else (looked_at or [""])[-1]
    return Page(shown, seen_to if waiting and seen_to != waiting[-1] else "")


def _has(mail: Mail, search: str) -> bool:
    return search.casefold() in f"{mail.subject}\n{mail.recipient}".casefold()


def _find(request: AccountRequest, name: str) -> Letter:
    mail = read(_folder(), name)
    own = _own(request, [mail]) if mail else []
    if not own:
        raise Http404
    return own[0]


def _own(request: AccountRequest, mails: list[Mail]) -> list[Letter]:
    """Those of the mails that belong to the account in scope, in two queries however many there are."""
    wanted = [mail.message_id for mail in mails if mail.message_id]
    found = {each.message_id: each for each in Message.objects.filter(message_id__in=wanted)}
    members = set(Member.objects.values_list("user__email", flat=True))
    letters = []
    for mail in mails:
        message = found.get(mail.message_id)
        is_of_flyt = not mail.has(FROM_A_FLOW) and mail.header(ACCOUNT_HEADER) == ""
        if message or mail.header(ACCOUNT_HEADER) == str(request.account.pk):
            is_sealed = not (message or mail.has(TEST) or request.actor.may(Right.ADMINISTER))
        elif is_of_flyt and mail.recipient.lower() in members:
            is_sealed = True
        else:
            continue
        is_sealed = is_sealed and mail.recipient.lower() != request.user.email
        letters.append(Letter(mail, message, is_sealed, _is_unread(request, mail)))
    return letters


def _is_unread(request: AccountRequest, mail: Mail) -> bool:
    return mail.name > request.session.get(READ_TO, "") and mail.name not in request.session.get(READ, [])


def _note_read(request: AccountRequest, letter: Letter) -> None:
    if letter.is_unread:
        request.session[READ] = [letter.mail.name, *request.session.get(READ, [])][:REMEMBERED]
