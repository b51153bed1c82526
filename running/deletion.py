"""Deleting a flow: everything that is the flow's own goes; what happened to records stays with them."""

from django.db import connection

from flows.models import Flow

# In the order that references ask for. Every statement names the account.
PURGE = (
    "delete from participants_steplog where account_id = %(account)s and flow_id = %(flow)s",
    "delete from participants_participant where account_id = %(account)s and flow_id = %(flow)s",
    "delete from participants_tally where account_id = %(account)s and flow_id = %(flow)s",
    "delete from participants_counter where account_id = %(account)s and flow_id = %(flow)s",
    "delete from participants_flowaddress where account_id = %(account)s and flow_id = %(flow)s",
    "delete from participants_intake where account_id = %(account)s and flow_id = %(flow)s",
    "delete from triggers_occurrence where account_id = %(account)s and flow_id = %(flow)s",
    "delete from triggers_schedule where account_id = %(account)s and flow_id = %(flow)s",
    "delete from triggers_trigger where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_branch where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_step where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_exclusionlist where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_activation where account_id = %(account)s and flow_id = %(flow)s",
    "delete from messaging_message where account_id = %(account)s and outbox_id = %(outbox)s and sent_at is null",
    "delete from messaging_content where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_flow where account_id = %(account)s and id = %(flow)s",
)


def purge(flow: Flow) -> None:
    """Delete all rows of a flow that is not running, in the caller's transaction and under its lock.

    The outbox stays while messages that have left still name it.
    """
    params = {"account": flow.account_id, "flow": flow.pk, "outbox": flow.outbox_id}
    with connection.cursor() as cursor:
        for statement in PURGE:
            cursor.execute(statement, params)
