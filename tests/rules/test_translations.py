"""Translation files are sound. Whether they are whole is for each package's own tests."""

import ast
import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, TranslationError
from babel.messages.checkers import num_plurals, python_format
from babel.messages.pofile import PoFileError, read_po

from .sources import PRODUCT, ROOT, Source, sources

FOLDERS = [ROOT / "locale", *(ROOT / package / "locale" for package in sorted(PRODUCT))]
FILES = sorted(path for folder in FOLDERS for path in folder.glob("*/LC_MESSAGES/*.po"))
LANGUAGES = {"sv", "nb"}
LINE = re.compile(r'#.*|((msgctxt|msgid|msgid_plural|msgstr(\[\d])?) )?"([^"\\]|\\.)*"|')


def read(text: bytes, locale: str) -> Catalog:
    """The messages of a file; PoFileError when it is not one."""
    return read_po(BytesIO(text), locale=locale, abort_invalid=True)


def unclosed(text: bytes) -> list[str]:
    """Lines without their closing quote, of which the reader takes off the last letter."""
    return [line for line in text.decode().splitlines() if not LINE.fullmatch(line)]


def errors(catalog: Catalog) -> list[str]:
    """Translations with too few plurals or other placeholders than the original."""
    found = []
    for message in catalog:
        if not message.id or not any(_texts(message.string)):
            continue
        for check in (num_plurals, python_format):
            try:
                check(catalog, message)
            except TranslationError as error:
                found.append(f"{message.id}: {error}")
    return found


def _texts(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_translation_file_can_be_read_and_keeps_the_placeholders(path: Path) -> None:
    text = path.read_bytes()
    assert unclosed(text) == []
    assert errors(read(text, path.parent.parent.name)) == []


def test_whatever_is_translated_is_translated_into_every_language() -> None:
    for folder in FOLDERS:
        languages = {path.parent.parent.name for path in FILES if path.is_relative_to(folder)}
        assert languages in (set(), LANGUAGES), folder


def test_a_broken_translation_file_is_caught() -> None:
    with pytest.raises(PoFileError):
        read(b'msgid "Flow"\nmsgid "Flows"\nmsgstr "Flyt"\n', "nb")
    assert unclosed(b'msgid "Flow\nmsgstr "Flyt"\n') == ['msgid "Flow']
    wrong = b'#, python-format\nmsgid "%(n)d flows"\nmsgstr "%(m)d flyter"\n'
    assert len(errors(read(wrong, "nb"))) == 1


REFUSALS = {"NotAllowed", "Lack", "Problem", "Refused", "SettingsError", "ValidationError"}


def untranslatable(of: Iterable[Source]) -> list[str]:
    """Sentences that people are refused with and that never go through gettext."""
    return [
        f"{source.path}: {ast.unparse(text)}"
        for source in of
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and _name(call.func) in REFUSALS
        for argument in call.args
        for text in _texts_of(argument)
        if _is_sentence(text)
    ]


def _texts_of(argument: ast.expr) -> list[ast.expr]:
    if isinstance(argument, ast.DictComp):
        return [argument.value]
    return argument.values if isinstance(argument, ast.Dict) else [argument]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_sentence(text: ast.expr) -> bool:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return any(isinstance(part, ast.Constant) and " " in str(part.value) for part in parts)


def test_people_are_refused_in_their_language() -> None:
    assert untranslatable(sources()) == []


def test_a_refusal_in_bare_english_is_caught() -> None:
    planted = (
        'raise NotAllowed("busy", "Try again later.")',
        'raise history.NotAllowed("busy", f"Try {verb} again.")',
        'raise SettingsError({"list": "Choose a list."})',
        'raise SettingsError({name: f"{name} is unknown." for name in strange})',
    )
    for line in planted:
        assert len(untranslatable([Source("web/a.py", line)])) == 1, line
    assert untranslatable([Source("web/a.py", 'raise NotAllowed("busy", _("Try again."), field=f"a.{n}")')]) == []
