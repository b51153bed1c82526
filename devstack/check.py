"""`python3 dev.py check`: every rule that needs no running database."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devstack import StackError
from devstack.environment import environment, inherited
from devstack.places import ROOT, data_folder, make_folder
from devstack.terminal import say

PYTHON = [sys.executable, "-m"]
# The database is not there: Django warns that it cannot compare its history, and one of its checks would fail.
DRY = ["makemigrations", "--check", "--dry-run", "--skip-checks"]
MIGRATIONS = [sys.executable, "-W", "ignore::RuntimeWarning", "manage.py", *DRY]
FIXES = {
    "Lint, mending": [*PYTHON, "ruff", "check", "--fix"],
    "Formatting": [*PYTHON, "ruff", "format"],
}
CHECKS = {
    "Formatting": [*PYTHON, "ruff", "format", "--check"],
    "Lint": [*PYTHON, "ruff", "check"],
    "Types": [*PYTHON, "mypy"],
    "Layers": [str(Path(sys.executable).with_name("lint-imports"))],
    "Missing migrations": MIGRATIONS,
}


def check(arguments: Sequence[str]) -> int:
    """Run all checks, also after one has failed; with `--fix`, mend first what can be mended."""
    if unknown := [argument for argument in arguments if argument != "--fix"]:
        raise StackError(f"check does not know {unknown[0]}: it takes --fix or nothing.")
    nowhere = "/nonexistent"
    env = inherited() | environment(
        make_folder(data_folder() / "check"),
        database_url=f"postgres://flyt@{nowhere.replace('/', '%2F')}/flyt",
        redis_url=f"redis+socket://{nowhere}",
        web_port=8000,
        inbox_port=1,
    )
    if arguments:
        for title, command in FIXES.items():
            say(f"{title} …")
            subprocess.run(command, cwd=ROOT, env=env)
    failed: list[str] = []
    for title, command in CHECKS.items():
        say(f"{title} …")
        if subprocess.run(command, cwd=ROOT, env=env).returncode:
            failed.append(title)
    say(f"Failed: {', '.join(failed)}." if failed else "All checks passed.")
    return 1 if failed else 0
