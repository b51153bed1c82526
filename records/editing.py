"""What people and systems do to records one by one or to a few: create, change, archive, restore; each is an event."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.history import NotAllowed
from scheduling.clock import now

from . import events
from .merging import one_at_a_time
from .models import Erasure, ObjectType, Record
from .refusals import Invalid
from .rows import NEW
from .upserts import Result, Status, upsert

VERBS: Final = {"record_archived": "archive", "record_restored": "restore"}


def create(object_type: ObjectType, given: Mapping[str, Any], *, by: Actor, source: str) -> int:
    """A new record of what `given` says, a row as `upsert` takes it; its id. Raises `Invalid`, and nothing is made."""
    return _written(object_type, given, match_on=NEW, by=by, source=source).id or 0


class Stale(Exception):
    """Somebody has changed the record since it was read."""


def hold(record: Record, *, read_at: datetime | None) -> None:
    """Let nobody else merge into records of the type until this transaction ends; `Stale` when somebody has before.

    `read_at`: the record's `updated_at` as whoever changes it saw it.
    """
    one_at_a_time(record.object_type)
    record.refresh_from_db(fields=["updated_at"])
    if record.updated_at != read_at:
        raise Stale


def change(record: Record, given: Mapping[str, Any], *, by: Actor, source: str) -> bool:
    """Change what `given` says of a record, a row as `upsert` takes it; False when nothing was different.

    Reads `record.object_type`. Raises `NotAllowed` (archived) and `Invalid`.
    """
    if record.archived_at is not None:
        raise NotAllowed("archived", _("This record is archived and cannot be changed. Restore it first."))
    row = {**given, "id": record.pk}
    return _written(record.object_type, row, match_on="id", by=by, source=source).status == Status.UPDATED


def archive(record_ids: Iterable[int], *, by: Actor, source: str) -> int:
    """Put records away: they leave their flows at the next step and are enrolled in none; their story stays.

    Returns how many were not archived before.
    """
    return _put("record_archived", record_ids, by=by, source=source)


def restore(record_ids: Iterable[int], *, by: Actor, source: str) -> int:
    """Take archived records out again; returns how many were archived. Those about to be erased stay."""
    return _put("record_restored", record_ids, by=by, source=source)


def _written(object_type: ObjectType, row: Mapping[str, Any], *, match_on: str, by: Actor, source: str) -> Result:
    (result,) = upsert(object_type, [row], match_on=match_on, source=source, by=by)
    if result.status == Status.REFUSED:
        raise Invalid(result.errors)
    return result


def _put(kind: str, record_ids: Iterable[int], *, by: Actor, source: str) -> int:
    is_to_archive = kind == "record_archived"
    with transaction.atomic():
        standing = Record.objects.filter(pk__in=sorted(set(record_ids)), archived_at__isnull=is_to_archive)
        if not is_to_archive:
            standing = standing.exclude(pk__in=Erasure.objects.values("record_id"))
        ids = list(standing.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        Record.objects.filter(pk__in=ids).update(archived_at=now() if is_to_archive else None)
        events.record_events(kind, ids, {"source": source, "by": by.told})
        history.record_all((Record(pk=each) for each in ids), VERBS[kind], by=by)
    return len(ids)
