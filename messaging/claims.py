"""Which messages a delivery worker takes next, and which were lost with a worker.

A lease keeps other workers off a message for a while; it guards no truth (the moves of lifecycle.py do), so an expired
one costs nothing. Leases are measured on the database's own clock, `clock_timestamp()`, not on Flyt's: a test that
moves Flyt's clock by months must not expire the leases of workers that are busy, and a clock moved back must not keep
a dead worker's messages for months.
"""

from typing import Final, NamedTuple

from django.db import connection

from accounts.tenancy import account_scope, every_account
from scheduling.clock import now

BATCH: Final = 50
LEASE: Final = "interval '2 minutes'"  # longer than the SMTP time-outs of one message together

IS_DUE = """
    m.account_id = o.account_id and m.outbox_id = o.id and m.status = 'queued' and m.due_at <= %(moment)s
    and (m.lease_until is null or m.lease_until < clock_timestamp())
"""

# Every outbox that has something due gets its share of the batch and they take turns in it, so that a flow with a
# hundred thousand messages does not keep the others waiting. One probe per open outbox: what lies in held ones costs
# nothing. `any(array(...))` instead of a join, which may be planned as a walk over everything queued.
CLAIM = f"""
    with o as materialized (
        select o.id, o.account_id, o.lock_key from messaging_outbox o
        cross join lateral (select 1 from messaging_message m where {IS_DUE} limit 1) due
        where o.account_id = %(account)s and not o.held
        order by random() limit %(batch)s
    ), chosen as materialized (
        select m.id, m.due_at, o.lock_key from o cross join lateral (
            select m.id, m.due_at from messaging_message m where {IS_DUE}
            order by m.due_at, m.id limit greatest(1, %(batch)s / (select count(*) from o))
            for no key update skip locked
        ) m
    ), claimed as (
        update messaging_message m set lease_until = clock_timestamp() + {LEASE}
        where m.account_id = %(account)s and m.id = any(array(select id from chosen)) and m.status = 'queued'
        returning m.id, m.outbox_id, m.channel
    )
    select claimed.id, claimed.outbox_id, claimed.channel, chosen.lock_key from claimed join chosen using (id)
    order by row_number() over (partition by claimed.outbox_id order by chosen.due_at, claimed.id), claimed.id
"""

GIVE_BACK = """
    update messaging_message m set lease_until = null
    where m.account_id = %(account)s and m.id = any(%(ids)s) and m.status = 'queued'
"""

ACCOUNTS_WITH_DUE = f"""
    select distinct o.account_id from messaging_outbox o
    cross join lateral (select 1 from messaging_message m where {IS_DUE} limit 1) due
    where not o.held
"""

ACCOUNTS_WITH_LOST = """
    select distinct account_id from messaging_message where status = 'sending' and lease_until < clock_timestamp()
"""


class Claimed(NamedTuple):
    """A message on lease, with what is needed to ask whether it may leave."""

    id: int
    outbox_id: int
    channel: str
    lock_key: int


def claim(account_id: int) -> list[Claimed]:
    """Take up to `BATCH` due messages of the account's open outboxes on lease, oldest of each first; commits."""
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        cursor.execute(CLAIM, {"account": account_id, "batch": BATCH, "moment": now()})
        return [Claimed(*row) for row in cursor.fetchall()]


def give_back(account_id: int, ids: list[int]) -> None:
    """End the lease of messages that this worker did not get to; commits."""
    if ids:
        with account_scope(account_id, durable=True), connection.cursor() as cursor:
            cursor.execute(GIVE_BACK, {"account": account_id, "ids": ids})


def accounts_with_due() -> list[int]:
    """The accounts that have something to deliver now."""
    return _accounts(ACCOUNTS_WITH_DUE)


def accounts_with_lost() -> list[int]:
    """The accounts with messages whose worker died while it was sending them."""
    return _accounts(ACCOUNTS_WITH_LOST)


def _accounts(statement: str) -> list[int]:
    with every_account(), connection.cursor() as cursor:
        cursor.execute(statement, {"moment": now()})
        return sorted(row[0] for row in cursor.fetchall())
