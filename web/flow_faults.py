"""Which flows have problems, for the tab that keeps those: looked for only in flows that changed since the last time.

What lies in the cache only narrows the list; what a row says of its problems is read anew each time.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Count, Max, Q, QuerySet
from redis.exceptions import RedisError

from accounts.tenancy import current_account_id
from flows.models import Flow, FlowStatus
from messaging.models import Content
from records.models import List, Property
from running import ending
from running.problems import problems_of

logger = logging.getLogger(__name__)

KEEP: Final = 300  # seconds; after that what no revision shows, such as a property's options, is looked at again
ENDS_BY_ITSELF: Final = "still_ending"  # goes without anybody changing the flow

Verdicts = dict[int, tuple[int, bool]]  # flow id -> its revision then, and whether it had a problem


def with_problems(flows: QuerySet[Flow], rows: Iterable[Mapping[str, Any]]) -> set[int]:
    """The ids of those `rows` (with `pk`, `revision`, `status`) that have a problem, among flows somebody may see."""
    shown = list(rows)
    key = f"flows-with-problems:{current_account_id()}:{_surroundings()}"
    known = _known(key)
    changed = [row["pk"] for row in shown if known.get(row["pk"], (-1, False))[0] != row["revision"]]
    if changed:
        known |= _look_at(flows.filter(pk__in=changed))
        _keep(key, known)
    not_running = [row["pk"] for row in shown if row["status"] == FlowStatus.NOT_RUNNING]
    return ending.among_ended(not_running) | {row["pk"] for row in shown if known.get(row["pk"], (0, False))[1]}


def _known(key: str) -> Verdicts:
    try:
        return cache.get(key) or {}
    except (RedisError, OSError) as error:
        logger.warning("problems are not read: %s", type(error).__name__)
        return {}


def _keep(key: str, known: Verdicts) -> None:
    try:
        cache.set(key, known, KEEP)
    except (RedisError, OSError) as error:
        logger.warning("problems are not kept: %s", type(error).__name__)


def _look_at(flows: QuerySet[Flow]) -> Verdicts:
    looked_at = list(flows.select_related("object_type", "outbox"))
    found = problems_of(looked_at)
    return {
        flow.pk: (flow.revision, any(problem.code != ENDS_BY_ITSELF for problem in found[flow.pk]))
        for flow in looked_at
    }


def _surroundings() -> str:
    """What a flow's problems also hang on: another word as soon as a content, a list or a property changes."""
    contents = Content.objects.aggregate(n=Count("pk"), last=Max("updated_at"))
    lists = List.objects.aggregate(n=Count("pk"), last=Max("pk"))
    properties = Property.objects.aggregate(n=Count("pk"), archived=Count("pk", filter=Q(archived_at__isnull=False)))
    return ":".join(str(each).replace(" ", "_") for part in (contents, lists, properties) for each in part.values())
