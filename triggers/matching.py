"""The matcher: takes an account's pending events and brings about what follows, in one transaction."""

from django.db import connection

from accounts.tenancy import account_scope
from participants import intake, waking
from participants.tasks import drain_intake
from records import events, list_matching

BATCH = 500


def match(account_id: int) -> bool:
    """Deal with up to 500 pending events of an account, oldest first; True when there may be more.

    One matcher per account at a time. Deleting the pending rows commits together with their consequences, so each
    happens exactly once, whenever a matcher dies.
    """
    with account_scope(account_id, durable=True), connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(hashtextextended('match', %s))", [account_id])
        if not cursor.fetchone()[0]:
            return False
        happened = events.claim_pending(BATCH)
        # Before anybody is woken: who waits for the lock of a list should hold nobody else's participants.
        changed = list_matching.follow(happened)
        waking.wake(happened)
        for flow_id in sorted(intake.take_in(happened)):
            drain_intake.hint(account_id, flow_id)
    return len(happened) == BATCH or changed > 0  # whoever came or went may be what another list asks for
