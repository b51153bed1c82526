"""A fresh database with the product's own schema, filled by set statements, and processes that play the workers."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
NAME = "flyt_benchmark"


@contextmanager
def fresh_database() -> Iterator[None]:
    """Point this process at a new, migrated database, dropped at the end."""
    outside = os.environ["DATABASE_URL"]
    admin = psycopg2.connect(outside)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"drop database if exists {NAME}")
        cursor.execute(f"create database {NAME}")
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(outside)._replace(path=f"/{NAME}"))
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
        os.environ["DATABASE_URL"] = outside
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
    with closing(owner()) as session, session.cursor() as cursor:
        cursor.execute(sql, params or None)


def one(sql: str, *params: object) -> object:
    """The first value of a statement's answer, as the owner."""
    with closing(owner()) as session, session.cursor() as cursor:
        cursor.execute(sql, params or None)
        value: object = cursor.fetchone()[0]
    return value


def settle() -> None:
    """Vacuum and a checkpoint, so that what one measurement left behind does not burden the next."""
    run("vacuum analyze")
    # Dropping a database makes a checkpoint, which nobody but a superuser may ask for.
    run(f"drop database if exists {NAME}_empty")
    run(f"create database {NAME}_empty")
    run(f"drop database {NAME}_empty")


def say(what: str) -> None:
    """Tell how far it is, at once."""
    print(f"  {what}", flush=True)


def workers(code: str, n: int, *, before: str = "pass") -> float:
    """Run `code` in `n` processes with Django set up; seconds from the common start to the last one's end.

    `before`: what workers have imported long before there is anything to do.
    """
    start = (
        f"import django, sys; django.setup(); {before}; from django.db import connection;"
        "connection.ensure_connection(); print('ready', flush=True); sys.stdin.readline()\n"
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


def clone(table: str, source: int, n: int, base: int, **columns: str) -> None:
    """`n` copies of a row, with ids from `base` + 1 on; `columns` are SQL expressions over g, 1 to n."""
    changes = ", ".join(f"'{name}', {expression}" for name, expression in {"id": f"{base} + g", **columns}.items())
    run(
        f"insert into {table} select made.* from {table} t cross join generate_series(1, {n}) g"
        f" cross join lateral jsonb_populate_record(null::{table}, to_jsonb(t) || jsonb_build_object({changes})) made"
        f" where t.id = {source}"
    )


def clone_flow(flow: int, n: int, base: int, *, status: str = "running") -> None:
    """`n` copies of a flow with their outboxes, activations and steps; a step's id is `base` + 100 * g + position."""
    outbox = one("select outbox_id from flows_flow where id = %s", flow)
    activation = one("select min(id) from flows_activation where flow_id = %s", flow)
    assert isinstance(outbox, int)
    key = f"hashtextextended('flow', {base} + g)"
    clone("messaging_outbox", outbox, n, base, lock_key=key, held=f"{str(status != 'running').lower()}")
    clone("flows_flow", flow, n, base, outbox_id=f"{base} + g", name="'Flow ' || g", status=f"'{status}'")
    if isinstance(activation, int):
        clone("flows_activation", activation, n, base, flow_id=f"{base} + g")
    steps = one("select array_agg(id order by position) from flows_step where flow_id = %s", flow)
    for position, step in enumerate(steps):  # type: ignore[arg-type, var-annotated]
        run(
            f"insert into flows_step select made.* from flows_step t cross join generate_series(1, {n}) g"
            " cross join lateral jsonb_populate_record(null::flows_step, to_jsonb(t) || jsonb_build_object("
            f" 'id', {base} + 100 * g + {position}, 'flow_id', {base} + g)) made where t.id = {step}"
        )


def enter(account: int, n: int, *, flow: str, step: str, due: str, record: str = "g", first: int = 0) -> None:
    """`n` active participants by SQL expressions over g, `first` + 1 to `first` + `n`."""
    for begin in range(first, first + n, 1_000_000):
        end = min(begin + 1_000_000, first + n)
        run(
            f"""
            insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop,
              arrived_at, due_at, failures, succeeded, success_criterion, cause, only_once, depth, enrolled_at)
            select {account}, {flow}, {record}, 'active', '', {step}, 0,
              now(), {due}, 0, false, '', 'by_hand', false, 0, now()
            from generate_series({begin + 1}, {end}) g
            """
        )
        if n > 1_000_000:
            say(f"{end:,} participants, {free_space():.0f} GB left on the disk")


def free_space() -> float:
    """Gigabytes left where the database of `dev.py` lies."""
    return shutil.disk_usage(os.environ.get("FLYT_VAR") or ROOT).free / 1e9


def milliseconds(work: Callable[[], object], times: int = 30) -> list[float]:
    """How long each of some runs took, sorted; the first is not counted."""
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1_000)
    return sorted(took[1:])


def explain(sql: str, params: dict[str, object]) -> str:
    """The plan of a statement, which is not run, as the owner sees it."""
    with closing(owner()) as session, session.cursor() as cursor:
        cursor.execute(f"explain (costs off) {sql}", params)
        return "\n".join(row[0] for row in cursor.fetchall())
