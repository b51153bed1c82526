"""Child processes that never outlive the one who started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from io import BufferedWriter
from pathlib import Path

HAS_PROC = Path("/proc/self/stat").exists()  # Linux; elsewhere `ps` answers
LEASH = Path(__file__).with_name("leash.py")


def leash(death_signal: signal.Signals) -> list[str]:
    """The command prefix that ties a process to the thread that starts it."""
    return [sys.executable, "-I", "-S", str(LEASH), str(int(death_signal)), str(os.getpid())]


def spawn(
    command: Sequence[str | Path],
    log: BufferedWriter,
    *,
    death_signal: signal.Signals | None = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a background process in a session of its own, so that Ctrl-C reaches only us.

    It dies with the calling *thread*: start it from one that lives as long as the process should.
    `death_signal=None` means that the command ties itself.
    """
    prefix = leash(death_signal) if death_signal else []
    return subprocess.Popen(
        [*prefix, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def run_in_front(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run a command that owns the terminal and return its exit code (128 + n after signal n)."""
    child = subprocess.Popen([*leash(signal.SIGTERM), *map(str, command)], env=env, cwd=cwd)
    # The terminal sends Ctrl-C to both; the child decides what it means, we wait and clean up.
    signal.signal(signal.SIGINT, lambda *_: None)
    for passed_on in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(passed_on, lambda number, _: child.send_signal(number))
    code = child.wait()
    return code if code >= 0 else 128 - code


def born_at(pid: int) -> str | None:
    """What tells a process from a later one with the same number; None when it is gone."""
    if HAS_PROC:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return shown.stdout.strip() or None


def write_down(path: Path, pids: Iterable[int]) -> None:
    """Record running processes for `sweep`, in one step."""
    lines = [f"{pid} {born}" for pid in pids if (born := born_at(pid))]
    draft = path.with_suffix(".new")
    draft.write_text("\n".join(lines))
    draft.replace(path)


def sweep(path: Path, *, patience: float = 5.0) -> None:
    """End what an earlier run that was killed left behind: a second beat would double every tick."""
    left = dict(line.split(" ", 1) for line in path.read_text().splitlines() if " " in line) if path.exists() else {}
    for stop in (signal.SIGTERM, signal.SIGKILL):
        alive = [int(pid) for pid, born in left.items() if born_at(int(pid)) == born]
        for pid in alive:
            signal_group(pid, stop)
        end = time.monotonic() + patience
        while time.monotonic() < end and any(born_at(pid) == left[str(pid)] for pid in alive):
            time.sleep(0.05)
    path.unlink(missing_ok=True)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process; SIGKILL also takes its own children, which it can no longer end itself."""
    try:
        if number == signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):  # macOS answers so for a group that has just ended
        return
