"""Roles and the way out: who may do what to whom, and that an account never stands without an owner."""

import threading

import pytest
from django.db import connection

from accounts import members
from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History, Member, User
from accounts.rights import MATRIX, Role, allowed, at_most
from accounts.sign_in import member_actor
from accounts.tenancy import account_scope


def join(account: Account, role: str, name: str = "") -> Member:
    """A new member."""
    person = User.objects.create_user(f"{name or role}@{account.slug}.example", name=(name or role).title())
    with account_scope(account.pk):
        return Member.objects.create(user=person, role=role)


def as_(member: Member) -> Actor:
    """The member, acting."""
    return Actor(account_id=member.account_id, role=member.role, name=str(member.user), user_id=member.user_id)


def roles(account: Account) -> dict[str, str]:
    """Who has which role."""
    with account_scope(account.pk):
        return {member.user.name: member.role for member in Member.objects.select_related("user")}


def test_one_gives_away_at_most_ones_own_role() -> None:
    assert at_most(Role.OWNER) == list(Role)
    assert at_most(Role.ADMIN) == [Role.ADMIN, Role.FLOW_ADMIN, Role.MARKETER, Role.VIEWER]
    assert at_most(Role.VIEWER) == [Role.VIEWER]


def test_a_role_below_has_no_right_that_a_role_above_lacks() -> None:
    for right in MATRIX:
        may = [allowed(role, right) for role in Role]
        assert may == sorted(may, reverse=True), right


def test_an_owner_gives_any_role_and_history_tells(acme: Account) -> None:
    owner, viewer = join(acme, Role.OWNER), join(acme, Role.VIEWER)
    with account_scope(acme.pk):
        members.change_role(viewer.pk, Role.OWNER, by=as_(owner))
        told = History.objects.get()
    assert roles(acme)["Viewer"] == Role.OWNER
    assert (told.subject, told.subject_id, told.verb) == ("member", viewer.pk, "role_changed")
    assert told.detail == {"name": "Viewer", "from": "viewer", "to": "owner"}
    assert (told.by_name, told.by_user) == ("Owner", owner.user_id)


def test_the_same_role_again_changes_nothing(acme: Account) -> None:
    owner = join(acme, Role.OWNER)
    with account_scope(acme.pk):
        members.change_role(owner.pk, Role.OWNER, by=as_(owner))
        assert not History.objects.exists()


def test_an_admin_makes_no_owner_and_touches_none(acme: Account) -> None:
    admin, viewer = join(acme, Role.ADMIN), join(acme, Role.VIEWER)
    first, _second = join(acme, Role.OWNER, "first"), join(acme, Role.OWNER, "second")
    before = roles(acme)
    for refused in (
        lambda: members.change_role(viewer.pk, Role.OWNER, by=as_(admin)),
        lambda: members.change_role(admin.pk, Role.OWNER, by=as_(admin)),
        lambda: members.change_role(first.pk, Role.VIEWER, by=as_(admin)),
        lambda: members.remove(first.pk, by=as_(admin)),
    ):
        with pytest.raises(NotAllowed) as error, account_scope(acme.pk):
            refused()
        assert error.value.code == "role_above"
    assert roles(acme) == before


def test_the_last_owner_stays_an_owner_and_a_member(acme: Account) -> None:
    owner, _admin = join(acme, Role.OWNER), join(acme, Role.ADMIN)
    for refused in (
        lambda: members.change_role(owner.pk, Role.ADMIN, by=as_(owner)),
        lambda: members.remove(owner.pk, by=as_(owner)),
        lambda: members.remove(owner.pk, by=Actor.flyt(acme.pk)),
    ):
        with pytest.raises(NotAllowed) as error, account_scope(acme.pk):
            refused()
        assert error.value.code == "last_owner"
    assert roles(acme)["Owner"] == Role.OWNER


def test_one_of_two_owners_may_go(acme: Account) -> None:
    first, second = join(acme, Role.OWNER, "first"), join(acme, Role.OWNER, "second")
    with account_scope(acme.pk):
        members.remove(first.pk, by=as_(second))
        told = History.objects.get()
    assert roles(acme) == {"Second": Role.OWNER}
    assert (told.verb, told.detail["email"]) == ("removed", "first@acme.example")
    assert member_actor(first.user, "acme") is None


def test_another_accounts_member_is_not_there(acme: Account, globex: Account) -> None:
    owner, stranger = join(acme, Role.OWNER), join(globex, Role.VIEWER)
    for verb in (
        lambda: members.change_role(stranger.pk, Role.ADMIN, by=as_(owner)),
        lambda: members.remove(stranger.pk, by=as_(owner)),
    ):
        with pytest.raises(Member.DoesNotExist), account_scope(acme.pk):
            verb()
    assert roles(globex) == {"Viewer": Role.VIEWER}


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_demote_each_other_at_once_one_remains(transactional_db: None, acme: Account) -> None:
    owners = [join(acme, Role.OWNER, "first"), join(acme, Role.OWNER, "second")]
    together = threading.Barrier(2)
    refused: list[str] = []

    def demote(own: Member, other: Member) -> None:
        try:
            with account_scope(acme.pk):
                together.wait()
                members.change_role(other.pk, Role.VIEWER, by=as_(own))
        except NotAllowed as error:
            refused.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in (owners, owners[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(roles(acme).values()) == [Role.OWNER, Role.VIEWER]
    assert refused == ["last_owner"]
