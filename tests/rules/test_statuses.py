"""A status changes only in a lifecycle: one table of moves, one conditional UPDATE."""

import ast
import re
from collections.abc import Iterable
from typing import Final

from .sources import Source, sources

WRITERS: Final = {
    "accounts/history.py",
    "flows/lifecycle.py",
    "messaging/lifecycle.py",
    "participants/lifecycle.py",
    "records/import_lifecycle.py",
    "triggers/lifecycle.py",
}
NO_LIFECYCLE: Final = {
    "api/idempotency.py": "the HTTP status of a kept answer",
}
# PostgreSQL takes no table name before a column that it sets, so `set m.status =` need not be looked for.
SETS_STATUS: Final = re.compile(r"(\bset|,)\s*\"?status\"?\s*=|\bset\s*\([^)]*\bstatus\b", re.IGNORECASE)
CHANGES: Final = {"update", "aupdate", "bulk_update", "update_or_create", "save", "setattr"}


def writes(of: Iterable[Source]) -> list[str]:
    """Where a status of a row that is there already is written, as "file:line"."""
    return [f"{source.path}:{line}" for source in of for line in _lines(source.tree)]


def _lines(tree: ast.Module) -> list[int]:
    return sorted({getattr(node, "lineno", 0) for node in ast.walk(tree) if _writes(node)})


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _name(node.func) in CHANGES and _mentions_status(node)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(SETS_STATUS.search(node.value))
    return _is_status(node)


def _is_status(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "status" and isinstance(node.ctx, ast.Store)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _mentions_status(call: ast.Call) -> bool:
    """`status` as a keyword, or as a text anywhere in the arguments: a field's name, the key of a dictionary."""
    if any(keyword.arg == "status" for keyword in call.keywords):
        return True
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    parts = [part for argument in arguments for part in ast.walk(argument)]
    return any(isinstance(part, ast.Constant) and part.value == "status" for part in parts)


def test_only_lifecycles_write_a_status() -> None:
    allowed = WRITERS | set(NO_LIFECYCLE)
    assert writes(source for source in sources() if source.path not in allowed) == []


def test_every_file_that_may_write_a_status_does() -> None:
    found = {place.split(":")[0] for place in writes(sources())}
    # Two lifecycles leave the writing to accounts.history.move().
    assert (WRITERS | set(NO_LIFECYCLE)) - found == {"flows/lifecycle.py", "triggers/lifecycle.py"}


def test_every_way_of_writing_a_status_is_caught() -> None:
    planted = (
        "flow.status = 'running'",
        "flow.status, other = 'running', 1",
        "Flow.objects.filter(pk=1).update(status='running')",
        "Flow.objects.filter(pk=1).update(**{'status': 'running'})",
        "Flow.objects.bulk_update(flows, ['status'])",
        "flow.save(update_fields=['status'])",
        "setattr(flow, 'status', 'running')",
        "SQL = 'update flows_flow set status = %s'",
        "SQL = f'update {table} set name = %s,\\n status=%s'",
        "SQL = 'update flows_flow f SET (name, status) = row(%s, %s)'",
    )
    for line in planted:
        assert writes([Source("web/flows.py", line)]) == ["web/flows.py:1"], line


def test_reading_a_status_and_being_born_with_one_is_no_change() -> None:
    innocent = (
        "x = flow.status == 'running'",
        "Flow.objects.create(status='running')",
        "Flow.objects.filter(status='running').update(name='x')",
        "SQL = \"update batch set decision = 'x' from m where m.status = 'sent' and status = 'y'\"",
        "return_value = render(request, status=404)",
    )
    for line in innocent:
        assert writes([Source("web/flows.py", line)]) == [], line
