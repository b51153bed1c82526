"""The keys with which other systems use the API: each shown once, and closed when it is no longer trusted."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts import keys
from accounts.models import ApiKey
from accounts.rights import Right, Role, at_most
from accounts.secrets_at_rest import WrongKey, decrypt, encrypt
from accounts.tenancy import account_scope
from scheduling.clock import now
from web.access import AccountRequest, account_view, verb_view
from web.kit_form import KitForm

LASTS = (
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("A year")),
    ("", gettext_lazy("Until it is revoked")),
)
JUST_MADE = "key_just_made"  # of the session: the secret on its way to the one page that shows it, encrypted


class KeyForm(KitForm):
    """A new key."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("What uses it, such as “Webshop”.")
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"))
    lasts = forms.ChoiceField(label=gettext_lazy("Works for"), choices=LASTS, required=False, initial="365")

    def __init__(self, *args: Any, giver: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            label=self.fields["role"].label, choices=[(role, role.label) for role in at_most(giver)]
        )
        self.fields["role"].initial = Role.VIEWER
        self.dress()


@require_GET
@account_view(right=Right.ADMINISTER)
def overview(request: AccountRequest) -> HttpResponse:
    """The keys that are not revoked, newest first; the secret of one that was just made, this once."""
    return _page(request, KeyForm(giver=request.actor.role), secret=_just_made(request))


@require_POST
@verb_view(right=Right.ADMINISTER)
def create(request: AccountRequest) -> HttpResponse:
    """Make a key."""
    form = KeyForm(request.POST, giver=request.actor.role)
    if not form.is_valid():
        with account_scope(request.account.pk):
            return _page(request, form, status=422)
    days = form.cleaned_data["lasts"]
    with account_scope(request.account.pk):
        _key, secret = keys.create(
            form.cleaned_data["name"],
            form.cleaned_data["role"],
            expires_at=now() + timedelta(days=int(days)) if days else None,
            by=request.actor,
        )
    request.session[JUST_MADE] = {"account": request.account.pk, "secret": encrypt(secret)}
    return redirect("web:keys", request.account.slug)


@require_POST
@verb_view(right=Right.ADMINISTER)
def revoke(request: AccountRequest, key_id: int) -> HttpResponse:
    """Close a key for good."""
    with account_scope(request.account.pk):
        key = keys.revoke(key_id, by=request.actor)
    messages.success(request, _("The key “%s” is revoked.") % key.name)
    return redirect("web:keys", request.account.slug)


def _just_made(request: AccountRequest) -> str:
    """The secret that was made a moment ago in this account, taken out of the session; "" for none."""
    made = request.session.get(JUST_MADE)
    if not made or made["account"] != request.account.pk:
        return ""
    del request.session[JUST_MADE]
    try:
        return decrypt(made["secret"])
    except WrongKey:
        messages.error(request, _("The new key cannot be shown. Revoke it and make another."))
        return ""


def _page(request: AccountRequest, form: KeyForm, *, secret: str = "", status: int = 200) -> HttpResponse:
    moment = now()
    shown = ApiKey.objects.filter(revoked_at=None).select_related("created_by").order_by("-created_at", "-pk")
    rows = [{"key": key, "is_expired": bool(key.expires_at and key.expires_at <= moment)} for key in shown]
    page = {"place": "account_settings", "tab": "keys", "rows": rows, "form": form, "secret": secret}
    return render(request, "settings/keys.html", page, status=status)
