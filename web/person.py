"""What belongs to a person rather than an account: their name and language, and opening another account."""

from typing import Any, cast

from allauth.account.internal.flows.email_verification import send_verification_email_for_user
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, get_language_info, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from web import countries, time_zones
from web.entrance import steady
from web.kit_form import KitForm
from web.mails import MailNotSent
from web.opening import open_account


def languages() -> list[tuple[str, str]]:
    """Each language under its own name, so that everybody finds theirs."""
    return [(code, get_language_info(code)["name_local"].capitalize()) for code, _name in settings.LANGUAGES]


class PersonForm(KitForm):
    """Name and language."""

    name = forms.CharField(
        label=gettext_lazy("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["language"]).choices = [("", _("As the browser")), *languages()]


class NewAccountForm(KitForm):
    """Another account for somebody who has a login."""

    organisation = forms.CharField(
        label=gettext_lazy("Organisation"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), choices=time_zones.choices, initial=time_zones.DEFAULT
    )


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """Name and language, and the ways to everything about logging in."""
    user = cast(User, request.user)
    form = PersonForm(request.POST or None, initial={"name": user.name, "language": user.language})
    if request.method == "POST" and form.is_valid():
        user.name, user.language = form.cleaned_data["name"], form.cleaned_data["language"]
        user.save(update_fields=["name", "language"])
        messages.success(request, _("Saved."))
        return redirect("me")
    has_two_steps = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()
    page = {"form": form, "has_two_steps": has_two_steps}
    return render(request, "person/overview.html", page, status=422 if form.errors else 200)


@require_POST
@login_required
@steady
def send_verification(request: HttpRequest) -> HttpResponse:
    """The mail with the link to confirm the address once more; back to the page that asked."""
    user = cast(User, request.user)
    try:
        if getattr(user, "is_unverified", False) and not send_verification_email_for_user(request, user):
            messages.info(request, _("A mail went out a moment ago. Look in your spam folder too."))
    except MailNotSent:
        messages.error(request, _("No mail could be sent just now. Try again in a few minutes."))
    came_from = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, request.is_secure())
    return redirect(came_from if is_ours else "me")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def new_account(request: HttpRequest) -> HttpResponse:
    """Another account with this person as its owner."""
    form = NewAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        time_zone, language = form.cleaned_data["time_zone"], get_language() or ""
        try:
            account = open_account(
                form.cleaned_data["organisation"],
                cast(User, request.user),
                time_zone=time_zone,
                language=language,
                country=countries.of(time_zone, language),
            )
            return redirect("web:flows", account.slug)
        except ValidationError as error:
            form.add_error("organisation", error)
    return render(request, "person/new_account.html", {"form": form}, status=422 if form.errors else 200)
