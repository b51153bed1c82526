import os
import signal
import smtplib
import time
from pathlib import Path

import pytest

from devstack import StackError
from devstack.processes import born_at
from devstack.stack import Stack
from tests.devstack.eventually import eventually


def inbox_only(var: Path, *, restart: bool = True) -> Stack:
    """A stack of its smallest child, which needs no database."""
    nowhere = "postgres://flyt@nowhere.invalid/flyt", "redis://nowhere.invalid"
    return Stack(var, *nowhere, children=["inbox"], restart=restart)


def takes_mail(stack: Stack) -> bool:
    """Whether the inbox answers."""
    try:
        with smtplib.SMTP("127.0.0.1", stack.inbox_port, timeout=5):
            return True
    except OSError:
        return False


def test_a_killed_child_comes_back_on_the_same_port(var: Path) -> None:
    with inbox_only(var) as stack:
        eventually(lambda: takes_mail(stack))
        first = stack.pids["inbox"]
        stack.kill("inbox")
        assert born_at(first) is None
        eventually(lambda: stack.pids["inbox"] != first)
        eventually(lambda: takes_mail(stack))


def test_without_restart_a_killed_child_stays_dead(var: Path) -> None:
    with inbox_only(var, restart=False) as stack:
        stack.kill("inbox")
        time.sleep(0.5)  # five rounds of the watcher
        assert born_at(stack.pids["inbox"]) is None


def test_a_child_that_keeps_ending_is_given_up_with_its_log(var: Path) -> None:
    (var / "inbox").write_text("a file where the folder should be")
    with inbox_only(var) as stack:
        eventually(lambda: stack.failed)
        assert stack.failed and stack.failed.startswith("inbox keeps ending; its log says:")
        assert "File exists" in stack.failed
        with pytest.raises(StackError, match="inbox keeps ending"):
            stack.wait_ready(5)


def test_after_stop_no_child_and_no_note_is_left(var: Path) -> None:
    stack = inbox_only(var)
    stack.start()
    pid = stack.pids["inbox"]
    started = time.monotonic()
    stack.stop()
    assert time.monotonic() - started < 5
    assert born_at(pid) is None
    assert not (var / "pids").exists()


def test_a_second_stack_on_the_folder_ends_what_the_first_left(var: Path) -> None:
    first = inbox_only(var, restart=False)
    first.start()
    with inbox_only(var):
        assert born_at(first.pids["inbox"]) is None
    first.stop()


def test_not_ready_says_what_is_missing(var: Path) -> None:
    with inbox_only(var) as stack, pytest.raises(StackError, match=r"not ready in 0 s \(.*refused"):
        stack.wait_ready(0.3)


def test_the_children_get_keys_that_stay_the_same_and_are_private(var: Path) -> None:
    keys = [inbox_only(var).environment["SECRET_KEY"] for _ in range(2)]
    assert keys[0] == keys[1] and len(keys[0]) >= 43
    assert (var / "secret_key").stat().st_mode & 0o777 == 0o600
    assert keys[0] != inbox_only(var).environment["FIELD_ENCRYPTION_KEY"]


def test_a_signal_can_be_sent_to_one_child(var: Path) -> None:
    with inbox_only(var, restart=False) as stack:
        eventually(lambda: takes_mail(stack))
        stack.kill("inbox", signal.SIGTERM)
        eventually(lambda: born_at(stack.pids["inbox"]) is None)


def test_the_variables_of_the_caller_win(var: Path) -> None:
    stack = Stack(var, "postgres://flyt@x/flyt", "redis://x", children=(), env={"TEST_CLOCK": "0", "EXTRA": "1"})
    assert (stack.environment["TEST_CLOCK"], stack.environment["EXTRA"]) == ("0", "1")
    assert stack.environment["PATH"] == os.environ["PATH"]
