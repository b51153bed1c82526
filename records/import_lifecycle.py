"""The lifecycle of an import: draft -> waiting -> running -> done | failed. The only writer of `Import.status`."""

from typing import Any, Final

from django.db import transaction

from accounts.history import Moves

from .models import Import, ImportFile, ImportStatus

UNFINISHED: Final = frozenset({ImportStatus.WAITING, ImportStatus.RUNNING})
MOVES: Final[Moves] = {
    "start": (frozenset({ImportStatus.DRAFT}), ImportStatus.WAITING),  # its columns are settled
    "run": (UNFINISHED, ImportStatus.RUNNING),  # rows are in
    "finish": (UNFINISHED, ImportStatus.DONE),
    "fail": (UNFINISHED, ImportStatus.FAILED),  # the file cannot be read on; what came before stays
}


def move(source: Import, verb: str, **also: Any) -> bool:
    """Move an import by a verb of `MOVES` and set further columns; False when it stood in another status.

    Imports write no history of their moves: the row, with its counts, is the story.
    """
    sources, target = MOVES[verb]
    return bool(Import.objects.filter(pk=source.pk, status__in=sources).update(status=target, **also))


def discard(source: Import) -> None:
    """Throw a draft and its file away; nothing happens to an import that has been started."""
    with transaction.atomic():
        draft = Import.objects.select_for_update().filter(pk=source.pk, status=ImportStatus.DRAFT).first()
        if draft is not None:
            ImportFile.objects.filter(source=draft).delete()
            draft.delete()
