"""Translation files are sound and whole, and hold what the templates and the code say now."""

import ast
import re
import shutil
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message, TranslationError
from babel.messages.checkers import num_plurals, python_format
from babel.messages.pofile import PoFileError, read_po
from django.core.management import call_command
from pytest_django import Settings

from .sources import PRODUCT, ROOT, Source, sources

FOLDERS = [ROOT / "locale", *(ROOT / package / "locale" for package in sorted(PRODUCT))]
FILES = sorted(path for folder in FOLDERS for path in folder.glob("*/LC_MESSAGES/*.po"))
LANGUAGES = {"sv", "nb"}
BRACES = re.compile(r"\{\w*\}")
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
        for text, translated in zip(_texts(message.id), _texts(message.string), strict=False):
            if sorted(BRACES.findall(text)) != sorted(BRACES.findall(translated)):
                found.append(f"{text}: other names in braces")
    return found


def untranslated(catalog: Catalog) -> list[str]:
    """Texts that lack a translation, or one of its plurals, or whose translation is marked as a guess."""
    return [
        str(message.id)
        for message in catalog
        if message.id and (message.fuzzy or not all(_texts(message.string)) or _lacks_plural(message))
    ]


def _lacks_plural(message: Message) -> bool:
    return len(_texts(message.id)) != len(_texts(message.string))


def _texts(string: str | Sequence[str] | None) -> tuple[str, ...]:
    return (string or "",) if string is None or isinstance(string, str) else tuple(string)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_translation_file_can_be_read_and_keeps_the_placeholders(path: Path) -> None:
    text = path.read_bytes()
    assert unclosed(text) == []
    assert errors(read(text, path.parent.parent.name)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_in_english(path: Path) -> None:
    catalog = read(path.read_bytes(), path.parent.parent.name)
    assert len(catalog) > 0
    assert untranslated(catalog) == []


def test_collecting_the_texts_anew_changes_nothing(tmp_path: Path, settings: Settings) -> None:
    kept = {path: path.read_bytes() for path in (ROOT / "locale").glob("*/LC_MESSAGES/*.po")}
    shutil.copytree(ROOT / "locale", tmp_path / "locale")
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    call_command("collect_translations")
    changed = [str(path) for path, text in kept.items() if (tmp_path / path.relative_to(ROOT)).read_bytes() != text]
    assert len(kept) == len(LANGUAGES)
    assert changed == [], "run manage.py collect_translations and translate what is new"


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
    assert len(errors(read(b'msgid "{n} flows"\nmsgstr "{m} flyter"\n', "nb"))) == 1
    assert untranslated(read(b'msgid "Flow"\nmsgstr ""\n', "nb")) == ["Flow"]
    half = b'msgid "a flow"\nmsgid_plural "flows"\nmsgstr[0] "en flyt"\nmsgstr[1] ""\n'
    assert untranslated(read(half, "nb")) == ["('a flow', 'flows')"]
    assert untranslated(read(b'#, fuzzy\nmsgid "Flow"\nmsgstr "Flyt"\n', "nb")) == ["Flow"]


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
