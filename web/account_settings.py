"""What an account is called, where its pages are, and in which zone and language it lives."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.rights import Right
from accounts.tenancy import account_scope
from web import countries, time_zones
from web.access import AccountRequest, verb_view
from web.kit_form import KitForm
from web.opening import change_account
from web.person import languages


class AccountForm(KitForm):
    """The fields of an account that its admins may change."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    slug = forms.SlugField(label=gettext_lazy("Address"), max_length=60)
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=time_zones.choices,
        help_text=gettext_lazy("For moments on pages and for new flows. A flow keeps the zone it has."),
    )
    country = forms.ChoiceField(
        label=gettext_lazy("Country"),
        choices=countries.choices,
        required=False,
        help_text=gettext_lazy("Where phone numbers without a country code belong, unless the record says."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=languages,
        help_text=gettext_lazy("For invitations and new accounts of members. Everybody can choose their own."),
    )


@require_http_methods(["GET", "POST"])
@verb_view(right=Right.ADMINISTER)
def overview(request: AccountRequest) -> HttpResponse:
    """The form; a change of the address leads to the new one."""
    account = request.account
    now = {field: getattr(account, field) for field in AccountForm.base_fields}
    form = AccountForm(request.POST or None, initial=now)
    if request.method == "POST" and form.is_valid():
        try:
            changed = change_account(account, by=request.actor, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("web:account_settings", changed.slug)
        except ValidationError as error:
            form.add_error("slug", error)
    return _page(request, form)


def _page(request: AccountRequest, form: Any) -> HttpResponse:
    page = {"place": "account_settings", "tab": "account", "form": form}
    with account_scope(request.account.pk):
        return render(request, "settings/account.html", page, status=422 if form.errors else 200)
