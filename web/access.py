"""Who may see a page: every view of an account goes through one of two wrappers here.

Both settle the member anew for each request (`request.account`, `request.actor`): someone who was removed is out at
once, and a stranger's page is 404, never 403. They differ in who opens the account's scope.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts import sign_in
from accounts.actors import Actor, read_by
from accounts.history import NotAllowed
from accounts.models import Account, User
from accounts.rights import Right
from accounts.tenancy import account_scope
from web import errors

P = ParamSpec("P")


class AccountRequest(HttpRequest):
    """A request whose person is a member of the account in its address."""

    account: Account
    actor: Actor
    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[AccountRequest, P], HttpResponse]
Wrapped = Callable[Concatenate[HttpRequest, str, P], HttpResponse]


class _Undone(Exception):
    """Carries an answer of 400 or more out of its scope, so that what the view wrote is rolled back."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response


def account_view(*, right: Right = Right.SEE) -> Callable[[View[P]], Wrapped[P]]:
    """A view that runs and is rendered inside the account's scope: one transaction, rolled back from 400 up."""

    def declare(view: View[P]) -> Wrapped[P]:
        @wraps(view)
        def scoped(request: AccountRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                with account_scope(request.account.pk):
                    response = view(request, *args, **kwargs)
                    if response.status_code >= 400:
                        raise _Undone(response)
                    return response
            except _Undone as undone:
                return undone.response

        return _members_only(scoped, right)

    return declare


def verb_view(*, right: Right = Right.OPERATE) -> Callable[[View[P]], Wrapped[P]]:
    """A view that calls a lifecycle verb or an edit, which open durable scopes of their own.

    It fetches in one short scope, calls the verb outside any, and renders in a third.
    """

    def declare(view: View[P]) -> Wrapped[P]:
        return _members_only(view, right)

    return declare


def _members_only(view: View[P], right: Right) -> Wrapped[P]:
    @never_cache
    @wraps(view)
    def checked(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_login(request)
        found = sign_in.member_actor(request.user, slug)
        if found is None:
            return errors.not_found(request)
        own = cast(AccountRequest, request)
        own.account, own.actor = found
        with timezone.override(own.account.time_zone), read_by(own.actor):
            if not own.actor.may(right):
                return errors.right_missing(own, right)
            _leave_out_zero_bytes(own)
            return _run(view, own, *args, **kwargs)

    return checked


def _run(view: View[P], request: AccountRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
    try:
        return view(request, *args, **kwargs)
    except Http404 as error:
        return errors.not_found(request, error)
    except ObjectDoesNotExist:  # a verb found it gone: somebody was faster
        return errors.not_found(request)
    except NotAllowed as error:
        return errors.refused(request, error)


def _leave_out_zero_bytes(request: AccountRequest) -> None:
    """From all fields that were sent: no keyboard makes one, and PostgreSQL keeps none."""
    if any("\x00" in text for _name, texts in request.POST.lists() for text in texts):
        data = request.POST.copy()
        for name, texts in request.POST.lists():
            data.setlist(name, [text.replace("\x00", "") for text in texts])
        request.POST = data  # type: ignore[assignment]  # any QueryDict will do


def _to_login(request: HttpRequest) -> HttpResponse:
    """Log in and come back: to this page, or for a button to the page it stood on."""
    htmx = cast(AccountRequest, request).htmx
    if htmx:
        return HttpResponseClientRedirect(redirect_to_login(_stood_on(htmx)).url)
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")


def _stood_on(htmx: HtmxDetails) -> str:
    """The page that a button stood on, without its site; any header can be sent, also one that is no address."""
    try:
        page = urlsplit(htmx.current_url or "")
    except ValueError:
        return "/"
    return (page.path + (f"?{page.query}" if page.query else "")) or "/"
