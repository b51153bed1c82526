"""What people get wrong is answered with one sentence, before anything is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.places import ROOT
from devstack.ports import free_port

FORM = "write it as postgres://user:password@host:5432/name."


def refusal(var: Path, command: str = "up", *arguments: str, **variables: str) -> str:
    """Run a command that must fail, and return what it says."""
    given = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "PORT"}}
    done = subprocess.run(
        [sys.executable, "-m", "devstack", command, *arguments],
        cwd=ROOT,
        env=given | {"FLYT_VAR": str(var)} | variables,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.strip()


@pytest.mark.parametrize(
    "url", ["mysql://root@localhost/flyt", "postgres://localhost", "postgres://localhost:http/flyt", "flyt"]
)
def test_an_address_that_is_none_of_a_database_is_refused_with_the_form(var: Path, url: str) -> None:
    said = refusal(var, DATABASE_URL=url)
    assert said == f"DATABASE_URL is not the address of a PostgreSQL database: {FORM}"


def test_a_database_server_that_does_not_answer_is_named_without_its_password(var: Path) -> None:
    port = free_port()
    said = refusal(var, DATABASE_URL=f"postgres://flyt:secret@127.0.0.1:{port}/flyt")
    assert said == f"No PostgreSQL answers at 127.0.0.1:{port}: start it, or correct DATABASE_URL."


def test_a_database_that_does_not_exist_is_named(var: Path) -> None:
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + "/nosuchdatabase"
    assert refusal(var, DATABASE_URL=url).startswith('The database "nosuchdatabase" does not exist at ')


def test_a_user_that_the_database_refuses_is_said(var: Path) -> None:
    scheme, _, rest = os.environ["DATABASE_URL"].partition("://")
    said = refusal(var, DATABASE_URL=f"{scheme}://nosuchuser@{rest.rpartition('@')[2]}")
    assert "refuses DATABASE_URL" in said and "nosuchuser" in said and len(said.splitlines()) == 1


def test_a_redis_that_does_not_answer_is_named(var: Path) -> None:
    port = free_port()
    said = refusal(var, REDIS_URL=f"redis://:secret@127.0.0.1:{port}/0")
    assert said == f"No Redis or Valkey answers at 127.0.0.1:{port}: start it, or correct REDIS_URL."


def test_an_address_that_is_none_of_a_redis_is_refused_with_the_form(var: Path) -> None:
    said = refusal(var, REDIS_URL="http://localhost")
    assert said == "REDIS_URL is not the address of a Redis or Valkey: write it as redis://host:6379/0."


def test_a_port_that_is_no_number_is_refused(var: Path) -> None:
    assert refusal(var, PORT="http") == "PORT must be a number from 1 to 65535, not 'http'."
    assert not [path for path in var.iterdir() if path.name != "lock"]


def test_a_folder_that_cannot_be_written_is_refused(var: Path) -> None:
    (var / "file").write_text("")
    said = refusal(var / "file")
    assert said.startswith(f"Cannot write to {var / 'file'} (File exists): make it writable for this user, or set")


def test_a_folder_without_postgresql_is_refused(var: Path) -> None:
    said = refusal(var, FLYT_PG_BIN=str(var))
    assert said == f"FLYT_PG_BIN names {var}, which holds no postgres: correct it or remove it."


def test_an_unknown_argument_is_refused(var: Path) -> None:
    assert refusal(var, "up", "--fast").startswith("up does not know --fast")
    assert refusal(var, "check", "--fast") == "check does not know --fast: it takes --fix or nothing."
