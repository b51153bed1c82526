"""Working through a stored file: a chunk of rows is one transaction with the place in the file that it leads to.

A file of several chunks is searched first for rows about the same record, which come in together after the others.
A worker that dies leaves the last chunk undone, and the next one begins there: nothing is lost, nothing done twice.
"""

import csv
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.commits import commit_soon
from accounts.models import Account
from accounts.tenancy import account_scope, current_account_id

from . import import_companies, import_repeats, list_entries
from .import_cells import CellReader
from .import_lifecycle import UNFINISHED, end, move
from .import_mapping import column_of
from .import_reading import RowsFrom
from .import_repeats import Sieve
from .merging import IMPORT, Merge, Result, Status
from .models import Import, Property
from .refusals import Error
from .rows import Row

logger = logging.getLogger(__name__)

LONGEST_KEY: Final = 320  # characters of `HeldRow.key`; names that begin alike for longer are only held together
CHUNK_ROWS = 5_000
CHUNK_BYTES = 4 * 1024 * 1024
MOST_FAILURES: Final = 5  # of a chunk, then the import has failed
REFUSE: Final = """
insert into records_refusedrow (account_id, source_id, row, "column", reason, values)
select %(account)s, %(import)s, n.row, n."column", n.reason, n.values
from jsonb_to_recordset(%(rows)s::jsonb) as n(row int, "column" text, reason text, values jsonb)
"""


def import_chunk(account_id: int, import_id: int) -> bool:
    """Import the next rows; True when there are more. Does nothing while another worker is at this import.

    A chunk that fails is left for the next time, and ends the import when it fails again and again. Raises
    `OperationalError` and `InterfaceError`, which are no fault of the file.
    """
    try:
        with account_scope(account_id):
            if (source := _claim(import_id)) is None:
                return False
            with override(Account.objects.get(pk=account_id).language):  # reasons are kept as they are said here
                has_more = _work(source)
            if has_more:
                commit_soon()
            return has_more
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("import %s failed", import_id)
        _note_failure(account_id, import_id)
        return False


def _claim(import_id: int) -> Import | None:
    """The import, its row locked; None while another worker has it or when it is over."""
    free = Import.objects.select_for_update(skip_locked=True, of=("self",)).select_related("object_type")
    source: Import | None = free.filter(pk=import_id, status__in=UNFINISHED).first()
    return source


def _note_failure(account_id: int, import_id: int) -> None:
    with account_scope(account_id), override(Account.objects.get(pk=account_id).language):
        source = _claim(import_id)
        if source is None:
            return
        Import.objects.filter(pk=source.pk).update(failures=F("failures") + 1)
        if source.failures + 1 >= MOST_FAILURES:
            problem = _("Flyt could not go on after {rows} rows; operators find the reason in the log.")
            end(source, "fail", problem=problem.format(rows=source.rows_done))


@dataclass
class _Chunk:
    """Rows that come in together, with their numbers in the file. `is_last`: nothing of the file is left to read."""

    rows: list[list[str]] = field(default_factory=list)
    numbers: Sequence[int] = ()
    is_last: bool = False
    problem: str = ""
    passed_over: int = 0  # rows about a record that has too many of them in the file
    place: dict[str, Any] = field(default_factory=dict)  # the columns of the import that say what comes next


def _work(source: Import) -> bool:
    """Do the next step; True when there are more."""
    if problem := _missing_property(source):
        end(source, "fail", problem=problem)
        return False
    if source.next_byte >= source.size:
        return _take_held(source)
    chunk = None if _is_long(source) else _read(source)
    if not import_repeats.is_searched(source) and not (chunk and chunk.is_last):
        import_repeats.search(source)
        return True
    chunk = chunk or _read(source)
    _write(source, chunk, import_repeats.sieve_of(source))
    if not chunk.is_last:
        return True
    source.problem = chunk.problem
    return _take_held(source)


def _missing_property(source: Import) -> str:
    """The sentence that ends the import when one of its properties was archived behind its back."""
    wanted = {
        target["property"]: header for header, target in source.mapping.items() if target and "property" in target
    }
    there = Property.objects.filter(object_type=source.object_type, archived_at=None, key__in=wanted)
    missing = wanted.keys() - set(there.values_list("key", flat=True))
    if not missing:
        return ""
    message = _("The property of the column “{column}” was archived after {rows} rows.")
    return message.format(column=min(wanted[key] for key in missing), rows=source.rows_done)


def _take_held(source: Import) -> bool:
    """Bring in rows that were set aside, or end the import when there are none left."""
    held = import_repeats.next_held(source)
    if not held.rows:
        end(source, "fail" if source.problem else "finish", problem=source.problem)
        return False
    place = {"last_key": held.last_key}
    _write(source, _Chunk(held.rows, held.numbers, passed_over=held.passed_over, place=place), None)
    return True


def _is_long(source: Import) -> bool:
    """True when the file is too long for one chunk, whatever its rows."""
    return not import_repeats.is_searched(source) and source.size - source.next_byte > CHUNK_BYTES


def _read(source: Import) -> _Chunk:
    """The next rows of the file; behind the last one there is nothing to read."""
    chunk, rows = _Chunk(), RowsFrom(source, source.next_byte)
    try:
        for cells in rows:
            if "".join(cells).strip():
                chunk.rows.append(cells)
            if len(chunk.rows) == CHUNK_ROWS or rows.position - source.next_byte > CHUNK_BYTES:
                break
        else:
            chunk.is_last = True
    except csv.Error as error:
        row = source.next_row + len(chunk.rows) + 1
        chunk.is_last, chunk.problem = True, _("Row {row} cannot be read: {reason}.").format(row=row, reason=error)
    chunk.numbers = range(source.next_row + 1, source.next_row + len(chunk.rows) + 1)
    chunk.place = {
        "next_row": source.next_row + len(chunk.rows),
        "next_byte": source.size if chunk.is_last else rows.position,
        "problem": chunk.problem,
    }
    return chunk


def _write(source: Import, chunk: _Chunk, sieve: Sieve | None) -> None:
    """Bring the rows of a chunk in, but for those that the sieve catches: they are set aside."""
    reader = CellReader(source)
    rows, faults = _read_cells(reader, chunk)
    if sieve:
        _set_aside(source, chunk, rows, sieve)
    merge = Merge(source.object_type, match_on=source.match_on, source=IMPORT, mode=source.mode, import_id=source.pk)
    results = merge.run(rows)
    faults |= {number: result.errors for number, result in results.items() if result.errors}
    taken = {number: result for number, result in results.items() if result.id}
    moved = import_companies.associate(source, _companies(reader, chunk, taken))
    _refuse(source, chunk, faults)
    ids = {result.id for result in taken.values() if result.id}
    newcomers = _put_in_list(source, ids)
    counts = Counter(_status(result, moved) for result in taken.values())
    counts[Status.UNCHANGED] += chunk.passed_over
    move(
        source,
        "run",
        refused=F("refused") + len(faults),
        repeated=F("repeated") + len(taken) - newcomers + chunk.passed_over,
        failures=0,
        **{status: F(status) + counts[status] for status in ("created", "updated", "unchanged")},
        **chunk.place,
    )


def _set_aside(source: Import, chunk: _Chunk, rows: dict[int, Row], sieve: Sieve) -> None:
    keys = {number: row.key(source.match_on) for number, row in rows.items()}
    caught = [number for number, key in keys.items() if sieve.catches(key)]
    import_repeats.hold(
        source, [(str(keys[each])[:LONGEST_KEY], chunk.numbers[each], chunk.rows[each]) for each in caught]
    )
    for number in caught:
        del rows[number]


def _read_cells(reader: CellReader, chunk: _Chunk) -> tuple[dict[int, Row], dict[int, list[Error]]]:
    """What the rows say, and the faults of those that cannot be taken."""
    rows: dict[int, Row] = {}
    faults: dict[int, list[Error]] = {}
    for number, cells in enumerate(chunk.rows):
        row, errors = reader.read(cells)
        if errors:
            faults[number] = errors
        else:
            rows[number] = row
    if reader.company is not None:
        names = {number: reader.company_of(chunk.rows[number]) for number in rows}
        refused = import_companies.refusals(set(names.values()) - {""})
        for number in [number for number, name in names.items() if name in refused]:
            faults[number] = [refused[names[number]]]
            del rows[number]
    return rows, faults


def _put_in_list(source: Import, ids: set[int]) -> int:
    """How many had not come with an earlier chunk."""
    if source.list_id is None:
        return len(ids)
    found = "select unnest(%(ids)s::bigint[]) as id"
    return list_entries.put_in(source.list_id, found, {"ids": sorted(ids)}, with_events=False)


def _companies(reader: CellReader, chunk: _Chunk, taken: dict[int, Result]) -> dict[int, str]:
    """The names in the column of companies by the records that they are for; of several the last."""
    if reader.company is None:
        return {}
    named = ((taken[number].id, reader.company_of(chunk.rows[number])) for number in sorted(taken))
    return {id: name for id, name in named if id and name}


def _status(result: Result, moved: set[int]) -> str:
    """A row that changed only which company the record belongs to has changed it too."""
    if result.status == Status.UNCHANGED and result.superseded_by is None and result.id in moved:
        return Status.UPDATED.value
    return result.status.value


def _refuse(source: Import, chunk: _Chunk, faults: dict[int, list[Error]]) -> None:
    if not faults:
        return
    rows = [_refused(source, chunk, number, errors) for number, errors in sorted(faults.items())]
    with connection.cursor() as cursor:
        cursor.execute(REFUSE, {"account": current_account_id(), "import": source.pk, "rows": json.dumps(rows)})


def _refused(source: Import, chunk: _Chunk, number: int, errors: list[Error]) -> dict[str, Any]:
    cells = chunk.rows[number]
    more = cells[len(source.columns) :]
    return {
        "row": chunk.numbers[number],
        "column": column_of(source.mapping, errors[0].path),
        "reason": " ".join(error.message for error in errors)[:500],
        "values": dict(zip(source.columns, cells, strict=False)) | ({"": more} if more else {}),
    }
