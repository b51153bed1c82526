"""`migrate`, as the owner of the tables: the role that connections work in may change no table."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    """Django's own, outside the restricted role."""

    # The checks make a user, whose default asks the test clock for its table: on an empty database there is none.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate."""
        connection: Any = connections[options["database"]]  # config/database, which Django's types do not know
        connection.ensure_connection()
        with connection.as_owner():
            super().handle(*args, **options)
