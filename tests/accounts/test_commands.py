"""What an operator runs on a new database, as the separate processes they are."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
from pytest_django import Settings

from accounts.management.commands import compile_translations
from config.beat import HouseJob

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


def test_house_jobs_become_rows_and_nothing_else_stays(db: None, settings: Settings) -> None:
    settings.HOUSE_JOBS = (HouseJob("a.tick", 5, "ticks"), HouseJob("b.tock", 60, "tocks"))
    PeriodicTask.objects.create(
        name="stray", task="stray", interval=IntervalSchedule.objects.create(every=9, period=IntervalSchedule.HOURS)
    )
    call_command("sync_beat", verbosity=0)
    rows = PeriodicTask.objects.order_by("name").values_list("task", "interval__every", "expire_seconds", "enabled")
    assert list(rows) == [("a.tick", 5, 10, True), ("b.tock", 60, 120, True)]
    assert not IntervalSchedule.objects.filter(period=IntervalSchedule.HOURS).exists()


def test_house_jobs_that_are_right_are_left_alone_and_wrong_ones_mended(db: None, settings: Settings) -> None:
    settings.HOUSE_JOBS = (HouseJob("a.tick", 5, "ticks"),)
    call_command("sync_beat", verbosity=0)
    told = PeriodicTasks.last_change()
    call_command("sync_beat", verbosity=0)
    assert PeriodicTasks.last_change() == told, "beat would read everything anew"
    PeriodicTask.objects.update(enabled=False, queue="nowhere")
    call_command("sync_beat", verbosity=0)
    assert list(PeriodicTask.objects.values_list("enabled", "queue")) == [(True, None)]
    assert PeriodicTasks.last_change() != told


def write(folder: Path, text: str) -> Path:
    """A translation file of `folder`."""
    path = folder / "nb" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_translations_are_compiled_when_they_have_changed(tmp_path: Path, settings: Settings) -> None:
    settings.LOCALE_PATHS, settings.BASE_DIR = [tmp_path], tmp_path
    source = write(tmp_path, 'msgid "Flows"\nmsgstr "Flyter"\n')
    call_command("compile_translations", verbosity=0)
    target = source.with_suffix(".mo")
    assert b"Flyter" in target.read_bytes()
    before = target.stat().st_mtime_ns
    call_command("compile_translations", verbosity=0)
    assert target.stat().st_mtime_ns == before
    source.write_text('msgid "Flows"\nmsgstr "Flyt"\n')
    os.utime(source, ns=(before + 10**9, before + 10**9))
    call_command("compile_translations", verbosity=0)
    assert b"Flyter" not in target.read_bytes()
    assert [path.name for path in source.parent.iterdir() if path.suffix not in (".po", ".mo")] == []


def test_a_translation_file_that_cannot_be_read_is_named(tmp_path: Path, settings: Settings) -> None:
    settings.LOCALE_PATHS, settings.BASE_DIR = [tmp_path], tmp_path
    source = write(tmp_path, "this is no translation\n")
    with pytest.raises(CommandError, match=str(source)):
        call_command("compile_translations", verbosity=0)
    assert not source.with_suffix(".mo").exists()


def test_translations_of_every_package_are_found() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in compile_translations._sources()}
    assert {path.parts[-5] for path in ROOT.glob("*/locale/*/LC_MESSAGES/*.po")} <= folders
