"""What was said to a record goes with it; only that its address gets nothing more stays, where that was asked."""

from typing import Final

from django.db import connection

from accounts.tenancy import current_account_id
from records.erasing import Doomed
from records.events import record_events
from scheduling.clock import now

from .models import Message, Subscription, of_records

ERASED: Final = "erased"
# Not an address that somebody else has as well.
SUPPRESS: Final = """
insert into messaging_suppression (account_id, address, reason, at)
select %(account)s, address, %(reason)s, %(now)s from unnest(%(addresses)s::text[]) address
where not exists (
  select 1 from records_record r
  where r.account_id = %(account)s and r.email = address and r.archived_at is null
    and not r.id = any(%(records)s::bigint[]))
order by address
on conflict (account_id, address) do nothing
"""


def erase(doomed: Doomed) -> None:
    """Delete the messages to and about records and their subscriptions, and suppress the addresses that are to get
    nothing more. Whoever waits in a flow for a message to the person hears that it is cancelled.

    The address alone is kept, as it is: a later import then brings nobody back who is written to, and whoever signs
    up again can be let in again by name.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            SUPPRESS,
            {
                "account": current_account_id(),
                "addresses": doomed.suppressed,
                "records": doomed.records,
                "reason": ERASED,
                "now": now(),
            },
        )
    unsent = Message.objects.filter(record_id__in=doomed.records, about_id__isnull=False, sent_at=None)
    others = unsent.exclude(about_id__in=doomed.records).values_list("about_id", flat=True)
    record_events("message_cancelled", sorted(set(others)), {"reason": "no_contact"})
    Message.objects.filter(of_records(doomed.records)).delete()
    Subscription.objects.filter(record_id__in=doomed.records).delete()
