"""Where a person is logged in, and ending it there."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from scheduling.clock import now

# The first that is found counts: most browsers also name those they descend from.
BROWSERS: Final = (
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"(Firefox|FxiOS)/"),
    ("Chrome", r"(Chrome|CriOS|Chromium)/"),
    ("Safari", r"Safari/"),
)
SYSTEMS: Final = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)


@dataclass(frozen=True)
class Shown:
    """One line of the list."""

    id: int
    device: str
    ip: str
    began_at: datetime
    is_this: bool


@never_cache
@login_required
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Every open session, this one first."""
    user = cast(User, request.user)
    if not _open(user).filter(session_key=request.session.session_key).exists():
        UserSession.objects.create_from_request(request)
    this = request.session.session_key
    shown = [
        Shown(each.pk, device(each.user_agent), each.ip, each.created_at, each.session_key == this)
        for each in _open(user)
    ]
    shown.sort(key=lambda each: not each.is_this)
    return render(request, "usersessions/usersession_list.html", {"sessions": shown})


@require_POST
@login_required
def end(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of one's own other sessions; ending this one is logging out."""
    user = cast(User, request.user)
    session = _others(request).filter(pk=session_id).first()
    if session is None:
        raise Http404(f"no other session {session_id} of {user.pk}")
    session.end()
    messages.success(request, _("That session has ended."))
    return redirect("usersessions_list")


@require_POST
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    """End all but this one."""
    for session in _others(request):
        session.end()
    messages.success(request, _("Every other session has ended."))
    return redirect("usersessions_list")


def device(user_agent: str) -> str:
    """ "Firefox on Linux", as far as a browser says what it is."""
    browser = next((name for name, sign in BROWSERS if re.search(sign, user_agent)), "")
    system = next((name for name, sign in SYSTEMS if re.search(sign, user_agent)), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")


def _open(user: User) -> "QuerySet[UserSession]":
    alive = Session.objects.filter(expire_date__gt=now()).values("session_key")
    return UserSession.objects.filter(user=user, session_key__in=alive).order_by("-created_at")


def _others(request: HttpRequest) -> "QuerySet[UserSession]":
    return UserSession.objects.filter(user=cast(User, request.user)).exclude(session_key=request.session.session_key)
