"""What is kept for a while only: events, the ids that clients gave them, and rows of files that were not taken.

Deleted in chunks, the oldest first.
"""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from accounts.tenancy import every_account
from scheduling.clock import now

CHUNK: Final = 5_000
CLIENT_IDS_KEPT: Final = timedelta(days=30)
REFUSED_ROWS_KEPT: Final = timedelta(days=90)  # from the end of their import, to be mended
# Ids rise with the time of writing, and no event was told long before it happened, so the old ones come first. An
# event that still has consequences to come stays, whatever its age.
EVENTS = """
with oldest as materialized (
  select account_id, id, at from records_event order by id limit %(chunk)s
)
delete from records_event e using oldest
where e.account_id = oldest.account_id and e.id = oldest.id and oldest.at < %(before)s
  and not exists (select 1 from records_eventpending p where p.account_id = e.account_id and p.event_id = e.id)
"""
CLIENT_IDS = """
with oldest as materialized (
  select account_id, client_id from records_eventclientid where at < %(before)s order by at limit %(chunk)s
)
delete from records_eventclientid c using oldest
where c.account_id = oldest.account_id and c.client_id = oldest.client_id
"""
# Rows that were set aside go as their import ends.
REFUSED_ROWS = """
with oldest as materialized (
  select w.account_id, w.source_id, w.row
  from records_import i join records_refusedrow w on w.account_id = i.account_id and w.source_id = i.id
  where i.ended_at < %(before)s and i.refused > 0 limit %(chunk)s
)
delete from records_refusedrow w using oldest
where w.account_id = oldest.account_id and w.source_id = oldest.source_id and w.row = oldest.row
"""


def prune_events() -> bool:
    """Delete some events of all accounts that are older than `EVENT_RETENTION`; True when there may be more."""
    return _delete(EVENTS, settings.EVENT_RETENTION)


def prune_client_ids() -> bool:
    """Forget some clients' ids of events taken in more than 30 days ago; True when there may be more."""
    return _delete(CLIENT_IDS, CLIENT_IDS_KEPT)


def prune_refused_rows() -> bool:
    """Delete some rows that imports refused which ended more than 90 days ago; True when there may be more."""
    return _delete(REFUSED_ROWS, REFUSED_ROWS_KEPT)


def _delete(sql: str, kept: timedelta) -> bool:
    with every_account(), connection.cursor() as cursor:
        cursor.execute(sql, {"chunk": CHUNK, "before": now() - kept})
        return cursor.rowcount > 0
