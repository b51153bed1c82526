"""Compile every django.po that is newer than its django.mo: those of locale/ and of each package of this project."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Stands in for compilemessages, which needs GNU gettext. Safe to run again and by several at once."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Compile what has changed."""
        compiled = [source for source in _sources() if _is_stale(source)]
        for source in compiled:
            _compile(source)
        self.stdout.write(f"{len(compiled)} translations compiled.")


def _sources() -> Iterator[Path]:
    root = Path(settings.BASE_DIR)
    own = [Path(app.path) / "locale" for app in apps.get_app_configs() if Path(app.path).parent == root]
    for folder in [*map(Path, settings.LOCALE_PATHS), *own]:
        yield from sorted(folder.glob("*/LC_MESSAGES/*.po"))


def _is_stale(source: Path) -> bool:
    target = source.with_suffix(".mo")
    return not target.exists() or target.stat().st_mtime < source.stat().st_mtime


def _compile(source: Path) -> None:
    """Write beside the target first: a process that starts meanwhile never reads half a file."""
    locale = source.parent.parent.name
    try:
        with source.open("rb") as text:
            catalogue = read_po(text, locale=locale, abort_invalid=True)
    except PoFileError as error:
        raise CommandError(f"{source} is not a translation file: {error}.") from None
    try:
        with tempfile.NamedTemporaryFile(dir=source.parent, delete=False) as draft:
            write_mo(draft, catalogue)
    except OSError as error:
        raise CommandError(f"Cannot write beside {source}: {error.strerror}.") from None
    os.chmod(draft.name, 0o644)
    os.replace(draft.name, source.with_suffix(".mo"))
