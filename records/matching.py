"""How many records meet criteria now: asked while someone writes them, so it gives up rather than hold up the page."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection, transaction
from psycopg2.errors import QueryCanceled

from . import criteria
from .models import ObjectType

PATIENCE = 2_000  # milliseconds
COUNT = """
select count(*) from records_record r
where r.account_id = %(account)s and r.object_type_id = %(object_type)s and r.archived_at is null and ({where})
"""


def count(tree: object, object_type: ObjectType, *, moment: datetime, zone: str | ZoneInfo) -> int | None:
    """How many records of the type meet the criteria; None when counting takes longer than two seconds.

    Inside the account's scope. Raises `Invalid` when something the criteria name is gone.
    """
    condition = criteria.compile(tree, object_type_id=object_type.pk, moment=moment, zone=zone)
    params = {**condition.params, "account": object_type.account_id, "object_type": object_type.pk}
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        try:
            with transaction.atomic():
                cursor.execute("select set_config('statement_timeout', %s, true)", [str(PATIENCE)])
                cursor.execute(COUNT.format(where=condition.sql), params)
                found = int(cursor.fetchone()[0])
                cursor.execute("select set_config('statement_timeout', %s, true)", [before])
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                return None
            raise
    return found
