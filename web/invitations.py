"""Where the link of an invitation leads: in, for whoever the mail was for."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import invitations
from accounts.history import NotAllowed
from accounts.models import User
from web import errors


@never_cache
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """GET says who invites into what, and how to get in; POST accepts for the person who is logged in."""
    found = invitations.find(token)
    if found is None:
        return render(request, "invitations/gone.html", status=404)
    if request.method == "POST" and request.user.is_authenticated:
        return _accept(request, token)
    invitation, account = found
    page = {
        "invitation": invitation,
        "account": None,  # the frame of an account is for its members
        "inviting": account,
        "token": token,
        "has_login": User.objects.filter(email=invitation.email).exists(),
        "is_theirs": request.user.is_authenticated and request.user.email == invitation.email,
    }
    return render(request, "invitations/answer.html", page)


def _accept(request: HttpRequest, token: str) -> HttpResponse:
    try:
        account = invitations.accept(token, cast(User, request.user))
    except NotAllowed as error:
        return errors.refused(request, error)
    messages.success(request, _("You are a member of %s now.") % account.name)
    return redirect("web:flows", account.slug)
