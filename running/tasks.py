"""Background work around the switch: flows that have ended are emptied."""

from django.db import connection

from accounts.tasks import account_task, house_job
from accounts.tenancy import every_account

from . import ending

# One probe per table, as a lateral: `exists` may be planned as a hash of everybody who is active anywhere. Messages are
# asked for one status at a time: a partial index answers for one, and none for both together.
ENDING_FLOWS = """
select f.account_id, f.id from flows_flow f
cross join lateral (
  (select 1 from participants_participant p
   where p.account_id = f.account_id and p.flow_id = f.id and p.status = 'active' limit 1)
  union all
  (select 1 from participants_intake i where i.account_id = f.account_id and i.flow_id = f.id limit 1)
  union all
  (select 1 from messaging_message m
   where m.account_id = f.account_id and m.outbox_id = f.outbox_id and m.status = 'queued' limit 1)
  union all
  (select 1 from messaging_message m
   where m.account_id = f.account_id and m.outbox_id = f.outbox_id and m.status = 'sending' limit 1)
  limit 1
) inside
where f.status = 'not_running'
"""


@account_task(queue="engine")
def finish_ending(account_id: int, flow_id: int) -> bool:
    """Cancel whoever is left in an ended flow, a chunk at a time."""
    return ending.finish(account_id, flow_id)


@house_job()
def finish_endings() -> None:
    """Find ended flows that still hold somebody."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(ENDING_FLOWS)
        found = cursor.fetchall()
    for account_id, flow_id in found:
        finish_ending.hint(account_id, flow_id)
