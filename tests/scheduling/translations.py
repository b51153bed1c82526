"""The package's translations as its tests use them: read, compared with the source, compiled into a folder."""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import scheduling

PACKAGE = Path(scheduling.__file__).parent
LANGUAGES = ("sv", "nb")


def catalog(language: str) -> Catalog:
    """The translations of the package into `language`."""
    with (PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def source_messages() -> set[tuple[str | None, str | tuple[str, ...]]]:
    """Every (context, message) that the package's source asks gettext for."""
    found = extract_from_dir(PACKAGE, method_map=[("**.py", "python")], keywords=DEFAULT_KEYWORDS)
    return {(context, message) for _, _, message, _, context in found}


def compile_into(folder: Path) -> None:
    """Write the compiled translations where Django's LOCALE_PATHS can find them."""
    for language in LANGUAGES:
        target = folder / language / "LC_MESSAGES" / "django.mo"
        target.parent.mkdir(parents=True)
        with target.open("wb") as file:
            write_mo(file, catalog(language))
