"""What is kept for a while only: events, and the ids that clients gave them. Deleted in chunks, the oldest first."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from accounts.tenancy import every_account
from scheduling.clock import now

CHUNK: Final = 5_000
CLIENT_IDS_KEPT: Final = timedelta(days=30)
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


def prune_events() -> bool:
    """Delete some events of all accounts that are older than `EVENT_RETENTION`; True when there may be more."""
    return _delete(EVENTS, settings.EVENT_RETENTION)


def prune_client_ids() -> bool:
    """Forget some clients' ids of events taken in more than 30 days ago; True when there may be more."""
    return _delete(CLIENT_IDS, CLIENT_IDS_KEPT)


def _delete(sql: str, kept: timedelta) -> bool:
    with every_account(), connection.cursor() as cursor:
        cursor.execute(sql, {"chunk": CHUNK, "before": now() - kept})
        return cursor.rowcount > 0
