"""PostgreSQL as a child process on a unix socket, with the roles that production has."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, cursor

from devstack import StackError
from devstack.binaries import postgres_programs
from devstack.identity import Identity, identity_for
from devstack.places import log_tail, make_folder, open_log, socket_folder
from devstack.processes import HAS_PROC, leash, spawn

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "1GB"}
STILL_ENDING = "pre-existing shared memory block"


class Postgres:
    """One cluster in `<var>/pg<major>`; `volatile` gives up durability for speed, for tests.

    Like every child it dies with the thread that starts it.
    """

    name = "PostgreSQL"

    def __init__(self, var: Path, volatile: bool = False, settings: dict[str, str] | None = None) -> None:
        self.programs = postgres_programs()
        self.var = make_folder(var.absolute())
        self.settings = SETTINGS | (VOLATILE if volatile else {}) | (settings or {})
        self.sockets = socket_folder(self.var)
        self.process: subprocess.Popen[bytes] | None = None
        shown = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True)
        if shown.returncode:
            reason = (shown.stderr.strip().splitlines() or ["unknown reason"])[-1]
            raise StackError(f"PostgreSQL cannot run on this system ({reason}): install it, or set DATABASE_URL.")
        self.major = int(shown.stdout.split()[2].split(".")[0])
        self.data = self.var / f"pg{self.major}"

    @property
    def url(self) -> str:
        """The address for DATABASE_URL: role `flyt`, which owns the database but is no superuser."""
        return f"postgres://flyt@{quote(str(self.sockets), safe='')}/flyt"

    def start(self) -> None:
        """Start the server, creating the cluster, the roles and the database where they are missing."""
        identity = identity_for(self.data)
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster(identity)
        if identity.owner is not None:
            os.chown(self.sockets, identity.owner, identity.owner)
            self.sockets.chmod(0o711)
        self._end_orphan()
        end = time.monotonic() + 60
        while not self._started(identity, end):
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop quickly and cleanly; running transactions are rolled back."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def _create_cluster(self, identity: Identity) -> None:
        """Build it under another name and rename, so that a start cut short leaves nothing half-made."""
        draft = self.data.with_suffix(".new")
        for half_made in (self.data, draft):
            shutil.rmtree(half_made, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if identity.owner is not None:
            os.chown(draft, identity.owner, identity.owner)
        order = ["--locale=C.UTF-8"]
        if self.major >= 17:
            order = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        initdb = str(self.programs / "initdb")
        command = [*identity.prefix, initdb, "-D", str(draft), "-U", "postgres"]
        done = subprocess.run(
            [*command, "-A", "trust", "-E", "UTF8", "--no-sync", *order],
            capture_output=True,
            text=True,
            env=_environment(),
            cwd="/",
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise StackError(f"PostgreSQL could not create its data in {self.data}: {reason}")
        draft.rename(self.data)

    def _started(self, identity: Identity, end: float) -> bool:
        """One attempt; False while processes of a killed server are still ending."""
        tie_inside = [] if identity.changes_user else leash(signal.SIGINT)
        prefix = list(identity.prefix)
        if identity.changes_user:
            prefix.append("--pdeathsig=INT")
        command = [*prefix, *tie_inside, str(self.programs / "postgres"), "-D", str(self.data)]
        for name, value in (self.settings | {"unix_socket_directories": str(self.sockets)}).items():
            command += ["-c", f"{name}={value}"]
        with open_log(self.var, "postgres") as log:
            outer = signal.SIGINT if identity.changes_user else None
            self.process = spawn(command, log, death_signal=outer, env=_environment(), cwd=Path("/"))
        while time.monotonic() < end:
            if self.process.poll() is not None:
                tail = log_tail(self.var, "postgres")
                if STILL_ENDING in tail:
                    return False
                raise StackError(f"PostgreSQL did not start; its log says:\n{tail}")
            try:
                self._ensure_roles()
            except psycopg2.OperationalError:
                time.sleep(0.03)
            else:
                return True
        raise StackError(f"PostgreSQL did not answer within a minute; see {self.var / 'logs' / 'postgres.log'}.")

    def _ensure_roles(self) -> None:
        """The same roles as in production: an owner without special powers, and the restricted one."""
        connection = psycopg2.connect(host=str(self.sockets), user="postgres", dbname="postgres", connect_timeout=5)
        try:
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            with connection.cursor() as sql:
                for role, powers in (("flyt", "login createdb"), ("flyt_tenant", "nologin")):
                    if not _exists(sql, "select 1 from pg_roles where rolname = %s", role):
                        sql.execute(f"create role {role} {powers}")
                sql.execute("grant flyt_tenant to flyt")
                if not _exists(sql, "select 1 from pg_database where datname = %s", "flyt"):
                    sql.execute("create database flyt owner flyt")
        finally:
            connection.close()

    def _end_orphan(self) -> None:
        """A server whose supervisor was killed may still be shutting down, or still run."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        if str(self.data) not in _command_line(pid):
            return
        os.kill(pid, signal.SIGINT)
        end = time.monotonic() + 30
        while pid_file.exists() and time.monotonic() < end:
            time.sleep(0.05)


def _exists(sql: cursor, query: str, name: str) -> bool:
    sql.execute(query, [name])
    return sql.fetchone() is not None


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _command_line(pid: int) -> str:
    if HAS_PROC:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
