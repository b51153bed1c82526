"""Which refusals of the database are nobody's fault: the same work, done again from the start, goes through."""

from typing import Final

from django.db import DatabaseError

TRY_AGAIN: Final = frozenset({"40P01", "40001"})  # deadlock detected, serialization failure
LOCK_NOT_HAD: Final = "55P03"  # lock_timeout


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code of an error; "" for one that is not the database's."""
    return getattr(error.__cause__, "pgcode", None) or "" if isinstance(error, DatabaseError) else ""


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the work may simply be done again."""
    return sqlstate(error) in TRY_AGAIN
