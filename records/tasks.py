"""Background work on records: imports, lists, and what is kept for a while only."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection

from accounts.tasks import account_task, house_job
from accounts.tenancy import account_scope, every_account
from scheduling.clock import now

from . import erasing, list_deletion, list_refresh, list_sizes, pruning
from .import_chunks import import_chunk
from .import_lifecycle import UNFINISHED, discard
from .models import Import, ImportStatus

SLICE = 2.0  # seconds after which other work gets its turn
MOST_HINTS = 500  # of one job: the next tick hints at what is left
FORGOTTEN_AFTER = timedelta(days=1)  # a draft that nobody started, and its file


@account_task(queue="bulk")
def run_import(account_id: int, import_id: int) -> bool:
    """Import chunks for a while; True when there are more."""
    return _for_a_while(lambda: import_chunk(account_id, import_id))


@account_task(queue="bulk")
def refresh_list(account_id: int, list_id: int) -> bool:
    """Evaluate a list for a while; True when there is more to do."""
    return _for_a_while(lambda: list_refresh.work(account_id, list_id))


@account_task(queue="bulk")
def clear_list_away(account_id: int, list_id: int) -> bool:
    """Take entries of a deleted list away for a while; True when there are more."""
    return _for_a_while(lambda: list_deletion.clear_away(account_id, list_id))


@account_task(queue="bulk")
def erase_records(account_id: int) -> bool:
    """Erase records for a while; True when there are more."""
    return _for_a_while(lambda: erasing.work(account_id))


def _for_a_while(work: Callable[[], bool]) -> bool:
    """Work until there is nothing more to do (False) or the slice is spent (True)."""
    started = time.monotonic()
    while work():
        if time.monotonic() - started > SLICE:
            return True
    return False


@house_job()
def refresh_lists() -> None:
    """Find the lists that are to be evaluated wholly, or whose worker is gone."""
    for account_id, list_id in list_refresh.due(MOST_HINTS):
        refresh_list.hint(account_id, list_id)


@house_job()
def clear_lists_away() -> None:
    """Find the lists that were deleted."""
    for account_id, list_id in list_deletion.to_clear_away(MOST_HINTS):
        clear_list_away.hint(account_id, list_id)


@house_job()
def resume_erasures() -> None:
    """Find the accounts with records to erase, whose worker may be gone."""
    for account_id in erasing.to_do(MOST_HINTS):
        erase_records.hint(account_id)


@house_job()
def roll_up_list_sizes() -> None:
    """Add up the tallies of lists that changed."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute("select distinct account_id from records_listtally")
        accounts = [row[0] for row in cursor.fetchall()]
    for account_id in accounts:
        with account_scope(account_id):
            list_sizes.roll_up()


@house_job(queue="bulk")
def prune_events() -> None:
    """Delete events that are older than they are kept, the clients' ids of events, and what old imports refused."""
    _for_a_while(pruning.prune_events)
    _for_a_while(pruning.prune_client_ids)
    _for_a_while(pruning.prune_refused_rows)


@house_job()
def resume_imports() -> None:
    """Ask again for every import that is not at its end: its worker may be gone."""
    with every_account():
        unfinished = list(Import.objects.filter(status__in=UNFINISHED).values_list("account_id", "pk"))
    for account_id, import_id in unfinished:
        run_import.hint(account_id, import_id)


@house_job()
def discard_forgotten_drafts() -> None:
    """Throw away the files that somebody uploaded and never imported."""
    with every_account():
        drafts = Import.objects.filter(status=ImportStatus.DRAFT, created_at__lt=now() - FORGOTTEN_AFTER)
        forgotten = list(drafts.values_list("account_id", "pk"))
    for account_id, import_id in forgotten:
        with account_scope(account_id):
            discard(Import(pk=import_id))
