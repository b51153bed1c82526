"""Making and revoking API keys."""

import pytest

from accounts import keys
from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, ApiKey, History, User
from accounts.rights import Role
from accounts.sign_in import key_actor
from accounts.tenancy import account_scope
from scheduling import clock


def test_a_key_is_made_by_somebody_and_history_tells(acme: Account) -> None:
    olga = User.objects.create_user("olga@acme.example", name="Olga")
    by = Actor(account_id=acme.pk, role=Role.ADMIN, name="Olga", user_id=olga.pk)
    with account_scope(acme.pk):
        key, secret = keys.create("Shop", Role.MARKETER, expires_at=None, by=by)
        told = History.objects.get()
    assert key.created_by == olga
    assert (told.subject, told.subject_id, told.verb, told.by_name) == ("apikey", key.pk, "created", "Olga")
    assert secret not in str(told.detail)
    actor = key_actor(secret)
    assert actor and actor.role == Role.MARKETER


@pytest.mark.parametrize("maker", [Role.ADMIN, Role.MARKETER])
def test_no_key_can_do_more_than_whoever_makes_it(acme: Account, maker: str) -> None:
    with pytest.raises(NotAllowed), account_scope(acme.pk):
        keys.create("Shop", Role.OWNER, expires_at=None, by=Actor(account_id=acme.pk, role=maker, name="x"))
    with account_scope(acme.pk):
        assert not ApiKey.objects.exists()


def test_a_revoked_key_is_closed_once_and_for_good(acme: Account) -> None:
    with account_scope(acme.pk):
        key, secret = keys.create("Shop", Role.VIEWER, expires_at=None, by=Actor.flyt(acme.pk))
        for _ in range(2):
            keys.revoke(key.pk, by=Actor.flyt(acme.pk))
        assert list(History.objects.order_by("pk").values_list("verb", flat=True)) == ["created", "revoked"]
        assert ApiKey.objects.get().revoked_at == clock.now()
    assert key_actor(secret) is None


def test_another_accounts_key_is_not_there(acme: Account, globex: Account) -> None:
    with account_scope(globex.pk):
        key, secret = keys.create("Shop", Role.VIEWER, expires_at=None, by=Actor.flyt(globex.pk))
    with pytest.raises(ApiKey.DoesNotExist), account_scope(acme.pk):
        keys.revoke(key.pk, by=Actor.flyt(acme.pk))
    assert key_actor(secret)
