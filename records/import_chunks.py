"""Working through a stored file: a chunk of rows is one transaction with the place in the file that it leads to.

A worker that dies leaves the last chunk undone, and the next one begins there: nothing is lost, nothing done twice.
"""

import csv
from dataclasses import dataclass, field

from django.db.models import F
from django.utils.translation import gettext as _

from accounts.tenancy import account_scope
from scheduling.clock import now

from . import lists
from .import_lifecycle import UNFINISHED, move
from .import_mapping import as_row, column_of
from .import_reading import RowsFrom, header_of
from .models import Import, ImportFile, RefusedRow
from .upserts import IMPORT, Result, Status, upsert

CHUNK_ROWS = 2_000
CHUNK_BYTES = 4 * 1024 * 1024


def import_chunk(account_id: int, import_id: int) -> bool:
    """Import the next rows; True when there are more. Does nothing while another worker is at this import."""
    with account_scope(account_id):
        source = (
            Import.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("object_type", "list")
            .filter(pk=import_id, status__in=UNFINISHED)
            .first()
        )
        if source is None:
            return False
        chunk = _read(source)
        _write(source, chunk)
        if not chunk.is_last:
            return True
        _end(source, chunk.problem)
        return False


@dataclass
class _Chunk:
    headers: list[str]
    rows: list[list[str]] = field(default_factory=list)
    next_byte: int = 0
    is_last: bool = False
    problem: str = ""


def _read(source: Import) -> _Chunk:
    chunk = _Chunk(header_of(next(iter(RowsFrom(source)))))
    rows = RowsFrom(source, source.next_byte)
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                chunk.rows.append(cells)
            if len(chunk.rows) == CHUNK_ROWS or rows.position - source.next_byte > CHUNK_BYTES:
                break
        else:
            chunk.is_last = True
    except csv.Error as error:
        row = source.next_row + len(chunk.rows) + 1
        chunk.is_last, chunk.problem = True, _("Row {row} cannot be read: {reason}.").format(row=row, reason=error)
    chunk.next_byte = rows.position
    return chunk


def _write(source: Import, chunk: _Chunk) -> None:
    fitting = {number: cells for number, cells in enumerate(chunk.rows) if len(_used(cells)) <= len(chunk.headers)}
    given = [as_row(source.mapping, chunk.headers, cells) for cells in fitting.values()]
    results = dict(
        zip(fitting, upsert(source.object_type, given, match_on=source.match_on, source=IMPORT), strict=True)
    )
    RefusedRow.objects.bulk_create(
        _refused(source, chunk, number, results.get(number))
        for number in range(len(chunk.rows))
        if number not in results or results[number].status == Status.REFUSED
    )
    if source.list:
        lists.add(source.list, [result.id for result in results.values() if result.id], with_events=False)
    counts = [result.status for result in results.values()]
    move(
        source,
        "run",
        next_row=F("next_row") + len(chunk.rows),
        next_byte=chunk.next_byte,
        created=F("created") + counts.count(Status.CREATED),
        updated=F("updated") + counts.count(Status.UPDATED),
        unchanged=F("unchanged") + counts.count(Status.UNCHANGED),
        refused=F("refused") + counts.count(Status.REFUSED) + len(chunk.rows) - len(fitting),
    )


def _used(cells: list[str]) -> list[str]:
    """The cells without empty ones at the end, which spreadsheets add."""
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _refused(source: Import, chunk: _Chunk, number: int, result: Result | None) -> RefusedRow:
    cells, reason, column = chunk.rows[number], _("The row has more cells than there are columns."), ""
    if result is not None:
        reason = " ".join(error.message for error in result.errors)
        column = column_of(source.mapping, result.errors[0].path)
    return RefusedRow(
        source=source,
        row=source.next_row + number + 1,
        column=column,
        reason=reason[:500],
        values=dict(zip(chunk.headers, cells, strict=False))
        | ({"": cells[len(chunk.headers) :]} if not result else {}),
    )


def _end(source: Import, problem: str) -> None:
    """The file has done its work: only the counts and the refused rows stay."""
    move(source, "fail" if problem else "finish", problem=problem, rows=F("next_row"), ended_at=now())
    ImportFile.objects.filter(source=source).delete()
