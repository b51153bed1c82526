"""Indexes of tables that are in use: built beside the work that goes on, not in its way."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class AddIndexBesideWork(AddIndexConcurrently):
    """Adds an index without locking out who writes; the migration says `atomic = False`.

    In a transaction, as of a test, PostgreSQL cannot do so: there it is a plain one, and nobody else is at work.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Build it."""
        kind = migrations.AddIndex if schema_editor.connection.in_atomic_block else AddIndexConcurrently
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop it."""
        kind = migrations.AddIndex if schema_editor.connection.in_atomic_block else AddIndexConcurrently
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)
