"""What the API says of errors is said in Swedish and Norwegian too."""

import string
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

import api as package

FOLDER = Path(package.__file__).parent


@pytest.mark.parametrize("language", ["sv", "nb"])
def test_every_message_is_translated_and_no_other(language):
    keywords = {**DEFAULT_KEYWORDS, "gettext_lazy": None}
    said = {found[2] for found in extract_from_dir(FOLDER, method_map=[("**.py", "python")], keywords=keywords)}
    with (FOLDER / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file, locale=language) if message.id}
    assert said == {text for text, translated in catalogue.items() if translated}
    for text, translated in catalogue.items():
        assert _names(text) == _names(translated), text


def _names(text):
    return sorted(name for _before, name, _format, _conversion in string.Formatter().parse(text) if name)
