"""Make sure the restricted role exists and the login role may enter it. Safe to run again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections


class Command(BaseCommand):
    """Before the first migration on a new cluster."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the role where it is missing."""
        connection: Any = connections[DEFAULT_DB_ALIAS]  # config/database, which Django's types do not know
        role = connection.ops.quote_name(connection.restricted_role)
        with connection.as_owner():
            connection.ensure_connection()
            with connection.cursor() as cursor:
                cursor.execute(
                    "select 1 from pg_roles where rolname = %s",
                    [connection.restricted_role],
                )
                exists = cursor.fetchone()
                try:
                    if not exists:
                        cursor.execute(f"create role {role} nologin")
                    cursor.execute(
                        "select pg_has_role(session_user, %s, 'member')",
                        [connection.restricted_role],
                    )
                    if not cursor.fetchone()[0]:
                        cursor.execute(f"grant {role} to session_user")
                except DatabaseError as error:
                    connection.close()  # there is no restricted role to go back to
                    make = "" if exists else f"create role {role} nologin; "
                    raise CommandError(
                        f"This login may not make or give roles ({str(error).strip()}). As a database administrator"
                        f" run:\n  {make}grant {role} to {connection.settings_dict['USER']};"
                    ) from None
