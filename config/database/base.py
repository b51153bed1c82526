"""PostgreSQL with every new connection in the restricted role: outside an account scope no account's row exists.

Only migrations and `accounts.tenancy.every_account()` step out of the role. The names of the role and of the
account setting are fixed here, for whoever writes SQL about them.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db.backends.postgresql import base, operations
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

SYSTEM_DATABASES = (
    None,
    "postgres",
)  # Django connects here to create and drop test databases


class DatabaseOperations(operations.DatabaseOperations):
    """Truncating between transactional tests is the owner's work."""

    connection: "DatabaseWrapper"

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Run the flush as the owner, then return to the role the connection had."""
        with self.connection.as_owner():
            super().execute_sql_flush(sql_list)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that belongs to no account until a scope says so."""

    ops_class = DatabaseOperations
    is_owner = False

    @property
    def queries_logged(self) -> bool:
        """Whether statements are kept: only for a test that counts them.

        Django keeps the text of 9,000 of them under DEBUG, and only a web request clears it: the worker of an import
        grew by megabytes with every thousand rows.
        """
        return bool(self.force_debug_cursor)

    @property
    def restricted_role(self) -> str:
        """The role without rights of ownership that every connection works in."""
        return str(self.settings_dict.get("RESTRICTED_ROLE", "flyt_tenant"))

    # The types of Django know nothing yet of its answer, whether a commit is needed.
    def init_connection_state(self) -> bool:  # type: ignore[override]
        """Enter the restricted role as the connection opens."""
        commit = bool(super().init_connection_state())
        if not self.is_owner and self.settings_dict["NAME"] not in SYSTEM_DATABASES:
            self._set_role(self.restricted_role)
        return commit

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """Work as the owner of the tables, for migrations and test clean-up, also across a reconnection."""
        was_owner, self.is_owner = self.is_owner, True
        try:
            if self.connection is not None and not was_owner:
                self._set_role(None)
            yield
        finally:
            self.is_owner = was_owner
            if self.connection is not None and not was_owner and not self._has_failed():
                self._set_role(self.restricted_role)

    def _has_failed(self) -> bool:
        """True in a transaction that takes no more statements; its rollback brings the role back."""
        return bool(self.connection.get_transaction_status() == TRANSACTION_STATUS_INERROR)

    def _set_role(self, role: str | None) -> None:
        with self.cursor() as cursor:
            cursor.execute("RESET ROLE" if role is None else f"SET ROLE {self.ops.quote_name(role)}")
