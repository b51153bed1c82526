import os
import signal
import subprocess
import sys
from pathlib import Path

from devstack.places import open_log
from devstack.processes import born_at, run_in_front, spawn, sweep, write_down
from tests.devstack.eventually import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = """
import sys, time
from pathlib import Path
from devstack.places import open_log
from devstack.processes import spawn
with open_log(Path(sys.argv[1]), "child") as log:
    print(spawn([sys.executable, "-c", "import time; time.sleep(60)"], log).pid, flush=True)
time.sleep(60)
"""


def test_a_child_dies_with_a_parent_that_is_killed(var: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, var], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert born_at(child)
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: born_at(child) is None, seconds=10)


def test_what_a_killed_run_left_behind_is_ended(var: Path) -> None:
    with open_log(var, "left") as log:
        left = spawn(SLEEP, log)
    write_down(var / "pids", [left.pid])
    sweep(var / "pids")
    assert left.wait(5) == -signal.SIGTERM
    assert not (var / "pids").exists()


def test_what_does_not_listen_to_sigterm_is_killed(var: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
    with open_log(var, "left") as log:
        left = spawn([sys.executable, "-c", f"{stubborn}; time.sleep(60)"], log)
    eventually(lambda: b"deaf" in (var / "logs" / "left.log").read_bytes())
    write_down(var / "pids", [left.pid])
    sweep(var / "pids", patience=0.3)
    assert left.wait(5) == -signal.SIGKILL


def test_a_stranger_that_got_the_number_of_an_old_child_is_left_alone(var: Path) -> None:
    with open_log(var, "stranger") as log:
        stranger = spawn(SLEEP, log)
    (var / "pids").write_text(f"{stranger.pid} 1")
    sweep(var / "pids")
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_command_that_does_not_exist_is_one_sentence_and_127(var: Path) -> None:
    with open_log(var, "missing") as log:
        assert spawn(["/no/such/command"], log).wait(10) == 127
    said = (var / "logs" / "missing.log").read_text()
    assert said == "Cannot run /no/such/command: No such file or directory.\n"


def test_the_exit_code_of_a_command_in_front_is_passed_on() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        assert run_in_front([sys.executable, "-c", "raise SystemExit(3)"], env=dict(os.environ)) == 3
        killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        assert run_in_front([sys.executable, "-c", killed], env=dict(os.environ)) == 128 + signal.SIGKILL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
