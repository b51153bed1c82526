"""Small files with a subject, no chatter, no second clock."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Final

import pytest

from .sources import ROOT, Source, sources

LONGEST: Final = 400  # lines
NO_SUBJECT: Final = {"base_utils", "common", "core", "helpers", "managers", "misc", "services", "signals", "utils"}
CLOCK: Final = "scheduling/clock.py"
OTHER_CLOCKS: Final = {
    "api/idempotency.py": "kept answers and abandoned requests age in real time, also while a test moves the clock",
    "messaging/claims.py": "leases of workers run in real time, also while a test moves the clock",
}
PYTHON_CLOCKS: Final = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("timezone", "now"),
    ("timezone", "localdate"),
    ("time", "time"),
    ("functions", "Now"),
}
SQL_CLOCKS: Final = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(\s*\)"
    r"|\b(current_timestamp|current_date|localtimestamp)\b",
    re.IGNORECASE,
)


def too_long(of: Iterable[Source]) -> list[str]:
    """Files that want to be two."""
    return [source.path for source in of if len(source.text.splitlines()) > LONGEST]


def without_subject(of: Iterable[Source]) -> list[str]:
    """Files and folders named after a kind of code."""
    return [source.path for source in of if NO_SUBJECT & {part.lower() for part in PurePath(source.path[:-3]).parts}]


def prints(of: Iterable[Source]) -> list[str]:
    """Calls of print()."""
    return [
        f"{source.path}:{node.lineno}"
        for source in of
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def swallowed(of: Iterable[Source]) -> list[str]:
    """Handlers that catch every exception and do nothing."""
    return [
        f"{source.path}:{node.lineno}"
        for source in of
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id.endswith("Exception")))
        and all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
    ]


def promises(of: Iterable[Source]) -> list[str]:
    """Notes about work that was not done."""
    note = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    return [f"{source.path}: {found.group()}" for source in of for found in note.finditer(source.text)]


def clocks(of: Iterable[Source]) -> list[str]:
    """Readings of any clock."""
    return [f"{source.path}: {reading}" for source in of for reading in _readings(source)]


def _readings(source: Source) -> Iterator[str]:
    imported: dict[str, str] = {}
    tree = source.tree
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                imported[alias.asname or alias.name] = f"{node.module.split('.')[-1]}.{alias.name}"
    for node in ast.walk(tree):
        first, *rest = _dotted(node).split(".")
        parts = [*imported.get(first, first).split("."), *rest]
        if tuple(parts[-2:]) in PYTHON_CLOCKS:
            yield ".".join([first, *rest])
    for text in source.strings:
        if (found := SQL_CLOCKS.search(text)) and "select" in text.lower():
            yield found.group()


def _dotted(node: ast.AST) -> str:
    """ "datetime.datetime.now" for a name with its attributes."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


def test_no_file_is_longer_than_400_lines() -> None:
    assert too_long([*sources(tests=True), Source("dev.py", (ROOT / "dev.py").read_text())]) == []


def test_every_file_is_named_after_its_subject() -> None:
    assert without_subject(sources(tests=True)) == []


def test_only_commands_and_the_development_stack_print() -> None:
    quiet = (source for source in sources() if "management/commands/" not in source.path)
    assert prints(quiet) == []


def test_no_error_is_swallowed() -> None:
    assert swallowed(sources(tests=True)) == []


def test_nothing_is_left_for_later() -> None:
    assert promises(source for source in sources(tests=True) if source.path != "tests/rules/test_sizes.py") == []


def test_time_is_read_from_the_one_clock() -> None:
    allowed = {CLOCK} | set(OTHER_CLOCKS)
    assert clocks(source for source in sources() if source.path not in allowed) == []


def test_the_listed_clocks_are_read_there() -> None:
    read = {reading.split(":")[0] for reading in clocks(sources())}
    assert read == {CLOCK} | set(OTHER_CLOCKS)


def test_long_files_and_files_without_a_subject_are_caught() -> None:
    assert too_long([Source("web/a.py", "x = 1\n" * 401), Source("web/b.py", "x = 1\n" * 400)]) == ["web/a.py"]
    planted = [Source("web/helpers.py", ""), Source("core/flow.py", ""), Source("web/flow_helpers_list.py", "")]
    assert without_subject(planted) == ["web/helpers.py", "core/flow.py"]


def test_prints_swallowed_errors_and_promises_are_caught() -> None:
    planted = [Source("web/a.py", "try:\n  print(1)\nexcept Exception:\n  pass\n# TODO: later\n")]
    assert (prints(planted), swallowed(planted)) == (["web/a.py:2"], ["web/a.py:3"])
    assert promises(planted) == ["web/a.py: TODO"]


@pytest.mark.parametrize(
    "line",
    [
        "import datetime\nx = datetime.datetime.now()",
        "from datetime import datetime\nx = datetime.now(tz=UTC)",
        "from datetime import date\nx = date.today()",
        "from django.utils import timezone\nat = Field(default=timezone.now)",
        "from django.utils.timezone import now\nx = now()",
        "from django.utils.timezone import now as present\nx = present()",
        "import time\nx = time.time()",
        "from time import time\nx = time()",
        "from django.db.models.functions import Now\nx = Now()",
        "SQL = 'select 1 where at < now()'",
        "SQL = f'select {x} where at < CURRENT_TIMESTAMP'",
    ],
)
def test_another_clock_is_caught(line: str) -> None:
    assert clocks([Source("web/a.py", line)]) != []


def test_our_own_clock_is_none_other() -> None:
    assert clocks([Source("web/a.py", "from scheduling.clock import now\nx = now()")]) == []
