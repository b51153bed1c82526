"""The front door: logging in and out, making an account, a new password, confirming an address.

The work is allauth's; these views say when something could not be done, with the right status.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from allauth.account import views
from allauth.usersessions.models import UserSession
from django.db import IntegrityError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from accounts import invitations
from accounts.history import NotAllowed
from accounts.models import Account, Invitation
from accounts.secrets_at_rest import WrongKey
from accounts.sign_in import confirm_address
from web import errors, limits
from web.allauth_adapter import PAUSED, AccountAdapter
from web.mails import MailNotSent

logger = logging.getLogger(__name__)

_WRONG_KEY: Final = gettext_lazy(
    "Its secrets were kept with another key than this installation has now. Ask whoever runs it: they can put the old "
    "key back, or turn two-step login off for you."
)
WHOLE_FORM: Final = "__all__"  # where the errors of no one field are

View = Callable[..., HttpResponseBase]


def steady(view: View) -> View:
    """A view that counts tries in the cache or reads secrets: without cache or key it says so, and nothing is kept."""

    @never_cache
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except RedisError:
            return errors.answer(request, 503, _("Not possible right now"), _("Try again in a minute."))
        except WrongKey:
            logger.exception("two-step login cannot be checked")
            return errors.answer(request, 503, _("Two-step login cannot be checked"), str(_WRONG_KEY))

    return checked


class LogIn(views.LoginView):
    """Address and password; a pause after too many wrong ones."""

    def form_invalid(self, form: Form) -> HttpResponse:
        """The form with what was wrong; 429 in a pause."""
        response: HttpResponse = super().form_invalid(form)
        if form.has_error(WHOLE_FORM, PAUSED):
            response.status_code = 429
            response["Retry-After"] = str(limits.WINDOW)
        return response


class SignUp(views.SignupView):
    """A person and their account at once; with `?invitation=` a person in the account that invited them."""

    account: Account | None = None
    invitation: Invitation | None
    inviting: Account | None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """With an invitation only while it is good."""
        self.token = request.POST.get("invitation", request.GET.get("invitation", ""))
        found = invitations.find(self.token) if self.token else None
        if self.token and not found:
            return render(request, "invitations/gone.html", status=404)
        self.invitation, self.inviting = found or (None, None)
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        """The invitation, when its link led here."""
        return {**super().get_form_kwargs(), "token": self.token, "invitation": self.invitation}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Also the account that invites."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "inviting": self.inviting}

    def form_valid(self, form: Any) -> HttpResponseBase:
        """In; or what somebody else did a moment earlier."""
        self.form = form
        try:
            response: HttpResponseBase = super().form_valid(form)
        except IntegrityError:  # the same form twice at once
            form.add_error("email", AccountAdapter.error_messages["email_taken"])
            return self.form_invalid(form)
        except NotAllowed as error:
            return errors.refused(self.request, error)
        return response

    def get_success_url(self) -> str | None:
        """The new account."""
        made = getattr(getattr(self, "form", None), "account", None)
        return reverse("web:flows", args=[made.slug]) if made else None


class Forgotten(views.PasswordResetView):
    """Asks for the address; the answer is the same whether anybody logs in with it."""

    def form_valid(self, form: Form) -> HttpResponseBase:
        """On to "look into your mail", unless no mail could be sent at all."""
        try:
            return super().form_valid(form)
        except MailNotSent:
            form.add_error(None, _("No mail could be sent just now. Try again in a few minutes."))
            response: HttpResponse = self.form_invalid(form)
            response.status_code = 503
            return response


class NewPassword(views.PasswordResetFromKeyView):
    """Where the link in the mail leads."""

    success_url = reverse_lazy("account_login")

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """404 when the link was used or is out of date."""
        return super().render_to_response(context, status=404 if context.get("token_fail") else 200, **kwargs)

    def form_valid(self, form: Form) -> HttpResponseBase:
        """The link came by mail, so it also shows whose the address is."""
        response: HttpResponseBase = super().form_valid(form)
        confirm_address(self.reset_user)
        return response


class ConfirmAddress(views.ConfirmEmailView):
    """Where the link of the first mail leads: a button, because programs that look through mail open links."""

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """404 when the link was used or is out of date."""
        return super().render_to_response(context, status=200 if self.object else 404, **kwargs)


class ChangePassword(views.PasswordChangeView):
    """The old password and a new one; every other session ends."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Who has none yet gets one by mail."""
        if request.user.is_authenticated and not request.user.has_usable_password():
            return redirect("account_reset_password")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponseBase:
        """Their keys no longer fit; take them off the list too."""
        response: HttpResponseBase = super().form_valid(form)
        for other in UserSession.objects.filter(user=form.user).exclude(session_key=self.request.session.session_key):
            other.end()
        return response


log_in = steady(LogIn.as_view())
log_out = require_POST(steady(views.logout))
sign_up = steady(SignUp.as_view())
forgotten = steady(Forgotten.as_view())
mail_sent = steady(views.password_reset_done)
new_password = steady(NewPassword.as_view())
confirm_email_address = steady(ConfirmAddress.as_view())
change_password = steady(ChangePassword.as_view())
