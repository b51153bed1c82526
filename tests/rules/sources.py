"""The sources of the product as text and as syntax trees, for the rules that are about how code is written."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# From the top down, as in DESIGN: a package knows only those below it; web and api never each other.
LADDER = (
    {"config"},
    {"web", "api"},
    {"running"},
    {"triggers"},
    {"participants"},
    {"flows"},
    {"messaging"},
    {"records"},
    {"accounts"},
    {"scheduling"},
)
PRODUCT = frozenset().union(*LADDER)
BESIDE_IT = frozenset({"benchmarks", "devstack", "tests"})


@dataclass(frozen=True)
class Source:
    """One Python file; `path` counts from the checkout."""

    path: str
    text: str

    @property
    def package(self) -> str:
        """The top-level package, or the file itself when it lies beside them."""
        return self.path.split("/")[0]

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.path)

    @cached_property
    def strings(self) -> list[str]:
        """Every text in it but docstrings; a formatted one with a space for each expression."""
        return list(_strings(self.tree, set(map(id, _docstrings(self.tree)))))


@cache
def sources(*, tests: bool = False) -> tuple[Source, ...]:
    """The product's files without migrations; with `tests` also everything beside it."""
    packages = PRODUCT | BESIDE_IT if tests else PRODUCT
    return tuple(
        Source(str(path.relative_to(ROOT)), path.read_text())
        for package in sorted(packages)
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    )


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node with the dotted name of the function or class around it, empty at the top of the file."""
    yield from _inside(tree, "")


def rung(package: str) -> int:
    """How far below the top a package stands."""
    return next(place for place, packages in enumerate(LADDER) if package in packages)


def pyproject() -> dict[str, dict[str, dict[str, object]]]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _inside(node: ast.AST, name: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        yield name, child
        is_named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from _inside(child, f"{name}.{child.name}".lstrip(".") if is_named else name)


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _strings(node: ast.AST, but: set[int]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in but:
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in node.values)
        for part in node.values:
            if not isinstance(part, ast.Constant):
                yield from _strings(part, but)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _strings(child, but)
