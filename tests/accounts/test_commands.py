"""What an operator runs on a new database, as the separate processes they are."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
EMPTY = "flyt_empty_database"
Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def manage() -> Iterator[Manage]:
    """manage.py on an empty database of its own."""
    ours = connection.settings_dict
    host, user = ours["HOST"], ours["USER"]
    server = psycopg2.connect(
        host=host, user=user, password=ours["PASSWORD"], port=ours["PORT"] or None, dbname="postgres"
    )
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"drop database if exists {EMPTY} with (force)")
        cursor.execute(f"create database {EMPTY}")
        url = f"postgres://{quote(user)}:{quote(ours['PASSWORD'])}@{quote(host, safe='')}:{ours['PORT']}/{EMPTY}"

        def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "manage.py", *arguments],
                env={**os.environ, "DATABASE_URL": url, **environment},
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=120,
            )

        yield run
        cursor.execute(f"drop database {EMPTY} with (force)")
    server.close()


def test_an_empty_database_is_prepared_migrated_and_given_the_house_jobs(manage: Manage) -> None:
    for command in (["prepare_database"], ["migrate", "--no-input"], ["sync_beat"]):
        for _ in ("first", "again"):
            done = manage(*command, TEST_CLOCK="1")
            assert done.returncode == 0, done.stderr
    assert "No migrations to apply" in manage("migrate", "--no-input").stdout
    assert manage("migrate", "--check").returncode == 0


def test_a_login_that_may_not_make_roles_is_told_what_an_administrator_runs(manage: Manage) -> None:
    done = manage("prepare_database", DATABASE_RESTRICTED_ROLE="flyt_of_another_name")
    assert done.returncode == 1
    assert 'create role "flyt_of_another_name" nologin; grant' in done.stderr
    assert "Traceback" not in done.stderr
