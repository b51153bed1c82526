"""Logging in with address and password, and out."""

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from web import limits

TELL_FROM = 3  # tries left from which on the number is told


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """The form; on the right password the page asked for, else the same answer whoever was meant."""
    going_to = request.POST.get("next", request.GET.get("next", ""))
    if request.method == "GET":
        if request.user.is_authenticated:
            return _go(request, going_to)
        return _form(request, going_to)
    address = request.POST.get("email", "").replace("\x00", "").strip()
    guesses = limits.Guesses.of(request, address)
    if not guesses.left():
        return _paused(request, going_to, address)
    # For an unknown address Django hashes the password too, so that the time tells nothing.
    user = authenticate(request, username=address, password=request.POST.get("password", ""))
    if user is None:
        guesses.failed()
        left = guesses.left()
        return _form(request, going_to, address, _wrong(left)) if left else _paused(request, going_to, address)
    guesses.succeeded()
    login(request, user)
    return _go(request, going_to)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """Out, on this device."""
    logout(request)
    return redirect("web:login")


def _form(
    request: HttpRequest, going_to: str, address: str = "", error: str = "", *, status: int = 200
) -> HttpResponse:
    page = {"next": going_to, "address": address, "error": error}
    return render(request, "sign_in/login.html", page, status=status)


def _paused(request: HttpRequest, going_to: str, address: str) -> HttpResponse:
    error = _("Too many tries. Wait %(minutes)s minutes, then try again.") % {"minutes": limits.WINDOW // 60}
    response = _form(request, going_to, address, error, status=429)
    response["Retry-After"] = str(limits.WINDOW)
    return response


def _wrong(left: int) -> str:
    said = _("That e-mail and password do not go together.")
    if left > TELL_FROM:
        return said
    more = ngettext(
        "%(left)s try left before a pause of %(minutes)s minutes.",
        "%(left)s tries left before a pause of %(minutes)s minutes.",
        left,
    )
    return f"{said} {more % {'left': left, 'minutes': limits.WINDOW // 60}}"


def _go(request: HttpRequest, going_to: str) -> HttpResponseRedirect:
    """To the page asked for if it is one of ours, else to the first page."""
    is_ours = url_has_allowed_host_and_scheme(
        going_to, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(going_to if is_ours else "web:home")
