"""How a transaction that is one of many ends."""

from django.db import connection


def commit_soon() -> None:
    """Let this transaction's commit not wait until the disk has it; the next commit that waits, waits for it too.

    For a chunk of work that commits together with how far the work has come, where another chunk follows: a crash of
    the database that takes the chunk back takes its place back with it, and it is done again.
    """
    with connection.cursor() as cursor:
        cursor.execute("set local synchronous_commit = off")
