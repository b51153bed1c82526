"""The embedded PostgreSQL and Valkey, each started for real on a folder of its own."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from redis import Redis

from devstack.postgres import Postgres
from devstack.valkey import Valkey


@pytest.fixture
def postgres(var: Path) -> Iterator[Postgres]:
    """A running cluster with default durability."""
    server = Postgres(var)
    server.start()
    yield server
    server.stop()


def answer(server: Postgres, query: str) -> object:
    """The first value a query gives the product's own role."""
    connection = psycopg2.connect(server.url)
    try:
        with connection, connection.cursor() as sql:
            sql.execute(query)
            row = sql.fetchone() if sql.description else None
            return row[0] if row else None
    finally:
        connection.close()


def test_the_product_owns_its_database_and_has_no_special_powers(postgres: Postgres) -> None:
    powers = "select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = current_user"
    assert answer(postgres, "select current_user::text") == "flyt"
    assert answer(postgres, powers) is False
    assert answer(postgres, "select pg_has_role('flyt', 'flyt_tenant', 'set')") is True
    assert answer(postgres, "select rolcanlogin from pg_roles where rolname = 'flyt_tenant'") is False
    assert answer(postgres, "show fsync") == "on"


def test_a_killed_database_starts_again_with_its_data(postgres: Postgres) -> None:
    answer(postgres, "create table kept as select 42 as number")
    assert postgres.process
    postgres.process.send_signal(signal.SIGKILL)
    postgres.process.wait()
    postgres.start()
    assert answer(postgres, "select number from kept") == 42


def test_a_start_that_was_cut_short_leaves_nothing_that_hinders_the_next(var: Path) -> None:
    server = Postgres(var)
    server.data.mkdir()
    (server.data / "postgresql.conf").write_text("half")
    server.data.with_suffix(".new").mkdir()
    server.start()
    try:
        assert answer(server, "select 1") == 1
    finally:
        server.stop()


def test_a_second_server_ends_the_one_that_a_killed_run_left(var: Path) -> None:
    left, new = Postgres(var, volatile=True), Postgres(var, volatile=True)
    left.start()
    new.start()
    try:
        assert left.process and left.process.wait(10) == 0
        assert answer(new, "show fsync") == "off"
    finally:
        new.stop()


def test_a_killed_valkey_starts_again_with_its_data(var: Path) -> None:
    server = Valkey(var)
    server.start()
    try:
        address = server.url.replace("redis+socket://", "unix://")
        with Redis.from_url(address) as client:
            client.set("kept", "42")
        assert server.process
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.start()
        with Redis.from_url(address) as client:
            assert client.get("kept") == b"42"
    finally:
        server.stop()
