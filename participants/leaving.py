"""What happens to a participant's things when the walk is over: address free again, waiting message cancelled."""

from django.db import connection

from accounts.tenancy import current_account_id
from flows.steps.base import Batch
from messaging import lifecycle as messages

LEFT = "select id from batch where decision in ('finish', 'drop_out')"
SENDS = ("send_email",)
FORGET = """
delete from participants_flowaddress where account_id = %(account)s and flow_id = %(flow)s and address = any(array(
  select address from participants_flowaddress where account_id = %(account)s and flow_id = %(flow)s limit %(limit)s))
"""


def release_batch(batch: Batch) -> None:
    """For those of the batch whose walk has ended in this transaction."""
    if not batch.path.has_kind(*SENDS):
        return
    batch.execute(
        f"""delete from participants_flowaddress
            where account_id = %(account)s and flow_id = %(flow)s and participant_id in ({LEFT})"""
    )
    if batch.step.kind in SENDS:
        messages.cancel(
            "select 'participant:' || id || ':' || hop from batch where decision in ('finish', 'drop_out')",
            {},
            reason="left_flow",
        )


def forget_addresses(flow_id: int, *, at_most: int | None = None) -> bool:
    """Free every address of a flow, or some of them: nobody is left in it, or no step of it sends any more.

    Returns True when there may be more.
    """
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"account": current_account_id(), "flow": flow_id, "limit": at_most})
        return at_most is not None and cursor.rowcount == at_most


def release(participant_ids: list[int]) -> None:
    """For participants whom somebody took out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from participants_flowaddress where account_id = %s and participant_id = any(%s)",
            [current_account_id(), participant_ids],
        )
    # Their hop has moved on by one as they left.
    messages.cancel(
        """select 'participant:' || id || ':' || (hop - 1) from participants_participant
           where account_id = %(account)s and id = any(%(participants)s)""",
        {"account": current_account_id(), "participants": participant_ids},
        reason="left_flow",
    )
