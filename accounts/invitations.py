"""Asking someone to become a member: an invitation lives until it is accepted, withdrawn or out of date.

The mail carries a token of which only the digest is kept, so sending it again makes a new one and ends the old link.
"""

import secrets
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.clock import now

from .actors import Actor
from .history import NotAllowed, record
from .models import Account, Invitation, Member, User
from .rights import at_most
from .sign_in import confirm_address, digest
from .tenancy import account_scope, current_account_id, every_account

LASTS: Final = timedelta(days=7)
GONE: Final = gettext_lazy("This invitation was used, withdrawn, sent again or is older than a week.")
MOST: Final = 100  # waiting at once: an account is no way to send mail to strangers


def invite(email: str, role: str, *, by: Actor) -> tuple[Invitation, str]:
    """A new invitation of the current account and the token for its mail. Raises NotAllowed."""
    Account.objects.select_for_update().get(pk=current_account_id())
    email = email.strip().lower()
    _check(email, role, by)
    token = secrets.token_urlsafe(32)
    moment = now()
    invitation = Invitation.objects.create(
        email=email,
        role=role,
        token_digest=digest(token),
        invited_by_id=by.user_id,
        sent_at=moment,
        expires_at=moment + LASTS,
    )
    record(invitation, "invited", by=by, detail={"email": email, "role": role})
    return invitation, token


def renew(invitation_id: int, *, by: Actor) -> tuple[Invitation, str]:
    """A new token and a new week; the old link ends. Raises Invitation.DoesNotExist, NotAllowed."""
    invitation = Invitation.objects.select_for_update().get(pk=invitation_id)
    if invitation.role not in at_most(by.role):
        raise NotAllowed("role_above", _("Only an owner can invite an owner."))
    token = secrets.token_urlsafe(32)
    invitation.token_digest, invitation.sent_at = digest(token), now()
    invitation.expires_at = invitation.sent_at + LASTS
    invitation.save(update_fields=["token_digest", "sent_at", "expires_at"])
    record(invitation, "sent_again", by=by, detail={"email": invitation.email})
    return invitation, token


def withdraw(invitation_id: int, *, by: Actor) -> Invitation:
    """Take an invitation back; its link ends. Raises Invitation.DoesNotExist."""
    invitation: Invitation = Invitation.objects.select_for_update().get(pk=invitation_id)
    record(invitation, "withdrawn", by=by, detail={"email": invitation.email})
    Invitation.objects.filter(pk=invitation.pk).delete()
    return invitation


def find(token: str) -> tuple[Invitation, Account] | None:
    """The invitation that a link names and its account; None when there is none, or no longer."""
    with every_account():
        found = Invitation.objects.select_related("account", "invited_by").filter(token_digest=digest(token)).first()
    return (found, found.account) if found and found.expires_at > now() else None


def accept(token: str, user: User) -> Account:
    """Make `user` a member; whoever is one already keeps their role. Raises NotAllowed.

    The link came by mail, so it also shows that the address is theirs.
    """
    found = find(token)
    if found is None:
        raise NotAllowed("no_invitation", str(GONE))
    invitation, account = found
    if invitation.email != user.email:
        raise NotAllowed("other_address", _("This invitation is for %s.") % invitation.email)
    with account_scope(account.pk):
        used, _rows = Invitation.objects.filter(token_digest=digest(token)).delete()
        if not used:  # withdrawn, renewed or accepted a moment ago
            raise NotAllowed("no_invitation", str(GONE))
        _join(invitation, user)
    confirm_address(user)
    return account


def _join(invitation: Invitation, user: User) -> None:
    member, is_new = Member.objects.get_or_create(user=user, defaults={"role": invitation.role})
    if is_new:
        by = Actor(account_id=current_account_id(), role=member.role, name=str(user), user_id=user.pk)
        record(member, "joined", by=by, detail={"name": str(user), "email": user.email, "role": member.role})


def _check(email: str, role: str, by: Actor) -> None:
    if role not in at_most(by.role):
        raise NotAllowed("role_above", _("Only an owner can invite an owner."))
    if Member.objects.filter(user__email=email).exists():
        raise NotAllowed("is_member", _("%s is a member already.") % email)
    if Invitation.objects.filter(email=email).exists():
        raise NotAllowed("is_invited", _("%s is invited already. Send the invitation again instead.") % email)
    if Invitation.objects.count() >= MOST:
        raise NotAllowed("too_many", _("%s invitations are waiting. Withdraw some first.") % MOST)
