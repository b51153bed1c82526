"""The database backend, apart from the walls that tests/accounts/test_tenancy.py tries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings


@pytest.mark.django_db
@override_settings(DEBUG=True)
def test_a_worker_on_a_development_machine_does_not_keep_the_statements_it_ran() -> None:
    connection.queries_log.clear()
    with connection.cursor() as cursor:
        cursor.execute("select %s", ["x" * 1_000_000])
    assert len(connection.queries_log) == 0


@pytest.mark.django_db
def test_statements_are_still_counted_where_a_test_asks_for_it() -> None:
    with CaptureQueriesContext(connection) as kept, connection.cursor() as cursor:
        cursor.execute("select 1")
    assert [query["sql"] for query in kept.captured_queries] == ["select 1"]
