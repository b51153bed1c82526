"""The rows of an import that were not taken, as CSV to be mended and imported again."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, cast

from accounts.tenancy import account_scope

from .import_reading import CALCULATED
from .models import Import, RefusedRow

ROWS_AT_ONCE = 1_000
ADDED: Final = ("row", "column", "reason")  # the columns before the file's own


def refused_lines(source: Import, *, delimiter: str = ",") -> Iterator[str]:
    """The refused rows as CSV, piece by piece; each opens a short scope of its own, as the stream outlives the view."""
    columns = source.columns or list(source.mapping)
    if tuple(columns[: len(ADDED)]) == ADDED:  # these rows had been refused before
        columns = columns[len(ADDED) :]
    yield "\ufeff" + as_csv([[*ADDED, *columns]], delimiter)  # the mark tells spreadsheets that it is UTF-8
    last = 0
    while True:
        with account_scope(cast(int, source.account_id)):  # never null, which its inherited field hides from types
            rows = RefusedRow.objects.filter(source_id=source.pk, row__gt=last).order_by("row")
            found = list(rows[:ROWS_AT_ONCE])
        if not found:
            return
        last = found[-1].row
        yield as_csv([[row.row, row.column, row.reason, *_cells(row, columns)] for row in found], delimiter)


def _cells(row: RefusedRow, columns: list[str]) -> list[str]:
    """The cells of a row under its columns, then those that had no column."""
    return [*(row.values.get(column, "") for column in columns), *row.values.get("", [])]


def as_csv(rows: list[list[Any]], delimiter: str = ",", decimal_mark: str = ".") -> str:
    """Rows as CSV that no spreadsheet mistakes for formulas."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([[_safe(cell, decimal_mark) for cell in row] for row in rows])
    return text.getvalue()


def _safe(cell: object, decimal_mark: str) -> object:
    if isinstance(cell, Decimal):
        return str(cell).replace(".", decimal_mark)
    return f"'{cell}" if isinstance(cell, str) and CALCULATED.match(cell) else cell
