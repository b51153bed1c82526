"""Dynamic lists: whoever meets the criteria, kept as entries, so that sizes, events and flows can stand on them.

Evaluated wholly when they are made, changed, or time has an effect on them (records/list_refresh.py); otherwise only
for the records that something happened to (records/list_matching.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from accounts.tenancy import current_account_id
from scheduling.clock import now

from . import criteria, events, list_matching, lists
from .criteria_references import references
from .models import List, ListFolder, ListKind, ObjectType
from .refusals import Error, Invalid

DEEPEST: Final = 10  # lists whose criteria ask for lists, one behind the other
SERIALISE = "select pg_advisory_xact_lock(hashtextextended('dynamic lists', %s))"


def create_dynamic(
    name: str,
    object_type: ObjectType,
    tree: object,
    *,
    folder: ListFolder | None = None,
    description: str = "",
    is_hidden: bool = False,
) -> List:
    """A new list of whoever meets the criteria; a worker fills it. Raises `Invalid` with the paths name, criteria..."""
    _check(tree, object_type, None)
    made = lists.make(
        List(
            name=name,
            kind=ListKind.DYNAMIC,
            object_type=object_type,
            criteria=tree,
            folder=folder,
            description=description,
            is_hidden=is_hidden,
            refresh_at=now(),
        )
    )
    events.listen(list_matching.kinds_of(tree, object_type))
    return made


def change_criteria(chosen: List, tree: object) -> None:
    """From now on other records belong to a dynamic list; a worker evaluates it wholly. Raises `Invalid`."""
    if chosen.kind != ListKind.DYNAMIC:
        raise Invalid([Error("criteria", _("A static list has no criteria."))])
    _check(tree, chosen.object_type, chosen)
    if chosen.criteria == tree:
        return
    chosen.criteria, chosen.refresh_at, chosen.refresh_cursor = tree, now(), None
    chosen.save(update_fields=["criteria", "refresh_at", "refresh_cursor"])
    events.listen(list_matching.kinds_of(tree, chosen.object_type))


def _check(tree: object, object_type: ObjectType, chosen: List | None) -> None:
    """One at a time per account, so that two lists cannot begin to ask for each other at once."""
    is_as_before = chosen is not None and chosen.criteria == tree
    if not is_as_before and (faults := criteria.check(tree, object_type)):
        raise Invalid(fault.under("criteria") for fault in faults)
    with connection.cursor() as cursor:
        cursor.execute(SERIALISE, [current_account_id()])
    asked = references(tree, object_type).lists
    graph = _Graph.of_account()
    graph.asks[chosen.pk if chosen else 0] = asked
    if chosen and (way := graph.way(asked, chosen.pk)):
        names = " → ".join(f"“{graph.names.get(each, each)}”" for each in [chosen.pk, *way])
        message = _("The criteria lead back to this list: {way}. A list cannot depend on itself.")
        raise Invalid([Error("criteria", message.format(way=names))])
    if graph.depth() > DEEPEST:
        message = _("More than {most} lists would ask for each other, one behind the other.")
        raise Invalid([Error("criteria", message.format(most=DEEPEST))])


@dataclass
class _Graph:
    """Which list asks for which in its criteria."""

    names: dict[int, str]
    asks: dict[int, frozenset[int]]

    @classmethod
    def of_account(cls) -> "_Graph":
        found: list[List] = list(List.objects.filter(kind=ListKind.DYNAMIC).select_related("object_type"))
        asks = {each.pk: references(each.criteria, each.object_type).lists for each in found}
        return cls({each.pk: each.name for each in found}, asks)

    def way(self, begin: frozenset[int], end: int) -> list[int]:
        """The lists from one of `begin` to `end`; none when no way leads there."""
        came: dict[int, int | None] = dict.fromkeys(sorted(begin))
        waiting = list(came)
        while waiting and end not in came:
            here = waiting.pop(0)
            for following in sorted(self.asks.get(here, ())):
                if following not in came:
                    came[following] = here
                    waiting.append(following)
        way: list[int] = []
        step: int | None = end if end in came else None
        while step is not None:
            way.insert(0, step)
            step = came[step]
        return way

    def depth(self) -> int:
        """How many lists stand behind each other at most, in a graph without circles."""
        known: dict[int, int] = {}

        def of(each: int) -> int:
            if each not in known:
                known[each] = 1 + max((of(asked) for asked in self.asks.get(each, ())), default=0)
            return known[each]

        return max((of(each) for each in self.asks), default=0)


@dataclass(frozen=True)
class State:
    """Where the evaluation of a list stands; `as_of` is when the last one began, `failure` why it came to no end."""

    is_waiting: bool
    is_under_way: bool
    as_of: datetime | None
    failure: str  # "", or one of `ListFailure`


def state(chosen: List, moment: datetime) -> State:
    """Whether what a list holds at `moment`, which is now, is what its criteria say."""
    is_under_way = chosen.refresh_cursor is not None
    is_asked = chosen.refresh_at is not None and chosen.refresh_at <= moment
    return State(is_asked and not is_under_way, is_under_way, chosen.refreshed_at, chosen.refresh_failure)
