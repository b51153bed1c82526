"""Indexes and statistics of tables that are in use: made beside the work that goes on, not in its way."""

from typing import Any, Final

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations

UNFINISHED = """
select 1 from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relname = %s and c.relnamespace = current_schema()::regnamespace and not i.indisvalid
"""
CHANGES: Final = 10_000  # rows


def counted_often(table: str) -> migrations.RunSQL:
    """The migration after which autovacuum analyzes a table as soon as so many of its rows have changed."""
    return migrations.RunSQL(
        f"alter table {table} set (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = {CHANGES})",
        f"alter table {table} reset (autovacuum_analyze_scale_factor, autovacuum_analyze_threshold)",
    )


class AddIndexBesideWork(AddIndexConcurrently):
    """Adds an index without locking out who writes; the migration says `atomic = False`.

    In a transaction, as of a test, PostgreSQL cannot do so: there it is a plain one, and nobody else is at work.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Build it."""
        kind = migrations.AddIndex if schema_editor.connection.in_atomic_block else AddIndexConcurrently
        if kind is AddIndexConcurrently:
            self._drop_what_was_not_finished(schema_editor)
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop it."""
        kind = migrations.AddIndex if schema_editor.connection.in_atomic_block else AddIndexConcurrently
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)

    def _drop_what_was_not_finished(self, schema_editor: Any) -> None:
        """Building that was interrupted leaves an index of that name which nobody can use."""
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(UNFINISHED, [self.index.name])
            if cursor.fetchone():
                cursor.execute(f"drop index concurrently {schema_editor.quote_name(self.index.name)}")


class RemoveIndexBesideWork(RemoveIndexConcurrently):
    """Drops an index without locking out who writes; otherwise as `AddIndexBesideWork`. Backwards it is built anew."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop it."""
        kind = migrations.RemoveIndex if schema_editor.connection.in_atomic_block else RemoveIndexConcurrently
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Build it."""
        kind = migrations.RemoveIndex if schema_editor.connection.in_atomic_block else RemoveIndexConcurrently
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)
