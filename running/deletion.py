"""Deleting a flow: gone at once for everybody, its people and their story cleared away in chunks by a worker.

What is the flow's own goes; what happened to records stays with them. A million participants in one transaction would
hold locks for minutes; a chunk that was not committed is done again by the next worker.
"""

from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from accounts.tenancy import account_scope, every_account
from flows.models import Flow
from scheduling.clock import now

CHUNK: Final = 5_000

# As few as a person draws, and seen or referred to from elsewhere: gone with the verb.
DEFINITION: Final = (
    "delete from flows_branch where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_step where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_exclusionlist where account_id = %(account)s and flow_id = %(flow)s",
    "delete from messaging_content where account_id = %(account)s and flow_id = %(flow)s",
)
# One worker at a time; whoever comes second leaves it to the first.
TAKE: Final = """
select outbox_id from flows_flow
where account_id = %(account)s and id = %(flow)s and deleted_at is not null for update skip locked
"""
WALKS: Final = """
select id from participants_participant where account_id = %(account)s and flow_id = %(flow)s
order by id limit %(chunk)s
"""
# A message is found by whose move asked for it. Those that have left stay with their records.
OF_WALKS: Final = (
    """
    delete from messaging_message m where m.account_id = %(account)s and m.sent_at is null and m.origin_key = any(array(
      select 'participant:' || p.id || ':' || moved.hop
      from participants_participant p cross join lateral generate_series(0, p.hop) moved(hop)
      where p.account_id = %(account)s and p.id = any(%(walks)s)))
    """,
    "delete from participants_steplog where account_id = %(account)s and participant_id = any(%(walks)s)",
    "delete from participants_participant where account_id = %(account)s and id = any(%(walks)s)",
)
# What else there may be much of, each found by an index that begins with the account and the flow.
PIECES: Final = tuple(
    f"""
    delete from {table} where ctid = any(array(
      select ctid from {table} where account_id = %(account)s and flow_id = %(flow)s limit %(chunk)s))
    and account_id = %(account)s
    """
    for table in (
        "participants_steplog",
        "participants_tally",
        "participants_counter",
        "participants_flowaddress",
        "participants_intake",
        "participants_listenrolment",
        "triggers_occurrence",
    )
)
# In the order that references ask for. The outbox stays while messages that have left still name it.
REST: Final = (
    "delete from messaging_message where account_id = %(account)s and outbox_id = %(outbox)s and sent_at is null",
    "delete from triggers_schedule where account_id = %(account)s and flow_id = %(flow)s",
    "delete from triggers_trigger where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_activation where account_id = %(account)s and flow_id = %(flow)s",
    "delete from flows_flow where account_id = %(account)s and id = %(flow)s and deleted_at is not null",
)


def mark(flow: Flow) -> None:
    """Take a flow that holds nobody out of everybody's sight, in the caller's transaction and under its lock.

    As quick for a million participants as for none.
    """
    Flow.objects.filter(pk=flow.pk).update(deleted_at=now(), folder=None)
    with connection.cursor() as cursor:
        for statement in DEFINITION:
            cursor.execute(statement, {"account": flow.account_id, "flow": flow.pk})


def to_purge(limit: int) -> list[tuple[int, int]]:
    """Deleted flows of all accounts, as (account id, flow id)."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(
            "select account_id, id from flows_flow where deleted_at is not null order by deleted_at limit %s", [limit]
        )
        return [(account_id, flow_id) for account_id, flow_id in cursor.fetchall()]


def purge(account_id: int, flow_id: int) -> bool:
    """Delete one chunk of a deleted flow's rows, and with the last the flow itself; True when there is more to do."""
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        params: dict[str, Any] = {"account": account_id, "flow": flow_id, "chunk": CHUNK}
        cursor.execute(TAKE, params)
        if (taken := cursor.fetchone()) is None:
            return False
        if _walks(cursor, params) or _pieces(cursor, params):
            return True
        for statement in REST:
            cursor.execute(statement, {**params, "outbox": taken[0]})
        return False


def _walks(cursor: CursorWrapper, params: dict[str, Any]) -> bool:
    cursor.execute(WALKS, params)
    walks = [row[0] for row in cursor.fetchall()]
    if walks:
        for statement in OF_WALKS:
            cursor.execute(statement, {**params, "walks": walks})
    return bool(walks)


def _pieces(cursor: CursorWrapper, params: dict[str, Any]) -> bool:
    for statement in PIECES:
        cursor.execute(statement, params)
        if cursor.rowcount:
            return True
    return False
