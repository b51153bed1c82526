"""No scope is held across a yield: whoever consumes the generator would work in it, or it in theirs."""

import ast
from collections.abc import Iterable
from typing import Final

from .sources import Source, sources

SCOPES: Final = {"account_scope", "every_account", "as_owner"}
SEPARATE: Final = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp


def held_across_a_yield(of: Iterable[Source]) -> list[str]:
    """The scopes that generators keep open while somebody else runs."""
    return [
        f"{source.path}:{node.lineno}"
        for source in of
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef) and not _is_context_manager(function)
        for node in _own(function)
        if isinstance(node, ast.With)
        and any(_name(item.context_expr) in SCOPES for item in node.items)
        and any(isinstance(part, ast.Yield | ast.YieldFrom) for part in _own(node))
    ]


def _own(node: ast.AST) -> Iterable[ast.AST]:
    """What belongs to this function, not to one inside it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, SEPARATE):
            yield from _own(child)


def _is_context_manager(function: ast.FunctionDef) -> bool:
    return any(_name(decorator) == "contextmanager" for decorator in function.decorator_list)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_no_scope_is_held_across_a_yield() -> None:
    assert held_across_a_yield(sources()) == []


def test_a_scope_held_across_a_yield_is_caught() -> None:
    planted = "def rows(a):\n  with account_scope(a):\n    for r in q:\n      yield r\n"
    assert held_across_a_yield([Source("web/a.py", planted)]) == ["web/a.py:2"]
    delegated = "def rows(a):\n  with tenancy.every_account(), x:\n    yield from q\n"
    assert held_across_a_yield([Source("web/a.py", delegated)]) == ["web/a.py:2"]


def test_a_scope_for_each_piece_is_right() -> None:
    piecewise = "def rows(a):\n  while True:\n    with account_scope(a):\n      ids = f()\n    yield ids\n"
    manager = "@contextmanager\ndef scope(a):\n  with account_scope(a):\n    yield\n"
    assert held_across_a_yield([Source("web/a.py", piecewise), Source("web/b.py", manager)]) == []
