"""From a person or a key to an actor in exactly one account."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from accounts.models import Account, ApiKey, Member, User
from accounts.rights import Role
from accounts.sign_in import KEY_PREFIX, SHOWN, accounts_of, digest, key_actor, make_key, member_actor
from accounts.tenancy import NoCurrentAccount, account_scope, current_account_id
from scheduling import clock


@pytest.fixture
def olga(acme: Account) -> User:
    """A marketer of Acme."""
    olga = User.objects.create_user("olga@acme.example", "correct horse", name="Olga")
    with account_scope(acme.pk):
        Member.objects.create(user=olga, role=Role.MARKETER)
    return olga


def key_of(account: Account, role: str = Role.MARKETER) -> tuple[ApiKey, str]:
    """A key of `account` and its secret."""
    with account_scope(account.pk):
        return make_key("Shop", role)


def change(key: ApiKey, **columns: object) -> None:
    """Edit a key as an admin would."""
    with account_scope(key.account_id):
        ApiKey.objects.filter(pk=key.pk).update(**columns)


def last_used(key: ApiKey) -> object:
    """When the key was last used."""
    with account_scope(key.account_id):
        return ApiKey.objects.values_list("last_used_at", flat=True).get(pk=key.pk)


def test_a_member_acts_in_the_account_with_their_role_there(acme: Account, olga: User) -> None:
    found = member_actor(olga, "acme")
    assert found is not None
    account, actor = found
    assert account == acme
    assert (actor.account_id, actor.role, actor.name, actor.user_id) == (acme.pk, "marketer", "Olga", olga.pk)


def test_someone_in_two_accounts_has_the_role_of_the_one_they_are_in(
    acme: Account, globex: Account, olga: User
) -> None:
    with account_scope(globex.pk):
        Member.objects.create(user=olga, role=Role.OWNER)
    roles = {slug: member_actor(olga, slug) for slug in ("acme", "globex")}
    assert {slug: found and found[1].role for slug, found in roles.items()} == {"acme": "marketer", "globex": "owner"}
    assert [account.slug for account in accounts_of(olga)] == ["acme", "globex"]


def test_a_stranger_cannot_tell_an_account_they_are_not_in_from_one_that_does_not_exist(
    olga: User, globex: Account
) -> None:
    assert member_actor(olga, "globex") is None
    assert member_actor(olga, "no-such-account") is None
    assert [account.slug for account in accounts_of(olga)] == ["acme"]


def test_a_removed_member_is_out_at_once(acme: Account, olga: User) -> None:
    with account_scope(acme.pk):
        Member.objects.filter(user=olga).delete()
    assert member_actor(olga, "acme") is None
    assert accounts_of(olga) == []


def test_signing_in_leaves_no_scope_open(acme: Account, olga: User) -> None:
    _key, secret = key_of(acme)
    member_actor(olga, "acme")
    key_actor(secret)
    with pytest.raises(NoCurrentAccount):
        current_account_id()


def test_nobody_is_a_member_twice(acme: Account, olga: User) -> None:
    with pytest.raises(IntegrityError, match="one_membership"), account_scope(acme.pk):
        Member.objects.create(user=olga, role=Role.OWNER)


def test_addresses_of_people_do_not_differ_by_case(olga: User) -> None:
    assert olga.email == "olga@acme.example"
    assert User.objects.get_by_natural_key(" Olga@ACME.example ") == olga


def test_a_key_acts_in_its_own_account_with_its_role(acme: Account, globex: Account) -> None:
    for account, role in ((acme, Role.MARKETER), (globex, Role.VIEWER)):
        key, secret = key_of(account, role)
        actor = key_actor(secret)
        assert actor is not None
        assert (actor.account_id, actor.role, actor.name, actor.key_id) == (account.pk, role, "Shop", key.pk)
        assert actor.user_id is None


@pytest.mark.parametrize("secret", ["", "flyt_", "flyt_wrong", "Bearer", "\x00", "flyt_" + "x" * 10_000, "flyt_å"])
def test_a_secret_that_is_no_keys_opens_nothing(acme: Account, secret: str) -> None:
    key_of(acme)
    assert key_actor(secret) is None


def test_a_key_is_found_by_the_whole_secret_and_by_nothing_that_is_stored(acme: Account) -> None:
    key, secret = key_of(acme)
    assert secret.startswith(KEY_PREFIX) and key.prefix == secret[:SHOWN] and len(secret) > 40
    for wrong in (secret[:-1], secret + "x", secret.upper(), key.prefix, key.digest, digest(key.digest)):
        assert key_actor(wrong) is None


def test_the_secret_is_not_kept(acme: Account) -> None:
    key, secret = key_of(acme)
    kept = [str(value) for value in vars(key).values()]
    assert not any(secret in value or secret[SHOWN:] in value for value in kept)


def test_a_revoked_key_opens_nothing(acme: Account) -> None:
    key, secret = key_of(acme)
    change(key, revoked_at=clock.now())
    assert key_actor(secret) is None


def test_a_key_works_until_the_moment_it_expires(acme: Account) -> None:
    key, secret = key_of(acme)
    change(key, expires_at=clock.now() + timedelta(days=30))
    clock.forward(timedelta(days=30, seconds=-1))
    assert key_actor(secret) is not None
    clock.forward(timedelta(seconds=1))
    assert key_actor(secret) is None


def test_two_keys_of_one_name_have_secrets_of_their_own(acme: Account) -> None:
    (first, one), (second, two) = key_of(acme), key_of(acme)
    assert one != two and first.digest != second.digest


def test_the_last_use_of_a_key_is_noted_at_most_once_a_minute(acme: Account) -> None:
    key, secret = key_of(acme)
    assert last_used(key) is None
    key_actor(secret)
    first = last_used(key)
    assert first == clock.now()
    clock.forward(timedelta(seconds=59))
    key_actor(secret)
    assert last_used(key) == first
    clock.forward(timedelta(seconds=2))
    key_actor(secret)
    assert last_used(key) == clock.now()
