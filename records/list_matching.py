"""Dynamic lists follow events: those whose criteria an event may concern are evaluated for its record.

Called by the matcher in the transaction that deletes the pending rows, so each event has its effect exactly once.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Least

from accounts.faults import blames_nobody, traced
from scheduling.clock import now

from . import list_refresh
from .criteria_references import References, references
from .models import Association, Event, List, ListKind, ObjectType, Record
from .refusals import Invalid

logger = logging.getLogger(__name__)

DEEPEST: Final = 10  # a longer chain of events, each following from the one before, is cut
CATCH_UP: Final = timedelta(hours=1)  # what such a chain would have reached is evaluated wholly by then
# What can change whether a record meets criteria about its properties, and which records belong with it.
CHANGES: Final = frozenset({"record_created", "record_updated", "record_archived", "record_restored"})
ASSOCIATIONS: Final = frozenset({"associated", "association_removed"})
LISTS: Final = frozenset({"list_joined", "list_left"})


def kinds_of(tree: object, object_type: ObjectType) -> set[str]:
    """The kinds of events that may change who meets the criteria."""
    named = references(tree, object_type)
    across = ASSOCIATIONS if named.object_types else set()
    return {*CHANGES, *named.events, *(LISTS if named.lists else ()), *across}


@dataclass
class _Interest:
    """A list, what its criteria refer to, and the records to evaluate it for, with the depth of the cause."""

    chosen: List
    named: References
    depths: dict[int, int] = field(default_factory=dict)
    is_cut: bool = False

    @classmethod
    def of(cls, chosen: List) -> "_Interest":
        return cls(chosen, references(chosen.criteria, chosen.object_type))

    def heeds(self, event: Event, object_type: str) -> bool:
        """Whether an event about a record of this object type may change who is in the list."""
        is_own = object_type == self.chosen.object_type.key
        if not is_own and object_type not in self.named.object_types:
            return False
        if event.kind in self.named.events or (event.kind in ASSOCIATIONS and self.named.object_types):
            return True
        if event.kind in LISTS:
            return event.detail.get("list") in self.named.lists
        return event.kind in CHANGES and self._names_change(event, object_type)

    def _names_change(self, event: Event, object_type: str) -> bool:
        """A change of nothing but properties that the criteria do not ask for is passed over."""
        changes = event.detail.get("changes")
        if event.kind != "record_updated" or not isinstance(changes, Mapping) or not changes:
            return True
        return any((object_type, key) in self.named.properties for key in (*changes, "updated_at"))

    def note(self, record_ids: Iterable[int], depth: int) -> None:
        """Have these records looked at."""
        for record_id in record_ids:
            self.depths[record_id] = max(depth, self.depths.get(record_id, 0))


def follow(happened: Sequence[Event]) -> int:
    """Let the account's dynamic lists follow these events; returns how many records came and went.

    Locks the lists in id order and then reads their criteria anew: they may have been changed meanwhile.
    """
    if not happened:
        return 0
    interests, unreadable = _interests()
    if interests:
        _note(interests, happened)
    depths = {each.chosen.pk: each.depths for each in interests if each.depths}
    changed = _settle_all(depths) if depths else {}
    # Only now: whoever evaluates a list holds its lock before its row, and lets go of neither for another.
    failed = (list_id for list_id, count in changed.items() if count is None)
    _put_off({*unreadable, *_cut(interests), *failed})
    return sum(count or 0 for count in changed.values())


def _interests() -> tuple[list[_Interest], list[int]]:
    """Of every dynamic list, and the lists of which nobody can tell what they follow."""
    found, unreadable = list[_Interest](), list[int]()
    for chosen in _dynamic():
        try:
            found.append(_Interest.of(chosen))
        except Exception as error:
            logger.error("list %s could not be read: %s", chosen.pk, traced(error))
            unreadable.append(chosen.pk)
    return found, unreadable


def _dynamic() -> QuerySet[List]:
    found: QuerySet[List] = List.objects.filter(kind=ListKind.DYNAMIC).select_related("object_type")
    return found


def _note(interests: list[_Interest], happened: Sequence[Event]) -> None:
    types: dict[int, str] = dict(
        Record.objects.filter(pk__in={event.record_id for event in happened}).values_list("pk", "object_type__key")
    )
    beside = _beside(types) if any(each.named.object_types for each in interests) else {}
    for event in happened:
        object_type = types.get(event.record_id, "")  # erased meanwhile: of no type
        for interest in interests:
            if not interest.heeds(event, object_type):
                continue
            if event.depth > DEEPEST:
                interest.is_cut = True
                continue
            own = interest.chosen.object_type
            if object_type == own.key:
                interest.note([event.record_id], event.depth)
            if object_type in interest.named.object_types:
                interest.note(beside.get((event.record_id, own.pk), ()), event.depth)


def _beside(record_ids: Iterable[int]) -> dict[tuple[int, int], list[int]]:
    """Who belongs with these records, by record and object type."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    rows = Association.objects.filter(record_id__in=list(record_ids))
    for record_id, other_type, other_id in rows.values_list("record_id", "other_type_id", "other_id"):
        found[record_id, other_type].append(other_id)
    return found


def _cut(interests: list[_Interest]) -> list[int]:
    """The lists at which a chain that may have no end stops: it goes on within the hour, not at once."""
    found = [each.chosen.pk for each in interests if each.is_cut]
    for list_id in found:
        logger.warning("list %s: a chain of more than %s events was cut", list_id, DEEPEST)
    return found


def _settle_all(depths: Mapping[int, Mapping[int, int]]) -> dict[int, int | None]:
    """How many came and went, by list; see `_settle`."""
    list_refresh.lock(depths)
    zone = list_refresh.account_zone()
    chosen = _dynamic().filter(pk__in=depths).order_by("pk")
    return {each.pk: _settle(each, depths[each.pk], zone) for each in chosen}


def _settle(chosen: List, depths: Mapping[int, int], zone: str) -> int | None:
    """A list that cannot be evaluated holds up no other, and no event; None for one that is to be tried again."""
    about, params = "{id} = any(%(ids)s::bigint[])", {"ids": sorted(depths)}
    try:
        with transaction.atomic():
            return list_refresh.settle(chosen, about, params, zone=zone, depths=depths)
    except Invalid:
        logger.warning("list %s: its criteria name what is gone", chosen.pk)
    except Exception as error:
        if blames_nobody(error):
            raise
        logger.error("list %s could not be evaluated: %s", chosen.pk, traced(error))
        return None
    return 0


def _put_off(list_ids: Iterable[int]) -> None:
    later = now() + CATCH_UP
    for list_id in sorted(list_ids):
        List.objects.filter(pk=list_id).update(refresh_at=Least(Coalesce(F("refresh_at"), later), later))
