"""What the database refuses of a flow's intake: set aside, tried again with growing gaps, in the end dropped.

The gaps are those of a step that fails (participants/halving.py).
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from accounts.tenancy import current_account_id
from scheduling.clock import now

from .halving import RETRY_AFTER
from .models import Intake

logger = logging.getLogger(__name__)

# Whom another worker has set aside meanwhile has failed once, not twice.
SET_ASIDE: Final = """
with failing as (
  select id, failures from participants_intake
  where account_id = %(account)s and flow_id = %(flow)s and id = any(%(ids)s)
    and (retry_at is null or retry_at <= %(now)s)
  order by id for update
),
later as (
  update participants_intake i set failures = i.failures + 1,
    retry_at = %(now)s + (%(gaps)s::interval[])[i.failures + 1]
  from failing where i.account_id = %(account)s and i.id = failing.id and failing.failures < %(most)s
)
select id from failing where failures >= %(most)s
"""


def set_aside(flow_id: int, failing: Mapping[int, str], untried: Sequence[int]) -> list[Intake]:
    """Put rows off, each with what went wrong, for the log; `untried` without it counting against them.

    Inside the account's scope. Returns those that have failed too often, which are deleted.
    """
    moment = now()
    place: dict[str, Any] = {"account": current_account_id(), "flow": flow_id, "now": moment, "ids": list(failing)}
    with connection.cursor() as cursor:
        cursor.execute(SET_ASIDE, {**place, "gaps": list(RETRY_AFTER), "most": len(RETRY_AFTER)})
        ids = [row[0] for row in cursor.fetchall()]
    given_up = list(Intake.objects.filter(pk__in=ids))
    Intake.objects.filter(Q(retry_at=None) | Q(retry_at__lte=moment), pk__in=untried).update(
        retry_at=moment + RETRY_AFTER[0]
    )
    Intake.objects.filter(pk__in=ids).delete()
    _log(failing, given_up)
    return given_up


def _log(failing: Mapping[int, str], given_up: Sequence[Intake]) -> None:
    gone = {each.pk: each for each in given_up}
    for intake_id, error in failing.items():
        each = gone.get(intake_id)
        # A participant who was to leave stays: somebody may want to take them out by hand.
        what = f"is given up ({each.wish}, {each.cause}, participant {each.participant_id})" if each else "is set aside"
        logger.error("account %s intake %s %s: %s", current_account_id(), intake_id, what, error)
