"""What the tests of imports share: files, and taking them in."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from records.import_chunks import import_chunk
from records.importing import Terms, start_import
from records.models import (
    Import,
    ImportFile,
    List,
    ObjectType,
)
from records.refusals import Invalid

DATA = Path(__file__).parent.parent / "data"
RULES = ("match_on", "mode", "blank_cells", "date_order", "decimal_mark")
EXPORT, EXCEL = DATA / "contacts-export.csv", DATA / "kontakter-excel.csv"


def begin(object_type: ObjectType, content: str | bytes, **more: Any) -> Import:
    """Start an import."""
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    terms = Terms(**{name: more.pop(name) for name in RULES if name in more})
    return start_import(**{"name": "Fair", "object_type": object_type, "file": file, "terms": terms, **more})


def finish(source: Import) -> Import:
    """Work through it to its end."""
    while import_chunk(source.account_id, source.pk):
        pass
    source.refresh_from_db()
    assert source.created + source.updated + source.unchanged + source.refused == source.next_row
    return source


def bring_in(object_type: ObjectType, content: str | bytes, **more: Any) -> Import:
    """Import a file whole."""
    return finish(begin(object_type, content, **more))


def counts(source: Import) -> dict[str, int]:
    """What it counted."""
    return {name: getattr(source, name) for name in ("rows", "created", "updated", "unchanged", "refused")}


def rows_of(path: Path, encoding: str, delimiter: str) -> list[dict[str, str]]:
    """The rows of a file, read without us."""
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def is_address(text: str) -> bool:
    """Whether a cell of our files holds an address."""
    return "@" in text and not text.endswith(".")


def refusal(object_type: ObjectType, content: str | bytes, **more: Any) -> list[str]:
    """The paths of what a file is refused for; nothing is stored."""
    with pytest.raises(Invalid) as refused:
        begin(object_type, content, **more)
    assert all(error.message for error in refused.value.errors)
    assert not Import.objects.exists() and not ImportFile.objects.exists() and not List.objects.exists()
    return [error.path for error in refused.value.errors]
