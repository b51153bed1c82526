"""A fresh database with the product's own schema, filled by set statements, and processes that play the workers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
NAME = "flyt_benchmark"


@contextmanager
def fresh_database() -> Iterator[None]:
    """Point this process at a new, migrated database, dropped at the end."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    admin = psycopg2.connect(os.environ["DATABASE_URL"])
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"drop database if exists {NAME}")
        cursor.execute(f"create database {NAME}")
    os.environ["DATABASE_URL"] = urlunsplit(parts._replace(path=f"/{NAME}"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["TEST_CLOCK"] = ""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False)
    try:
        yield
    finally:
        connection.close()
        with admin.cursor() as cursor:
            # Without force: that may not end an autovacuum worker, which the plain form asks to go.
            cursor.execute(f"drop database if exists {NAME}")
        admin.close()


def owner() -> "psycopg2.extensions.connection":
    """A plain session of the owner, past every wall: for seeding and for the bare comparison."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    return connection


def run(sql: str, *params: object) -> None:
    """One statement as the owner."""
    session = owner()
    with session.cursor() as cursor:
        cursor.execute(sql, params or None)
    session.close()


def one(sql: str, *params: object) -> object:
    """The first value of a statement's answer, as the owner."""
    session = owner()
    with session.cursor() as cursor:
        cursor.execute(sql, params or None)
        value = cursor.fetchone()[0]
    session.close()
    return value


def settle() -> None:
    """Vacuum and a checkpoint, so that what one measurement left behind does not burden the next."""
    run("vacuum analyze")


def say(what: str) -> None:
    """Tell how far it is, at once."""
    print(f"  {what}", flush=True)


def workers(code: str, n: int) -> float:
    """Run `code` in `n` processes with Django set up; seconds from the common start to the last one's end."""
    start = (
        "import django, sys; django.setup(); from django.db import connection; connection.ensure_connection();"
        "print('ready', flush=True); sys.stdin.readline()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", start + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        for _ in range(n)
    ]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        if process.wait():
            raise SystemExit("a worker failed")
    return time.perf_counter() - began


def make_account(people: int, name: str = "Bench") -> tuple[int, int]:
    """An account with that many contacts; returns the ids of the account and of its contact type."""
    from accounts.models import Account
    from accounts.tenancy import account_scope, every_account
    from records.models import ObjectType

    with every_account():
        account = Account.objects.create(name=name, slug=name.lower())
    with account_scope(account.pk):
        from records.schema import ensure_object_types

        ensure_object_types()
        contact = ObjectType.objects.get(key="contact")
    run(
        """
        insert into records_record
          (account_id, object_type_id, properties, consent, former_employee, created_at, updated_at)
        select %s, %s, jsonb_build_object('email', 'u' || g || '@example.com', 'country',
            case when g %% 3 = 0 then 'NO' else 'SE' end, 'score', g %% 100, 'first_name', 'Name' || g,
            'last_name', 'Surname' || g, 'phone', '+4670' || g, 'city', 'City ' || (g %% 500),
            'lifecycle_stage', 'Lead'),
          'given', false, now(), now()
        from generate_series(1, %s) g
        """,
        account.pk,
        contact.pk,
        people,
    )
    return account.pk, contact.pk
