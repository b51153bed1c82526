"""The guarded status change that every lifecycle uses, and the history row it leaves."""

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from .actors import Actor
from .models import History

Moves = dict[str, tuple[frozenset[str], str]]  # verb -> (statuses it may start from, the status it ends in)


class NotAllowed(Exception):
    """A refused verb: nothing was changed. The edges answer 409 with `code`, `message` and `detail`."""

    def __init__(self, code: str, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.detail = code, message, detail


def move(
    row: models.Model,
    moves: Moves,
    verb: str,
    *,
    by: Actor,
    detail: dict[str, Any] | None = None,
    **also: Any,
) -> None:
    """Change `row.status` by `verb` if the row still stands in a status the verb may start from.

    One conditional UPDATE decides, so of two racing callers one wins and the other gets `NotAllowed`. `also` are
    further columns of the same UPDATE. Writes history in the same transaction.
    """
    sources, target = moves[verb]
    with transaction.atomic():
        changed = type(row)._default_manager.filter(pk=row.pk, status__in=sources).update(status=target, **also)
        if not changed:
            row.refresh_from_db(fields=["status"])
            status = getattr(row, "status", "")
            raise NotAllowed(
                "wrong_status",
                _("This is not possible now: the status is %(status)s.") % {"status": _status_label(row)},
                status=status,
            )
        record(row, verb, by=by, detail=detail)
    row.refresh_from_db(fields=["status", *also])


def _status_label(row: models.Model) -> str:
    return str(getattr(row, "get_status_display", lambda: getattr(row, "status", ""))())


def record(row: models.Model, verb: str, *, by: Actor, detail: dict[str, Any] | None = None) -> None:
    """Write one history row about `row`."""
    record_all([row], verb, by=by, detail=detail)


def record_all(rows: Iterable[models.Model], verb: str, *, by: Actor, detail: dict[str, Any] | None = None) -> None:
    """Write one history row about each of `rows`, in one statement."""
    History.objects.bulk_create(
        History(
            subject=row._meta.model_name or "",
            subject_id=row.pk,
            verb=verb,
            detail=detail or {},
            by_name=by.name,
            by_user=by.user_id,
            by_key=by.key_id,
        )
        for row in rows
    )
