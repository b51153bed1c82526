"""Who sees which flows: those for all, one's own, and for admins every one."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.actors import Actor, reader
from accounts.rights import Right

from .models import Flow, Visibility


def visible_to(actor: Actor) -> Q:
    """The condition on flows that `actor` may see. A key without a person behind it owns none."""
    if actor.may(Right.ADMINISTER):
        return Q()
    return Q(visibility=Visibility.ALL) | Q(owner_id=actor.user_id, owner_id__isnull=False)


def without_hidden(rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    """Of rows with a `flow_id` those whose flow `actor` may see; of a flow that is gone they stay for everybody."""
    if actor.may(Right.ADMINISTER):
        return rows
    return rows.exclude(flow_id__in=Flow.objects.filter(~visible_to(actor)).values("pk"))


def is_seen(flow: Flow) -> bool:
    """Whether whoever reads may know of `flow`; where nobody is known to read, whether everybody may."""
    if flow.visibility == Visibility.ALL:
        return True
    actor = reader()
    return actor is not None and (
        actor.may(Right.ADMINISTER) or (flow.owner_id is not None and flow.owner_id == actor.user_id)
    )


def is_hidden(flow: Flow) -> bool:
    """Whether whoever asks is known, and may not know of `flow`."""
    return reader() is not None and not is_seen(flow)


def name_of(flow: Flow) -> str:
    """The name of a flow that another one, a story or a sentence points at, if whoever reads may know it."""
    return str(flow.name) if is_seen(flow) else _("a flow of somebody else's")
