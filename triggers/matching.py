"""The matcher: takes an account's pending events and brings about what follows, in one transaction.

An event whose consequences cannot be brought about is found by halving and set aside; the others have theirs.
"""

import logging
from functools import partial
from time import monotonic
from typing import Final

from django.db import connection

from accounts.faults import blames_nobody, traced
from accounts.tenancy import account_scope
from participants import intake, waking
from participants.halving import Halving
from participants.tasks import drain_intake
from records import events, list_matching
from records.models import EventPending

from . import setting_aside

logger = logging.getLogger(__name__)

BATCH = 500
SLICE: Final = 2.0  # seconds that a search for culprits takes at most before other work gets its turn


def match(account_id: int) -> bool:
    """Deal with up to 500 pending events of an account, oldest first; True when there may be more.

    One matcher per account at a time. Deleting the pending rows commits together with their consequences, so each
    happens exactly once, whenever a matcher dies.
    """
    try:
        return _match(account_id)
    except Exception as error:
        if blames_nobody(error):
            raise
        logger.warning("account %s: events failed, looking for the culprit: %s", account_id, traced(error))
        return _isolate(account_id)


def _match(account_id: int, only: list[int] | None = None) -> bool:
    with account_scope(account_id, durable=True):
        if not _begin(account_id):
            return False
        more = only is None and setting_aside.put_back()
        happened = events.claim_pending(BATCH, only)
        setting_aside.forget()
        # Before anybody is woken: who waits for the lock of a list should hold nobody else's participants.
        changed = list_matching.follow(happened)
        waking.wake(happened)
        for flow_id in sorted(intake.take_in(happened)):
            drain_intake.hint(account_id, flow_id)
    return more or len(happened) == BATCH or changed > 0  # whoever came or went may be what another list asks for


def _isolate(account_id: int) -> bool:
    """Deal with the same events by halves; when each of them fails, the rest is put off with them, untried."""
    with account_scope(account_id, durable=True):
        if not _begin(account_id):
            return False
        setting_aside.put_back()
        ids = list(EventPending.objects.order_by("event_id").values_list("event_id", flat=True)[:BATCH])
    search = Halving(partial(_match, account_id), until=monotonic() + SLICE)
    search.run(ids)
    with account_scope(account_id, durable=True):
        setting_aside.set_aside(search.failing, search.untried)
    return not search.untried


def _begin(account_id: int) -> bool:
    """Whether this is the account's only matcher, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(hashtextextended('match', %s))", [account_id])
        return bool(cursor.fetchone()[0])
