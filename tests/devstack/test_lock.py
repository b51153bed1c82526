import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import StackError
from devstack.lock import Lock

REFUSAL = "Already in use by {owner}."


def test_the_second_owner_is_refused_and_told_who_the_first_is(var: Path) -> None:
    with Lock(var / "lock", REFUSAL) as first:
        first.note("http://127.0.0.1:8000 (pid 7)")
        with pytest.raises(StackError, match=r"Already in use by http://127.0.0.1:8000 \(pid 7\)\."):
            Lock(var / "lock", REFUSAL).__enter__()


def test_what_an_earlier_owner_wrote_does_not_lock(var: Path) -> None:
    (var / "lock").write_text("http://127.0.0.1:8000 (pid 1)")
    with Lock(var / "lock", REFUSAL):
        pass


def test_a_killed_owner_holds_nothing(var: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from devstack.lock import Lock\n"
        "with Lock(Path(sys.argv[1]), ''): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, var / "lock"], stdout=subprocess.PIPE) as owner:
        assert owner.stdout and owner.stdout.readline() == b"held\n"
        with pytest.raises(StackError):
            Lock(var / "lock", REFUSAL).__enter__()
        os.kill(owner.pid, signal.SIGKILL)
    with Lock(var / "lock", REFUSAL):
        pass
