"""Which records meet criteria now: asked while someone writes them, so it gives up rather than hold up the page."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection, transaction
from psycopg2.errors import QueryCanceled

from accounts.tenancy import every_account

from . import criteria
from .models import ObjectType, Record

PATIENCE = 2_000  # milliseconds
SAMPLE = 10
WHERE = """
from records_record r
where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null and ({where})
"""


@dataclass(frozen=True)
class Found:
    """How many records meet the criteria, None when counting takes too long, and the newest of them."""

    count: int | None
    sample: list[Record] = field(default_factory=list)


def count(tree: object, object_type: ObjectType, *, moment: datetime, zone: str | ZoneInfo) -> int | None:
    """How many records of the type meet the criteria; None when counting takes longer than two seconds.

    Inside the account's scope. Raises `Invalid` when something the criteria name is gone.
    """
    found = _ask("select count(*)", "", tree, object_type, moment, zone)
    return int(found[0][0]) if found else None


def look(tree: object, object_type: ObjectType, *, moment: datetime, zone: str | ZoneInfo) -> Found:
    """`count()`, and the ten newest records that meet the criteria; none when finding them takes two seconds too."""
    counted = count(tree, object_type, moment=moment, zone=zone)
    if counted == 0:
        return Found(0)
    rows = _ask("select r.id", f"order by r.id desc limit {SAMPLE}", tree, object_type, moment, zone)
    return Found(counted, list(Record.objects.filter(pk__in=[row[0] for row in rows or []]).order_by("-pk")))


def _ask(
    what: str, order: str, tree: object, object_type: ObjectType, moment: datetime, zone: str | ZoneInfo
) -> list[tuple[Any, ...]] | None:
    """The rows, or None after two seconds. In the owner's role, for the indexes that row security keeps away."""
    condition = criteria.compile(tree, object_type_id=object_type.pk, moment=moment, zone=zone)
    params = {**condition.params, "account": object_type.account_id, "object_type": object_type.pk}
    with every_account(), connection.cursor() as cursor:
        cursor.execute("select current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        try:
            with transaction.atomic():
                cursor.execute("select set_config('statement_timeout', %s, true)", [str(PATIENCE)])
                cursor.execute(f"{what} {WHERE.format(where=condition.sql)} {order}", params)
                found = list(cursor.fetchall())
                cursor.execute("select set_config('statement_timeout', %s, true)", [before])
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                return None
            raise
    return found
