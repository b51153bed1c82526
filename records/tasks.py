"""Background work on records: imports."""

import time
from datetime import timedelta

from accounts.tasks import account_task, house_job
from accounts.tenancy import account_scope, every_account
from scheduling.clock import now

from .import_chunks import import_chunk
from .import_lifecycle import UNFINISHED, discard
from .models import Import, ImportStatus

SLICE = 2.0  # seconds after which other work gets its turn
FORGOTTEN_AFTER = timedelta(days=1)  # a draft that nobody started, and its file


@account_task(queue="default")
def run_import(account_id: int, import_id: int) -> bool:
    """Import chunks for a while; True when there are more."""
    started = time.monotonic()
    while import_chunk(account_id, import_id):
        if time.monotonic() - started > SLICE:
            return True
    return False


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
