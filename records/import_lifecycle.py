"""The lifecycle of an import: draft -> waiting -> running -> done | failed | stopped. Alone writes `Import.status`."""

from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.history import Moves, NotAllowed
from scheduling.clock import now

from . import list_refresh
from .models import HeldRow, Import, ImportFile, ImportSieve, ImportStatus

UNFINISHED: Final = frozenset({ImportStatus.WAITING, ImportStatus.RUNNING})
MOVES: Final[Moves] = {
    "start": (frozenset({ImportStatus.DRAFT}), ImportStatus.WAITING),  # its columns are settled
    "run": (UNFINISHED, ImportStatus.RUNNING),  # rows are in
    "finish": (UNFINISHED, ImportStatus.DONE),
    "fail": (UNFINISHED, ImportStatus.FAILED),  # the file cannot be read on; what came before stays
    "stop": (UNFINISHED, ImportStatus.STOPPED),  # somebody wanted no more of it; what came before stays
}


def move(source: Import, verb: str, **also: Any) -> bool:
    """Move an import by a verb of `MOVES` and set further columns; False when it stood in another status.

    Imports write no history of their moves: the row, with its counts, is the story.
    """
    sources, target = MOVES[verb]
    return bool(Import.objects.filter(pk=source.pk, status__in=sources).update(status=target, **also))


def end(source: Import, verb: str, *, problem: str = "") -> bool:
    """Bring an import to its end, whose file has done its work: only the counts and the refused rows stay.

    Whoever came with it may belong on any dynamic list, so all of them are looked at again.
    """
    moment = now()
    rows = F("created") + F("updated") + F("unchanged") + F("refused")
    if not move(source, verb, problem=problem, rows=rows, ended_at=moment):
        return False
    for kept in (ImportFile, ImportSieve, HeldRow):
        kept.objects.filter(source=source).delete()
    list_refresh.ask()
    return True


def stop(source: Import, *, by: Actor) -> None:
    """End an import before its file does, once the chunk at work is in. Raises `NotAllowed` when none is under way."""
    with transaction.atomic():
        if not end(source, "stop"):
            raise NotAllowed("not_under_way", _("This import is not under way."))
        history.record(source, "stopped", by=by, detail={"name": source.name})


def discard(source: Import) -> None:
    """Throw a draft and its file away; nothing happens to an import that has been started."""
    with transaction.atomic():
        draft = Import.objects.select_for_update().filter(pk=source.pk, status=ImportStatus.DRAFT).first()
        if draft is not None:
            ImportFile.objects.filter(source=draft).delete()
            draft.delete()
