"""Translation files are sound. Whether they are whole is for each package's own tests."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, TranslationError
from babel.messages.checkers import num_plurals, python_format
from babel.messages.pofile import PoFileError, read_po

from .sources import PRODUCT, ROOT

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
