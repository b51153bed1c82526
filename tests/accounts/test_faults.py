"""An error is told by its kind, its code and its places, and by nothing that somebody wrote."""

import pytest
from django.db import InterfaceError, OperationalError, connection

from accounts.faults import blames_nobody, told, traced


def refused() -> Exception:
    """Something of a person's in the words of an error, made of another that quotes it too."""
    try:
        try:
            int("ola@example.com")
        except ValueError as error:
            raise LookupError("nothing about ola@example.com") from error
    except LookupError as error:
        return error
    raise AssertionError


def test_an_error_is_told_with_its_places_and_without_its_words() -> None:
    line = traced(refused())
    assert line.startswith("LookupError at tests/accounts/test_faults.py:"), line
    assert " refused, from ValueError at tests/accounts/test_faults.py:" in line
    assert "ola" not in line and "\n" not in line


@pytest.mark.django_db
def test_what_the_database_says_is_told_by_its_code() -> None:
    with pytest.raises(Exception) as caught, connection.cursor() as cursor:
        cursor.execute("select 'ola@example.com'::int")
    assert told(caught.value) == "DataError 22P02"
    line = traced(caught.value)
    assert line.startswith("DataError 22P02 at tests/accounts/test_faults.py:") and "django/db/" in line
    assert "ola" not in line


def test_a_database_that_is_not_there_is_no_rows_fault() -> None:
    assert blames_nobody(OperationalError()) and blames_nobody(InterfaceError())
    assert not blames_nobody(ValueError())


@pytest.mark.django_db
def test_a_value_that_is_too_long_for_an_index_is_the_rows_fault() -> None:
    """Taken for a database in trouble it would be tried again for ever, and everybody beside it."""
    with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
        cursor.execute("create temporary table t (value text); create index on t (value)")
        cursor.execute("insert into t select string_agg(md5(n::text), '') from generate_series(1, 1000) n")
    assert told(caught.value) == "OperationalError 54000"
    assert not blames_nobody(caught.value)
