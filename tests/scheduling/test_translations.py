"""The package's Swedish and Norwegian are whole: every message, every placeholder, every plural."""

import string

import pytest

from tests.scheduling.translations import LANGUAGES, catalog, source_messages


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_no_other(language: str) -> None:
    translated = {(message.context, message.id) for message in catalog(language) if message.id and message.string}
    assert translated == source_messages()


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_placeholders_and_lack_no_plural(language: str) -> None:
    for message in catalog(language):
        if not message.id:
            continue
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert len(strings) == len(originals) and all(strings), message.id
        assert {names(text) for text in strings} == {names(originals[0])}, message.id


def names(text: str) -> tuple[str, ...]:
    """The placeholders of a text, sorted."""
    return tuple(sorted(name for _, name, _, _ in string.Formatter().parse(text) if name))
