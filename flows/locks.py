"""The flow lock, which makes a pause exact.

Whoever enrols into, advances, makes leave or sends for a flow takes it shared as the first statement of the
transaction and reads the flow's status in a second one: a status read in the same statement, or before, belongs to
an older snapshot and moves people after `pause()` has returned. Verbs and edits take it exclusively. One flow lock
per transaction.
"""

from django.db import OperationalError, connection
from django.utils.translation import gettext as _

from accounts.history import NotAllowed
from accounts.retries import LOCK_NOT_HAD, sqlstate

WAIT = "10s"  # how long a verb waits for batches and hand-overs under way


def lock_key(flow_id: int) -> int:
    """The advisory key of a flow."""
    with connection.cursor() as cursor:
        cursor.execute("select hashtextextended('flow', %s)", [flow_id])
        return int(cursor.fetchone()[0])


def try_shared(flow_id: int) -> bool:
    """Take the lock shared until the transaction ends; False when a verb holds or awaits it: take other work.

    Trying, never waiting: it is refused also while a verb only waits, so a pause never starves.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock_shared(hashtextextended('flow', %s))",
            [flow_id],
        )
        return bool(cursor.fetchone()[0])


def try_intake(flow_id: int) -> bool:
    """Be the only one who drains the flow's intake until the transaction ends; False when somebody else is.

    Taken after the flow's own lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(hashtextextended('intake', %s))", [flow_id])
        return bool(cursor.fetchone()[0])


def take_exclusive(flow_id: int) -> None:
    """Take the lock alone until the transaction ends; raises `NotAllowed("busy")` when it cannot be had in time."""
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('lock_timeout')")
        before = cursor.fetchone()[0]
        cursor.execute("select set_config('lock_timeout', %s, true)", [WAIT])
        try:
            cursor.execute("select pg_advisory_xact_lock(hashtextextended('flow', %s))", [flow_id])
        except OperationalError as error:
            if sqlstate(error) != LOCK_NOT_HAD:
                raise
            raise NotAllowed("busy", _("The flow is busy. Try again in a moment.")) from error
        # For this lock only: what the verb waits for next is rows, and whoever holds those lets go of them soon.
        cursor.execute("select set_config('lock_timeout', %s, true)", [before])
