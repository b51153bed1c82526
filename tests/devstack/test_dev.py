"""The bootstrap, which runs before anything is installed."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.places import ROOT


def bootstrap(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run dev.py with a virtual environment that is not there unless given."""
    return subprocess.run(
        [sys.executable, ROOT / "dev.py", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_old_python_can_read_it() -> None:
    ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 6))


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= set(sys.stdlib_module_names)


def test_without_a_command_it_lists_them() -> None:
    for arguments in ([], ["fly"], ["run"]):
        done = bootstrap(*arguments)
        assert done.returncode == 1
        for command in ("up", "test", "check", "run"):
            assert f"dev.py {command}" in done.stderr


def test_a_python_that_is_too_old_is_answered_with_what_to_install(var: Path) -> None:
    old = var / "python"
    old.write_text("#!/bin/sh\necho 3.9\n")
    old.chmod(0o755)
    done = bootstrap("up", FLYT_PYTHON=str(old), FLYT_VENV=str(var / "venv"))
    assert done.returncode == 1
    assert "Flyt needs Python 3.11 to 3.14" in done.stderr and "apt install python3" in done.stderr
    assert not (var / "venv").exists()


def test_a_folder_that_is_no_virtual_environment_is_never_cleared(var: Path) -> None:
    (var / "precious").write_text("kept")
    done = bootstrap("up", FLYT_VENV=str(var))
    assert done.returncode == 1
    assert f"{var} is not a virtual environment" in done.stderr
    assert (var / "precious").read_text() == "kept"


@pytest.mark.parametrize("smaller, larger", [("app", "up"), ("up", "dev")])
def test_every_lock_holds_the_smaller_one_in_the_same_versions(smaller: str, larger: str) -> None:
    versions = [{entry.split()[0] for entry in pinned(lock)} for lock in (smaller, larger)]
    assert versions[0] <= versions[1]


@pytest.mark.parametrize("lock", ["app", "up", "dev", "installer"])
def test_every_package_is_pinned_by_hash_and_no_address_is_named(lock: str) -> None:
    assert pinned(lock)
    for entry in pinned(lock):
        assert re.match(r"[a-z0-9-]+==\S+", entry) and "--hash=sha256:" in entry
        assert "://" not in entry


def pinned(lock: str) -> list[str]:
    """The entries of a lock file, each with its hashes."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text().replace("\\\n", "")
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]
