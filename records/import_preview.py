"""How a draft will look: its first rows under its columns, and what in them would be refused."""

import copy
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from .import_cells import CellReader
from .import_mapping import Target, column_of
from .import_reading import RowsFrom
from .import_types import CHOICES, TypeGuess, listen
from .models import Import, Property, PropertyType
from .rows import Row

LOOKED_AT: Final = 1_000  # rows
COUNTED: Final = 4 * 1024 * 1024  # bytes: the rows of a file up to this size are counted, those of a larger one guessed
SHOWN: Final = 20
LONGEST_SHOWN: Final = 1_000  # characters of a cell, or of why it would be refused


@dataclass
class Column:
    """A column of the file. `misfits` of the rows looked at would be refused for it, the first for `problem`."""

    header: str
    target: Target | None
    first: str = ""  # the first value that is not blank
    misfits: int = 0
    problem: str = ""
    type: str = PropertyType.TEXT.value  # what its values suggest for a new property


@dataclass(frozen=True)
class Cell:
    """A value as the file has it, as it would be stored, and why it would be refused; how each of them begins.

    `value` is None of what cannot be read, and of what is no choice before the choices have been gathered.
    """

    text: str
    value: Any = None
    problem: str = ""


@dataclass
class Preview:
    """The first rows of a draft. `faulty`: how many of those looked at would be refused."""

    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    looked_at: int = 0
    faulty: int = 0
    is_whole: bool = False  # all of its rows were looked at
    about: int = 0  # how many rows the file has, or seems to have
    is_counted: bool = False  # it has exactly that many
    problem: str = ""  # why reading stopped


def look_at(source: Import) -> Preview:
    """The preview of a draft as its columns are settled now."""
    preview = Preview([Column(header, source.mapping.get(header)) for header in source.columns])
    rows = RowsFrom(source, source.next_byte)
    coming = {header: property for header in source.columns if (property := _property_to_be(source, header))}
    settled = copy.copy(source)
    settled.mapping = source.mapping | {header: {"property": each.key} for header, each in coming.items()}
    reader = CellReader(settled, {each.key: each for each in coming.values()})
    guesses = _guesses(preview)
    try:
        for cells in islice(_filled(rows), LOOKED_AT):
            _add(preview, settled, reader, cells)
            listen(guesses, cells)
        for index, guess in guesses.items():
            preview.columns[index].type = guess.type
        taken = rows.position - source.next_byte
        more = sum(1 for _cells in islice(_filled(rows), None if source.size <= COUNTED else 1))
    except csv.Error as error:
        preview.problem, preview.about = str(error), preview.looked_at
        return preview
    preview.is_whole, preview.is_counted = not more, not more or source.size <= COUNTED
    guessed = round(preview.looked_at * (source.size - source.next_byte) / taken) if taken else 0
    preview.about = preview.looked_at + more if preview.is_counted else max(guessed, preview.looked_at + 1)
    return preview


def _guesses(preview: Preview) -> dict[int, TypeGuess]:
    """Only of columns that belong nowhere yet."""
    columns = enumerate(preview.columns)
    return {index: TypeGuess() for index, column in columns if not column.target or "new" in column.target}


def _filled(rows: RowsFrom) -> Iterator[list[str]]:
    return (cells for cells in rows if any(cell.strip() for cell in cells))


def _property_to_be(source: Import, header: str) -> Property | None:
    """What a column will be read by that becomes a new property; its key, with a colon in it, is nobody's."""
    target = source.mapping.get(header) or {}
    if "new" not in target or target["type"] in CHOICES:
        return None
    return Property(object_type=source.object_type, key=f"new:{header}", label=header, type=target["type"])


def _add(preview: Preview, source: Import, reader: CellReader, cells: list[str]) -> None:
    row, errors = reader.read(cells)
    problems: dict[str, str] = {}
    for error in errors:
        problems.setdefault(column_of(source.mapping, error.path), error.message[:LONGEST_SHOWN])
    padded = [*cells, *[""] * (len(preview.columns) - len(cells))]
    for column, text in zip(preview.columns, padded, strict=False):
        column.first = column.first or text.strip()[:LONGEST_SHOWN]
        if column.header in problems:
            column.misfits += 1
            column.problem = column.problem or problems[column.header]
    preview.looked_at += 1
    preview.faulty += bool(errors)
    if len(preview.rows) < SHOWN:
        preview.rows.append(
            [
                _cell(row, source.mapping.get(header) or {}, text, problems.get(header, ""))
                for header, text in zip(source.columns, padded, strict=False)
            ]
        )


def _cell(row: Row, target: Target, text: str, problem: str) -> Cell:
    text = text[:LONGEST_SHOWN]
    if problem:
        return Cell(text, problem=problem)
    if "associated" in target:
        return Cell(text, text.strip() or None)
    value = row.properties.get(target.get("property", ""))
    if "field" in target:
        value = row.fields.get(target["field"])
    return Cell(text, value[:LONGEST_SHOWN] if isinstance(value, str) else value)
