"""What the documentation points at is there: files, fields, functions, other pages."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands

from .sources import PRODUCT, ROOT, sources

PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
PATH = re.compile(r"[\w.-]+(/[\w.<>*-]+)+")
FIELD = re.compile(r"[A-Z]\w+(\.[a-z_]+)?")
MODELS = {model.__name__: model for model in apps.get_models() if model._meta.app_label in PRODUCT}


def missing(text: str, page: Path) -> list[str]:
    """The files and fields that a page names and nobody has."""
    links = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    named = CODE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return links + [code for code in named if _is_missing_file(code) or _is_missing_field(code)]


def _is_missing_file(code: str) -> bool:
    is_ours = PATH.fullmatch(code) and (ROOT / code.split("/")[0]).exists()
    return bool(is_ours) and not any(ROOT.glob(re.sub(r"<[^>]+>", "*", code.rstrip("/"))))


def _is_missing_field(code: str) -> bool:
    model, _, field = code.partition(".")
    return bool(FIELD.fullmatch(code)) and model in MODELS and bool(field) and not hasattr(MODELS[model], field)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_what_is_there(page: Path) -> None:
    assert missing(page.read_text(), page) == []


def test_names_of_what_is_not_there_are_caught() -> None:
    text = "See [it](nowhere.md), `flows/nothing.py`, `Flow.colour`, `Flow.status`, `flows/steps/<kind>.py`, `a/b`."
    assert missing(text, ROOT / "docs" / "x.md") == ["nowhere.md", "flows/nothing.py", "Flow.colour"]


def test_the_glossary_has_one_line_per_word() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    words = [line.split("|")[1].strip() for line in lines if line.startswith("| ") and not line.startswith("| Word")]
    assert len(words) > 80 and len(words) == len(set(words))


def test_the_operators_page_names_every_variable_and_command() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    settings = "".join((ROOT / "config" / name).read_text() for name in ("settings.py", "celery.py"))
    variables = set(re.findall(r'env\.\w+\(\s*"(\w+)"', settings)) | set(
        re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())
    )
    assert {name for name in variables if f"`{name}`" not in page} == set()
    of_development = {"collect_translations", "get_ready", "make_demo"}
    commands = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")} - of_development
    assert {name for name in commands if f"manage.py {name}" not in page} == set()


def test_a_command_that_is_spoken_of_exists() -> None:
    known = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")} | set(get_commands())
    named = {name for source in sources(tests=True) for name in re.findall(r"`manage\.py (\w+)", source.text)}
    named |= {name for page in PAGES for name in re.findall(r"manage\.py (\w+)", page.read_text())}
    assert named - known == set()


def test_a_test_that_a_page_names_exists() -> None:
    there = {
        found
        for path in (ROOT / "tests").rglob("test_*.py")
        for found in re.findall(r"def (test_\w+)", path.read_text())
    }
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text())}
    assert named and named - there == set()
