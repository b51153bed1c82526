"""The API keys of the current account: making and revoking them. Call inside `account_scope()`."""

from datetime import datetime

from django.utils.translation import gettext as _

from scheduling.clock import now

from .actors import Actor
from .history import NotAllowed, record
from .models import ApiKey, User
from .rights import at_most
from .sign_in import make_key


def create(name: str, role: str, *, expires_at: datetime | None, by: Actor) -> tuple[ApiKey, str]:
    """A new key and its secret. Raises NotAllowed when the key could do more than whoever makes it."""
    if role not in at_most(by.role):
        raise NotAllowed("role_above", _("A key cannot have more rights than you have."))
    maker = User.objects.filter(pk=by.user_id).first() if by.user_id else None
    key, secret = make_key(name, role, by=maker, expires_at=expires_at)
    record(key, "created", by=by, detail={"name": name, "role": role})
    return key, secret


def revoke(key_id: int, *, by: Actor) -> ApiKey:
    """Close a key for good; one that is closed stays so. Raises ApiKey.DoesNotExist."""
    key: ApiKey = ApiKey.objects.get(pk=key_id)
    if ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=now()):
        record(key, "revoked", by=by, detail={"name": key.name})
    return key
