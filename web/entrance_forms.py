"""The forms of the front door: allauth's, with our fields, words and looks."""

from typing import Any, cast

from allauth.account import forms as account_forms
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import invitations
from accounts.models import Account, Invitation, User
from web import countries
from web.kit_form import KitForm
from web.opening import open_account
from web.time_zones import DEFAULT, choices

NEW_PASSWORD_HINT = _("At least 12 characters. A sentence is fine.")
WHOLE_ADDRESS = _("Write a whole address, such as name@example.com.")


def _new_password(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        help_text=NEW_PASSWORD_HINT,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


def _address(**attrs: str) -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": "username", **attrs})
    return forms.EmailField(label=_("E-mail"), widget=widget, error_messages={"invalid": WHOLE_ADDRESS})


class LogInForm(KitForm, account_forms.LoginForm):
    """Address and password. Whatever is wrong gets one answer, from the adapter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # No check of its form: an address that is none simply opens nothing.
        widget = forms.EmailInput(attrs={"autocomplete": "username"})
        self.fields["login"] = forms.CharField(label=_("E-mail"), widget=widget, max_length=254)
        self.fields["password"].help_text = ""
        self.dress()


class SignUpForm(KitForm, account_forms.SignupForm):
    """Makes a person together with their account, or lets someone who was invited in."""

    organisation = forms.CharField(
        label=_("Organisation"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=choices, initial=DEFAULT)
    field_order = ["organisation", "name", "email", "password1", "time_zone"]

    account: Account

    def __init__(self, *args: Any, token: str = "", invitation: Invitation | None = None, **kwargs: Any) -> None:
        self.token, self.invitation = token, invitation
        super().__init__(*args, **kwargs)
        self.fields["email"] = _address()
        self.fields["password1"] = _new_password(_("Password"))
        self.fields["time_zone"].widget.attrs["data-time-zone"] = ""
        if invitation:
            del self.fields["organisation"], self.fields["time_zone"]
            self.fields["email"].disabled, self.fields["email"].initial = True, invitation.email
        self.order_fields(self.field_order)
        self.dress()

    @transaction.atomic
    def save(self, request: HttpRequest) -> AbstractBaseUser:
        """The person and their account, or neither."""
        user: User = super().save(request)
        user.name = self.cleaned_data["name"]
        user.language = get_language() or ""
        user.save(update_fields=["name", "language"])
        if self.invitation:
            self.account = invitations.accept(self.token, user)
            return user
        self.account = open_account(
            self.cleaned_data["organisation"],
            user,
            time_zone=self.cleaned_data["time_zone"],
            language=user.language,
            country=countries.of(self.cleaned_data["time_zone"], user.language),
        )
        return user


class ResetForm(KitForm, account_forms.ResetPasswordForm):
    """Where the mail with the link goes."""

    email = _address()


class NewPasswordForm(KitForm, account_forms.ResetPasswordKeyForm):
    """A new password, once: a person who mistypes it can ask for another link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label, self.fields["password1"].help_text = _("New password"), NEW_PASSWORD_HINT
        del self.fields["password2"]


class ChangePasswordForm(KitForm, account_forms.ChangePasswordForm):
    """The old password and a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label, self.fields["oldpassword"].help_text = _("Password now"), ""
        self.fields["password1"].label, self.fields["password1"].help_text = _("New password"), NEW_PASSWORD_HINT
        del self.fields["password2"]

    def clean_oldpassword(self) -> str:
        """In our words."""
        try:
            return str(super().clean_oldpassword())
        except ValidationError:
            raise ValidationError(_("That is not your password.")) from None


class PasswordAgainForm(KitForm, account_forms.ReauthenticateForm):
    """The password once more, before something that matters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label, self.fields["password"].help_text = _("Password"), ""


class _WithCode(KitForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = cast(forms.CharField, self.fields["code"])
        code.label, code.max_length = _("Code"), 20
        code.widget.attrs.update({"inputmode": "numeric", "autofocus": True})


class CodeForm(_WithCode, mfa_forms.AuthenticateForm):
    """The second step of logging in."""


class CodeAgainForm(_WithCode, mfa_forms.ReauthenticateForm):
    """A code instead of the password, before something that matters."""


class FirstCodeForm(_WithCode, ActivateTOTPForm):
    """The first code of a new app, which shows that it was set up right."""
