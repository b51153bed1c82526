"""From a person or a presented key to an actor in one account. Runs before any account is known."""

import hashlib
import secrets
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress

from scheduling.clock import now

from .actors import Actor
from .models import Account, ApiKey, Member, User
from .tenancy import account_scope, every_account

KEY_PREFIX = "flyt_"
SHOWN = len(KEY_PREFIX) + 8
USED_EVERY = timedelta(minutes=1)  # last_used_at is written at most this often


def accounts_of(user: User) -> list[Account]:
    """The accounts `user` is a member of, by name."""
    with every_account():
        ids = Member.objects.filter(user=user).values_list("account_id", flat=True)
        return list(Account.objects.filter(id__in=list(ids)).order_by("name", "id"))


def member_actor(user: User, slug: str) -> tuple[Account, Actor] | None:
    """The account with that slug and `user` acting in it, or None when there is none or `user` is no member."""
    with every_account():
        account = Account.objects.filter(slug=slug).first()
        member = account and Member.objects.filter(account_id=account.id, user=user).first()
    if not account or not member:
        return None
    return account, Actor(account_id=account.id, role=member.role, name=str(user), user_id=user.pk)


def confirm_address(user: User) -> None:
    """Note that the person reads mail at the address they sign in with."""
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def key_actor(secret: str) -> Actor | None:
    """The actor of an API key that is neither revoked nor expired."""
    moment = now()
    with every_account():
        key = ApiKey.objects.filter(digest=digest(secret), revoked_at=None).first()
    if key is None or (key.expires_at and key.expires_at <= moment):
        return None
    if key.last_used_at is None or key.last_used_at < moment - USED_EVERY:
        with account_scope(key.account_id):
            ApiKey.objects.filter(id=key.id).update(last_used_at=moment)
    return Actor(account_id=key.account_id, role=key.role, name=key.name, key_id=key.id)


def make_key(name: str, role: str, *, by: User | None = None, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key of the current account and its secret, which is never to be had again."""
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        role=role,
        prefix=secret[:SHOWN],
        digest=digest(secret),
        created_by=by,
        expires_at=expires_at,
    )
    return key, secret


def digest(secret: str) -> str:
    """SHA-256 in hex. The secret has 256 random bits, so a slow hash would protect nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
