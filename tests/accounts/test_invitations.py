"""Invitations: one link for one address, for a week, in one account."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from pytest import MonkeyPatch

from accounts import invitations
from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History, Invitation, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope
from scheduling import clock

EMAIL = "bea@example.com"


def invite(account: Account, email: str = EMAIL, role: str = Role.MARKETER, by: str = Role.OWNER) -> str:
    """Invite somebody; the token."""
    with account_scope(account.pk):
        return invitations.invite(email, role, by=Actor(account_id=account.pk, role=by, name="Olga"))[1]


def person(email: str = EMAIL) -> User:
    """Somebody with a login."""
    return User.objects.create_user(email, name="Bea")


def waiting(account: Account) -> list[str]:
    """Who is invited."""
    with account_scope(account.pk):
        return list(Invitation.objects.values_list("email", flat=True))


def roles(account: Account) -> list[str]:
    """The roles of the members."""
    with account_scope(account.pk):
        return list(Member.objects.values_list("role", flat=True))


def test_who_accepts_is_a_member_with_the_role_and_the_address_is_confirmed(acme: Account, globex: Account) -> None:
    token = invite(acme, " Bea@Example.com ")
    bea = person()
    assert invitations.accept(token, bea) == acme
    assert (roles(acme), roles(globex), waiting(acme)) == ([Role.MARKETER], [], [])
    assert EmailAddress.objects.get().verified
    with account_scope(acme.pk):
        story = list(History.objects.order_by("pk").values_list("subject", "verb", "by_name", "detail__email"))
    assert story == [("invitation", "invited", "Olga", EMAIL), ("member", "joined", "Bea", EMAIL)]


def test_a_link_works_once(acme: Account) -> None:
    token = invite(acme)
    invitations.accept(token, person())
    assert invitations.find(token) is None
    with pytest.raises(NotAllowed) as error:
        invitations.accept(token, User.objects.get())
    assert error.value.code == "no_invitation"


def test_only_the_digest_of_the_token_is_kept(acme: Account) -> None:
    token = invite(acme)
    with account_scope(acme.pk):
        kept = [str(value) for value in Invitation.objects.values_list().get()]
    assert not any(token in value for value in kept)
    assert invitations.find(token[:-1]) is None


def test_it_is_for_the_address_that_the_mail_went_to(acme: Account) -> None:
    token = invite(acme)
    with pytest.raises(NotAllowed) as error:
        invitations.accept(token, person("somebody.else@example.com"))
    assert error.value.code == "other_address"
    assert roles(acme) == [] and waiting(acme) == [EMAIL]


def test_it_is_good_for_a_week(acme: Account) -> None:
    token = invite(acme)
    clock.forward(timedelta(days=7, seconds=-1))
    assert invitations.find(token)
    clock.forward(timedelta(seconds=1))
    assert invitations.find(token) is None
    with pytest.raises(NotAllowed):
        invitations.accept(token, person())
    assert roles(acme) == []


def test_sent_again_it_has_a_new_link_and_a_new_week(acme: Account) -> None:
    old = invite(acme)
    clock.forward(timedelta(days=8))
    with account_scope(acme.pk):
        _invitation, new = invitations.renew(Invitation.objects.get().pk, by=Actor.flyt(acme.pk))
    assert invitations.find(old) is None
    assert invitations.accept(new, person()) == acme


def test_a_withdrawn_one_opens_nothing(acme: Account) -> None:
    token = invite(acme)
    with account_scope(acme.pk):
        invitations.withdraw(Invitation.objects.get().pk, by=Actor.flyt(acme.pk))
        assert History.objects.order_by("pk").last().verb == "withdrawn"  # type: ignore[union-attr]
    assert invitations.find(token) is None and waiting(acme) == []


def test_one_that_goes_while_it_is_accepted_is_refused(acme: Account, monkeypatch: MonkeyPatch) -> None:
    token = invite(acme)
    found = invitations.find(token)
    monkeypatch.setattr(invitations, "find", lambda token: found)
    with account_scope(acme.pk):
        Invitation.objects.all().delete()
    with pytest.raises(NotAllowed) as error:
        invitations.accept(token, person())
    assert error.value.code == "no_invitation" and roles(acme) == []


def test_a_member_who_is_one_already_keeps_the_role(acme: Account) -> None:
    token = invite(acme, role=Role.ADMIN)
    bea = person()
    with account_scope(acme.pk):
        Member.objects.create(user=bea, role=Role.VIEWER)
    invitations.accept(token, bea)
    assert roles(acme) == [Role.VIEWER] and waiting(acme) == []


@pytest.mark.parametrize(
    ("email", "role", "by", "code"),
    [
        (EMAIL, Role.OWNER, Role.ADMIN, "role_above"),
        ("member@example.com", Role.VIEWER, Role.OWNER, "is_member"),
        ("waiting@example.com", Role.VIEWER, Role.OWNER, "is_invited"),
    ],
)
def test_what_cannot_be_is_refused(acme: Account, email: str, role: str, by: str, code: str) -> None:
    invite(acme, "waiting@example.com")
    with account_scope(acme.pk):
        Member.objects.create(user=person("member@example.com"))
    with pytest.raises(NotAllowed) as error:
        invite(acme, email, role, by)
    assert error.value.code == code and waiting(acme) == ["waiting@example.com"]


def test_an_admin_cannot_send_an_owners_invitation_again(acme: Account) -> None:
    invite(acme, role=Role.OWNER)
    with pytest.raises(NotAllowed) as error, account_scope(acme.pk):
        admin = Actor(account_id=acme.pk, role=Role.ADMIN, name="Adam")
        invitations.renew(Invitation.objects.get().pk, by=admin)
    assert error.value.code == "role_above"


def test_an_account_is_no_way_to_send_mail_to_strangers(acme: Account, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST", 2)
    invite(acme, "1@example.com")
    invite(acme, "2@example.com")
    with pytest.raises(NotAllowed) as error:
        invite(acme, "3@example.com")
    assert error.value.code == "too_many"


def test_one_address_may_be_invited_into_two_accounts(acme: Account, globex: Account) -> None:
    bea = person()
    for token in (invite(acme), invite(globex, role=Role.VIEWER)):
        invitations.accept(token, bea)
    assert (roles(acme), roles(globex)) == ([Role.MARKETER], [Role.VIEWER])


def test_another_accounts_invitation_is_not_there(acme: Account, globex: Account) -> None:
    invite(globex)
    with account_scope(globex.pk):
        theirs = Invitation.objects.get().pk
    for verb in (invitations.renew, invitations.withdraw):
        with pytest.raises(Invitation.DoesNotExist), account_scope(acme.pk):
            verb(theirs, by=Actor.flyt(acme.pk))
    assert waiting(globex) == [EMAIL]
