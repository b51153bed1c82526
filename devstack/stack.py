"""Flyt's own processes, watched: `up` runs them for people, tests and benchmarks to break them."""

import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from devstack import StackError
from devstack.environment import environment, inherited
from devstack.places import ROOT, log_tail, make_folder, open_log
from devstack.ports import free_port
from devstack.processes import signal_group, spawn, sweep, write_down
from devstack.terminal import say

CHILDREN = ("inbox", "web", "engine", "delivery", "default", "bulk", "beat")
RESTARTS_PER_MINUTE = 5
# Beat answers SIGTERM with a last write to the database and lives on when that fails; a worker may try to
# reach a broker that is gone. The truth is in PostgreSQL, so they may die at any point.
DEATH_SIGNALS = {"web": signal.SIGTERM, "inbox": signal.SIGTERM}
# A proxy that the environment names is not for our own machine.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stack:
    """Web, workers, beat and inbox on a database and a broker that already answer.

    `var` takes logs, mails and keys. `port` 0 means any free one. With `restart`, whatever dies comes back,
    at most five times a minute; after that `failed` holds the sentence. `pids` are the running ones.
    """

    def __init__(
        self,
        var: Path,
        database_url: str,
        redis_url: str,
        *,
        port: int = 0,
        children: Iterable[str] = CHILDREN,
        env: dict[str, str] | None = None,
        restart: bool = True,
    ) -> None:
        self.var = make_folder(var.absolute())
        self.children = tuple(children)
        self.restart = restart
        self.port = port or free_port()
        self.inbox_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.inbox_dir = self.var / "inbox"
        self.settings = environment(
            self.var,
            database_url=database_url,
            redis_url=redis_url,
            web_port=self.port,
            inbox_port=self.inbox_port,
        ) | (env or {})
        self.environment = inherited() | self.settings
        self.failed: str | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, list[float]] = {name: [] for name in self.children}
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The process number of every child that was started, by name."""
        return {name: process.pid for name, process in list(self._processes.items())}

    def prepare(self, credentials: Path) -> None:
        """Bring the database up to date and make the demo account; what it prints goes to `prepare.log`."""
        command = [sys.executable, "manage.py", "get_ready", "--credentials", str(credentials)]
        with open_log(self.var, "prepare") as log:
            process = spawn(command, log, env=self.environment, cwd=ROOT)
        try:
            code = process.wait()
        finally:
            signal_group(process.pid, signal.SIGKILL)  # when we were asked to stop meanwhile
        if code:
            raise StackError(f"The database could not be prepared:\n{log_tail(self.var, 'prepare')}")

    def start(self) -> None:
        """End what an earlier stack on this folder left behind, and start every child."""
        sweep(self.var / "pids")
        self._watcher = threading.Thread(target=self._watch, name="stack", daemon=True)
        self._watcher.start()
        self._started.wait()

    def wait_ready(self, timeout: float = 120, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Return when /readyz answers 200; raise with what it said after `timeout` seconds."""
        end = time.monotonic() + timeout
        while missing := self.why_not_ready():
            if self.failed or time.monotonic() > end:
                logs = self.var / "logs"
                raise StackError(self.failed or f"Flyt was not ready in {timeout:.0f} s ({missing}); see {logs}.")
            meanwhile()
            time.sleep(0.1)

    def why_not_ready(self) -> str:
        """What /readyz says is missing; empty when it answers 200."""
        try:
            with DIRECT.open(f"{self.url}/readyz", timeout=5):
                return ""
        except urllib.error.HTTPError as error:
            return error.read(2000).decode(errors="replace").strip() or str(error)
        except OSError as error:
            return str(error)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal a child; SIGKILL takes its pool processes with it and returns when it is dead."""
        process = self._processes[name]
        signal_group(process.pid, number)
        if number == signal.SIGKILL:
            process.wait()

    def stop(self) -> None:
        """Stop every child: politely first, after ten seconds by force."""
        self._stopping.set()
        with self._changing:
            for process in self._processes.values():
                if process.poll() is None:
                    process.terminate()
            end = time.monotonic() + 10
            for process in self._processes.values():
                try:
                    process.wait(max(0.0, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    signal_group(process.pid, signal.SIGKILL)
                    process.wait()
        if self._watcher:
            self._watcher.join()
        (self.var / "pids").unlink(missing_ok=True)

    def _watch(self) -> None:
        """The thread that all children hang on: they would die with the one that starts them."""
        with self._changing:
            self._try(self._spawn_all)
        self._started.set()
        while not self._stopping.wait(0.1):
            with self._changing:
                if self.restart and not self._stopping.is_set() and not self.failed:
                    self._try(self._bring_back_dead)
        while any(process.poll() is None for process in self._processes.values()):
            time.sleep(0.02)

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
        except (OSError, StackError) as error:
            self.failed = str(error)

    def _spawn_all(self) -> None:
        for name in self.children:
            self._spawn(name)
        write_down(self.var / "pids", self.pids.values())

    def _bring_back_dead(self) -> None:
        """Start dead children again unless they keep dying."""
        for name, process in list(self._processes.items()):
            if process.poll() is None:
                continue
            now = time.monotonic()
            self._deaths[name] = [moment for moment in self._deaths[name] if moment > now - 60] + [now]
            if len(self._deaths[name]) > RESTARTS_PER_MINUTE:
                raise StackError(f"{name} keeps ending; its log says:\n{log_tail(self.var, name)}")
            say(f"{name} ended unexpectedly: starting it again …")
            signal_group(process.pid, signal.SIGKILL)  # what it may have left of its own
            self._spawn(name)
            write_down(self.var / "pids", self.pids.values())

    def _spawn(self, name: str) -> None:
        death_signal = DEATH_SIGNALS.get(name, signal.SIGKILL)
        with open_log(self.var, name) as log:
            self._processes[name] = spawn(
                self._command(name), log, death_signal=death_signal, env=self.environment, cwd=ROOT
            )

    def _command(self, name: str) -> list[str]:
        python = [sys.executable, "-m"]
        if name == "inbox":
            folder = str(self.inbox_dir)
            return [*python, "devstack.inbox", "--port", str(self.inbox_port), "--folder", folder]
        if name == "web":
            threads = [
                "--worker-class",
                "gthread",
                "--workers",
                "1",
                "--threads",
                "8",
                "--graceful-timeout",
                "3",
            ]
            bind = ["--bind", f"127.0.0.1:{self.port}", "--no-control-socket", "--access-logfile", "-"]
            return [*python, "gunicorn", "config.wsgi", *threads, *bind]
        celery = [*python, "celery", "-A", "config"]
        if name == "beat":
            return [*celery, "beat", "--loglevel", "info", "--pidfile="]
        concurrency = "2" if name in ("engine", "delivery") else "1"
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "info"]
        return [*celery, "worker", "-Q", name, "-c", concurrency, "-n", f"{name}@%h", *quiet]
