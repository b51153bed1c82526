"""Background work around the switch: flows that have ended are emptied."""

from django.db import connection

from accounts.tasks import account_task, house_job
from accounts.tenancy import every_account

from . import ending

ENDING_FLOWS = """
select f.account_id, f.id from flows_flow f
where f.status = 'not_running' and (
  exists (select 1 from participants_participant p
          where p.account_id = f.account_id and p.flow_id = f.id and p.status = 'active')
  or exists (select 1 from participants_intake i where i.account_id = f.account_id and i.flow_id = f.id)
  or exists (select 1 from messaging_message m
             where m.account_id = f.account_id and m.outbox_id = f.outbox_id and m.status in ('queued', 'sending')))
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
