"""Migrations say what they do, match the models, and can be taken back."""

import ast
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from accounts.tenancy import account_scope
from tests.conftest import make_account
from tests.make import make_flow, make_participant

from .sources import PRODUCT, ROOT

FILES = sorted(path for package in PRODUCT for path in (ROOT / package / "migrations").glob("[0-9]*.py"))
TABLES = "select count(*) from pg_class where relkind = 'r' and relname similar to %s"


def count_tables() -> int:
    """How many tables of ours the database has."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES, [f"({'|'.join(sorted(PRODUCT))})_%"])
        return int(cursor.fetchone()[0])


def one_way(operations: list[Operation]) -> list[str]:
    """The operations that cannot be taken back."""
    return [operation.describe() for operation in operations if not operation.reversible]


def test_the_models_need_no_further_migration(db: None) -> None:
    out = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(out.getvalue())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_migration_says_what_it_does(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_every_operation_can_be_taken_back() -> None:
    ours = [item for (app, _), item in MigrationLoader(None).disk_migrations.items() if app in PRODUCT]
    assert [f"{item}: {what}" for item in ours for what in one_way(item.operations)] == []


def test_an_operation_without_a_way_back_is_caught() -> None:
    from django.db.migrations import RunPython, RunSQL

    def nothing(apps: Any, editor: Any) -> None:
        """Change nothing."""

    assert len(one_way([RunSQL("select 1"), RunPython(nothing)])) == 2
    assert one_way([RunSQL("select 1", "select 1"), RunPython(nothing, nothing)]) == []


def test_all_migrations_can_be_taken_back_and_made_again(db: None) -> None:
    """In one transaction, which the test's end rolls back."""
    before = count_tables()
    with connection.as_owner():
        for app in ("triggers", "participants", "flows", "messaging", "records", "scheduling"):
            call_command("migrate", app, "zero", verbosity=0)
        assert count_tables() < before
        left = {name for name in connection.introspection.table_names() if name.split("_")[0] in PRODUCT}
        assert {name.split("_")[0] for name in left} == {"accounts"}
        call_command("migrate", verbosity=0)
    assert count_tables() == before


@pytest.mark.django_db(transaction=True)
def test_an_index_whose_building_was_interrupted_is_built_again() -> None:
    loader = MigrationLoader(connection)
    before = loader.project_state(("participants", "0008_which_walk_is_left"))
    migration = loader.disk_migrations["participants", "0009_why_people_left"]
    with account_scope(make_account("Acme", "acme").pk):
        flow = make_flow()
        for _ in range(2):
            make_participant(flow)
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("drop index participants_by_reason")
        with pytest.raises(IntegrityError):  # which leaves one that is not whole
            cursor.execute(
                "create unique index concurrently participants_by_reason on participants_participant (flow_id)"
            )
        with connection.schema_editor(atomic=False) as editor:
            migration.apply(before, editor)
        cursor.execute(
            "select indisvalid, pg_get_indexdef(indexrelid) from pg_index"
            " where indexrelid = 'participants_by_reason'::regclass"
        )
        is_valid, definition = cursor.fetchone()
    assert is_valid and "account_id, flow_id, reason, id DESC" in definition


def test_a_missing_migration_stops_the_check(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from records.models import List

    monkeypatch.setattr(List._meta.get_field("name"), "max_length", 7)
    with pytest.raises((SystemExit, CommandError)):
        call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())
