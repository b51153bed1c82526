"""Who works in the account: members and their roles, and the invitations that wait for an answer."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts import invitations, members
from accounts.history import NotAllowed
from accounts.models import Invitation, Member, User
from accounts.rights import MATRIX, MAY, Right, Role, allowed, at_most
from accounts.tenancy import account_scope
from web import mails
from web.access import AccountRequest, account_view, verb_view
from web.kit_form import KitForm

ON_A_PAGE = 50
COLUMNS = (Role.ADMIN, Role.FLOW_ADMIN, Role.MARKETER, Role.VIEWER)  # an owner may what an admin may


class InviteForm(KitForm):
    """Whom to invite, as what."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        error_messages={"invalid": gettext_lazy("Write a whole address, such as name@example.com.")},
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"))

    def __init__(self, *args: Any, giver: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            label=self.fields["role"].label, choices=[(role, role.label) for role in at_most(giver)]
        )
        self.fields["role"].initial = Role.MARKETER
        self.dress()


@require_GET
@account_view(right=Right.ADMINISTER)
def overview(request: AccountRequest) -> HttpResponse:
    """The members by name, and who is invited."""
    return _page(request, InviteForm(giver=request.actor.role))


@require_POST
@verb_view(right=Right.ADMINISTER)
def invite(request: AccountRequest) -> HttpResponse:
    """Invite an address and send it the link."""
    form = InviteForm(request.POST, giver=request.actor.role)
    if form.is_valid():
        try:
            with account_scope(request.account.pk):
                invitation, token = invitations.invite(**form.cleaned_data, by=request.actor)
            return _send(request, invitation, token)
        except NotAllowed as error:
            form.add_error("email", error.message)
    with account_scope(request.account.pk):
        return _page(request, form, status=422)


@require_POST
@verb_view(right=Right.ADMINISTER)
def send_again(request: AccountRequest, invitation_id: int) -> HttpResponse:
    """A new link; the old one ends."""
    with account_scope(request.account.pk):
        invitation, token = invitations.renew(invitation_id, by=request.actor)
    return _send(request, invitation, token)


@require_POST
@verb_view(right=Right.ADMINISTER)
def withdraw(request: AccountRequest, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""
    with account_scope(request.account.pk):
        invitation = invitations.withdraw(invitation_id, by=request.actor)
    messages.success(request, _("The invitation of %s is withdrawn.") % invitation.email)
    return redirect("web:members", request.account.slug)


@require_POST
@verb_view(right=Right.ADMINISTER)
def change_role(request: AccountRequest, member_id: int) -> HttpResponse:
    """Give a member another role."""
    role = request.POST.get("role", "")
    if role not in Role.values:
        raise Http404
    with account_scope(request.account.pk):
        member = members.change_role(member_id, role, by=request.actor)
    said = {"name": member.user, "role": Role(role).label}
    messages.success(request, _("%(name)s has the role “%(role)s” now.") % said)
    if member.user_id == request.user.pk and not allowed(role, Right.ADMINISTER):
        return redirect("web:home")
    return redirect("web:members", request.account.slug)


@require_POST
@verb_view(right=Right.ADMINISTER)
def remove(request: AccountRequest, member_id: int) -> HttpResponse:
    """Take a member out; oneself too, unless one is the last owner."""
    with account_scope(request.account.pk):
        member = members.remove(member_id, by=request.actor)
    messages.success(request, _("%s is no longer a member.") % member.user)
    if member.user_id == request.user.pk:
        return redirect("web:home")
    return redirect("web:members", request.account.slug)


def _send(request: AccountRequest, invitation: Invitation, token: str) -> HttpResponse:
    """Mail the link, in the language of a person we know, else of the account."""
    known = User.objects.filter(email=invitation.email).first()
    context = {
        "inviter": request.user,
        "account": request.account,
        "role": Role(invitation.role).label,
        "link": mails.address(reverse("invitation", args=[token])),
        "lasts": invitations.LASTS.days,
    }
    try:
        mails.send(
            "invitations/email",
            invitation.email,
            context,
            language=(known and known.language) or request.account.language,
            account_id=request.account.pk,
        )
        messages.success(request, _("An invitation went to %s.") % invitation.email)
    except mails.MailNotSent:
        messages.error(
            request,
            _("%s is invited, but the mail could not be sent. Send the invitation again in a few minutes.")
            % invitation.email,
        )
    return redirect("web:members", request.account.slug)


def _page(request: AccountRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
    chosen = Member.objects.select_related("user").order_by("user__name", "user__email")
    page = Paginator(chosen, ON_A_PAGE).get_page(request.GET.get("page"))
    mine = at_most(request.actor.role)
    owners = Member.objects.filter(role=Role.OWNER).count()
    waiting = Invitation.objects.select_related("invited_by").order_by("email")
    return render(
        request,
        "settings/members.html",
        {
            "place": "account_settings",
            "tab": "members",
            "page": page,
            "rows": [{"member": each, "refusal": _refusal(each, mine, owners)} for each in page],
            "invitations": waiting if page.number == 1 else (),
            "roles": mine,
            "columns": COLUMNS,
            "matrix": [(MAY[right], [role in MATRIX[right] for role in COLUMNS]) for right in Right],
            "form": form,
        },
        status=status,
    )


def _refusal(member: Member, mine: list[Role], owners: int) -> str:
    """Why this person may not change that member; empty when they may."""
    if member.role not in mine:
        return _("Only an owner can change or remove an owner.")
    if member.role == Role.OWNER and owners == 1:
        return _("An account needs an owner. Make someone else an owner first.")
    return ""
