"""Background work on records: imports."""

import time

from accounts.tasks import account_task, house_job
from accounts.tenancy import every_account

from .import_chunks import UNFINISHED, import_chunk
from .models import Import

SLICE = 2.0  # seconds after which other work gets its turn


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
