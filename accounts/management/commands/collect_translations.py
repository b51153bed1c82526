"""Bring locale/*/LC_MESSAGES/django.po up to date with the texts in the templates and the code.

New texts come in untranslated, those that are gone go out; translations are never touched. A package with a locale
folder of its own keeps its texts there and is passed over.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation.template import templatize

KEYWORDS: Final = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
# A call as templatize() writes it into what is left of a template.
_CALL: Final = re.compile(
    r"""\b(?:n?p?gettext|_)\(\s*(?:u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|count)(?:\s*,\s*(?:u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*"|count))*\s*\)"""
)
WIDTH: Final = 110
# Babel's own header has the time in it, so that every run would be a change.
HEADER: Final = """\
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: {plural_forms}\\n"

"""

Text = tuple[str | tuple[str, ...], str | None, str]  # what is said, in which context, in which file


class Command(BaseCommand):
    """Stands in for makemessages, which needs GNU gettext."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewrite each catalogue that has changed."""
        texts = list(collect(Path(settings.BASE_DIR)))
        for language, _name in settings.LANGUAGES:
            if language == "en":  # the language of the sources
                continue
            path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"
            left = _update(path, language, texts)
            self.stdout.write(f"{language}: {len(texts)} texts, {left} to translate.")


def collect(root: Path) -> Iterator[Text]:
    """Every text to translate in the templates and in the packages that keep none of their own."""
    # Mails and notices are text files.
    for path in sorted(each for each in (root / "templates").rglob("*") if each.suffix in (".html", ".txt")):
        calls = (match.group() for match in _CALL.finditer(templatize(path.read_text())))
        yield from _extract("\n".join(calls).encode(), path, root)
    own = sorted(Path(app.path) for app in apps.get_app_configs() if Path(app.path).parent == root)
    for folder in [*own, root / "config"]:
        if not (folder / "locale").exists():
            for path in sorted(folder.rglob("*.py")):
                yield from _extract(path.read_bytes(), path, root)


def _extract(source: bytes, path: Path, root: Path) -> Iterator[Text]:
    for _line, said, _comments, context in extract("python", io.BytesIO(source), KEYWORDS):
        yield said, context, str(path.relative_to(root))


def _update(path: Path, language: str, texts: list[Text]) -> int:
    """Write what belongs into one catalogue; returns how many texts have no translation."""
    old = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(locale=language)
    new = Catalog(locale=language)
    for said, context, place in texts:
        known = old.get(said, context)
        new.add(said, known.string if known else None, locations=[(place, 0)], context=context)
    written = io.BytesIO(HEADER.format(language=language, plural_forms=new.plural_forms).encode())
    written.seek(0, io.SEEK_END)
    write_po(written, new, width=WIDTH, sort_output=True, include_lineno=False, omit_header=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != written.getvalue():
        path.write_bytes(written.getvalue())
    return sum(1 for message in new if message.id and not _is_whole(message.string))


def _is_whole(translated: Any) -> bool:
    return all(translated) if isinstance(translated, tuple | list) else bool(translated)
