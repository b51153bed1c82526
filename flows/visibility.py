"""Who sees which flows: those for all, one's own, and for admins every one."""

from django.db.models import Q

from accounts.actors import Actor
from accounts.rights import Right

from .models import Visibility


def visible_to(actor: Actor) -> Q:
    """The condition on flows that `actor` may see. A key without a person behind it owns none."""
    if actor.may(Right.ADMINISTER):
        return Q()
    return Q(visibility=Visibility.ALL) | Q(owner_id=actor.user_id, owner_id__isnull=False)
