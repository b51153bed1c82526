"""How allauth does things here: failed passwords are counted by web/limits.py, mails and words are ours."""

import ipaddress
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from web import limits, mails

TELL_FROM: Final = 3  # tries left from which on the number is told
WRONG, PAUSED = "wrong", "paused"  # codes of a refused password
# Somebody waits for these: the view that sends them says when they could not be sent.
WAITED_FOR: Final = {
    "account/email/password_reset_key",
    "account/email/unknown_account",
    "account/email/email_confirmation",
}


class AccountAdapter(DefaultAccountAdapter):
    """What allauth.account asks of an installation."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_taken": gettext_lazy("Someone logs in with that address already. If it is you, log in instead."),
        "enter_current_password": gettext_lazy("That is not your password."),
        "incorrect_password": gettext_lazy("That is not your password."),
        "invalid_password_reset": gettext_lazy("This link was used or is out of date."),
        "rate_limited": gettext_lazy("Too many tries. Wait a few minutes, then try again."),
        "too_many_login_attempts": gettext_lazy("Too many tries. Wait a few minutes, then try again."),
    }

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """The person, or a ValidationError that says the same whoever was meant."""
        guesses = limits.Guesses.of(request, str(credentials.get("email", "")))
        if not guesses.left():
            raise _paused()
        # For an unknown address Django hashes the password too, so that the time tells nothing.
        user = authenticate(request, **credentials)
        if user is None:
            guesses.failed()
            raise _wrong(left) if (left := guesses.left()) else _paused()
        guesses.succeeded()
        return user

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """The password once more; too many wrong ones make the same pause."""
        try:
            return bool(super().reauthenticate(user, password))
        except ValidationError as error:
            if error.code == PAUSED:
                raise
            return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Where a request comes from, as an address that the list of sessions can keep."""
        try:
            return str(ipaddress.ip_address(limits.ip_of(request)))
        except ValueError:  # over a Unix socket there is none
            return str(ipaddress.IPv6Address(0))

    def is_ajax(self, request: HttpRequest) -> bool:
        """Never: the pages answer with pages."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language of its reader. Mail that nobody waits for may fail: a notice says so."""
        language = getattr(context.get("user"), "language", "") or get_language() or ""
        said = {**context, "email": email, "signup_url": mails.address(reverse("account_signup"))}
        try:
            mails.send(template_prefix, email, said, language=language)
        except mails.MailNotSent:
            if template_prefix in WAITED_FOR:
                raise
            messages.warning(self.request, _("A mail to %s could not be sent.") % email)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The address in the mail; allauth's key is a person and a token with a hyphen between them."""
        person, _hyphen, token = key.partition("-")
        return mails.address(reverse("account_reset_password_from_key", args=[person, token]))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """The address in the mail that confirms."""
        return mails.address(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to where the change was asked for."""
        return reverse("me")

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        """On to work, or to log in."""
        return reverse("web:home") if self.request.user.is_authenticated else reverse("account_login")

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        """Someone who was switched off learns nothing."""
        return redirect("account_login")


def _paused() -> ValidationError:
    minutes = limits.WINDOW // 60
    return ValidationError(
        _("Too many tries. Wait %(minutes)s minutes, then try again.") % {"minutes": minutes}, PAUSED
    )


def _wrong(left: int) -> ValidationError:
    said = _("That e-mail and password do not go together.")
    if left <= TELL_FROM:
        more = ngettext(
            "%(left)s try left before a pause of %(minutes)s minutes.",
            "%(left)s tries left before a pause of %(minutes)s minutes.",
            left,
        )
        said = f"{said} {more % {'left': left, 'minutes': limits.WINDOW // 60}}"
    return ValidationError(said, WRONG)
