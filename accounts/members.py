"""The members of the current account: their roles, and their way out. Call inside `account_scope()`."""

from collections import Counter

from django.utils.translation import gettext as _

from .actors import Actor
from .history import NotAllowed, record
from .models import Account, Member
from .rights import Role, at_most
from .tenancy import current_account_id


def change_role(member_id: int, role: str, *, by: Actor) -> Member:
    """Give a member another role. Raises Member.DoesNotExist, NotAllowed."""
    member = _hold(member_id)
    before = member.role
    if role == before:
        return member
    _check(member, by)
    if role not in at_most(by.role):
        raise NotAllowed("role_above", _("Only an owner can make someone an owner."))
    member.role = role
    member.save(update_fields=["role"])
    record(member, "role_changed", by=by, detail={"name": str(member.user), "from": before, "to": role})
    return member


def remove(member_id: int, *, by: Actor) -> Member:
    """Take a person out of the account; their next request finds nothing. Raises Member.DoesNotExist, NotAllowed."""
    member = _hold(member_id)
    _check(member, by)
    detail = {"name": str(member.user), "email": member.user.email, "role": member.role}
    record(member, "removed", by=by, detail=detail)
    Member.objects.filter(pk=member.pk).delete()
    return member


def by_id_address_and_name() -> dict[int | str, int]:
    """The ids of the account's members, for checking many values at once: each by itself, and in lower case by the
    person's e-mail and by the name, as exports of other systems have it, where only one has that name.
    """
    people = list(Member.objects.order_by("pk").values_list("pk", "user__email", "user__name"))
    names = Counter(name.strip().lower() for _id, _address, name in people)
    found: dict[int | str, int] = {name.strip().lower(): id for id, _address, name in people}
    found = {name: id for name, id in found.items() if name and names[str(name)] == 1}
    for id, address, _name in people:
        found[id] = found[address.lower()] = id
    return found


def names() -> dict[int, str]:
    """What the account's members are called, by id, in the order of their names."""
    found = {each.pk: str(each.user) for each in Member.objects.select_related("user")}
    return dict(sorted(found.items(), key=lambda item: item[1].casefold()))


def addresses() -> dict[int, str]:
    """The e-mails of the account's members, by id."""
    return dict(Member.objects.order_by("pk").values_list("pk", "user__email"))


def _hold(member_id: int) -> Member:
    """The member, with all of the account's members held still: of two owners who demote each other one remains."""
    Account.objects.select_for_update().get(pk=current_account_id())
    member: Member = Member.objects.select_related("user").get(pk=member_id)
    return member


def _check(member: Member, by: Actor) -> None:
    if member.role not in at_most(by.role):
        raise NotAllowed("role_above", _("Only an owner can change or remove an owner."))
    if member.role == Role.OWNER and Member.objects.filter(role=Role.OWNER).count() == 1:
        raise NotAllowed("last_owner", _("An account needs an owner. Make someone else an owner first."))
