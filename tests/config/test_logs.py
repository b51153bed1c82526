"""The log tells where an error came from, and nothing of what stands in the rows."""

import logging
from logging import LogRecord

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from config.logs import Plain


def line(error: Exception) -> str:
    """What the log says of an error."""
    form = settings.LOGGING["formatters"]["plain"]
    said = {"name": "import 7", "exc": repr(error)}  # as Celery does
    record = LogRecord("flyt", logging.ERROR, __file__, 1, "%(name)s failed: %(exc)s", (said,), None)
    record.exc_info = (type(error), error, error.__traceback__)
    assert form["()"] == f"{Plain.__module__}.{Plain.__qualname__}"
    return Plain(form["format"]).format(record)


@pytest.mark.django_db
def test_what_a_row_holds_is_not_told() -> None:
    name = "".join(("ka", "the"))  # a traceback quotes the source
    with connection.cursor() as cursor:
        cursor.execute("create temporary table person (email text unique)")
        cursor.execute("insert into person values (%s)", [name])
        with pytest.raises(IntegrityError) as doubled, transaction.atomic():
            cursor.execute("insert into person values (%s)", [name])
        assert name not in line(doubled.value)
        try:
            raise RuntimeError("the chunk failed") from doubled.value
        except RuntimeError as error:
            said = line(error)
    assert name in str(doubled.value) and name not in said
    assert "import 7 failed" in said and "IntegrityError 23505" in said and "UniqueViolation 23505" in said
    assert said.rstrip().endswith("RuntimeError: the chunk failed") and "test_logs.py" in said
