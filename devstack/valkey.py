"""Valkey as a child process on a unix socket."""

import signal
import subprocess
import time
from pathlib import Path

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack import StackError
from devstack.binaries import valkey_program
from devstack.places import log_tail, make_folder, open_log, socket_folder
from devstack.processes import spawn


class Valkey:
    """One server with its data in `<var>/valkey`; it dies with the thread that starts it."""

    name = "Valkey"

    def __init__(self, var: Path, volatile: bool = False) -> None:
        self.program = valkey_program()
        self.var = make_folder(var.absolute())
        self.volatile = volatile
        self.socket = socket_folder(self.var) / "valkey.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for REDIS_URL, in the form that Celery reads."""
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        """Start the server on its earlier data and return when it answers."""
        self._end_orphan()
        folder = make_folder(self.var / "valkey")
        durability = "no" if self.volatile else "yes"
        command: list[str | Path] = [
            self.program,
            "--port",
            "0",
            "--unixsocket",
            self.socket,
            "--unixsocketperm",
            "700",
        ]
        command += ["--dir", folder, "--daemonize", "no", "--appendonly", durability, "--save", ""]
        with open_log(self.var, "valkey") as log:
            self.process = spawn(command, log, cwd=folder)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self._answers():
                return
            if self.process.poll() is not None:
                raise StackError(f"Valkey did not start; its log says:\n{log_tail(self.var, 'valkey')}")
            time.sleep(0.02)
        raise StackError(f"Valkey did not answer within 30 s; see {self.var / 'logs' / 'valkey.log'}.")

    def stop(self) -> None:
        """Stop cleanly."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)

    def _end_orphan(self) -> None:
        """One left by a killed supervisor would share the append-only file."""
        end = time.monotonic() + 10
        while self._answers() and time.monotonic() < end:
            with self._client() as client:
                client.shutdown()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except (RedisError, OSError):
            return False

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket), socket_timeout=2, retry=Retry(NoBackoff(), 0))
