"""Statistics of the tables that grow to millions know an account soon after its import."""

import pytest
from django.db import connection

from accounts.indexes import CHANGES

LARGE = {
    "messaging_message",
    "participants_intake",
    "participants_participant",
    "participants_steplog",
    "records_event",
    "records_listentry",
    "records_record",
}


@pytest.mark.django_db
def test_large_tables_are_analyzed_after_a_number_of_changes_and_not_a_share() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where reloptions @> %s::text[] and relkind = 'r'",
            [["autovacuum_analyze_scale_factor=0", f"autovacuum_analyze_threshold={CHANGES}"]],
        )
        assert {row[0] for row in cursor.fetchall()} == LARGE
