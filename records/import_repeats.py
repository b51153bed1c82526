"""Rows of a file about the same record: found before the first row comes in, set aside, and taken together at the end.

A row that came in with its chunk would be written over by a later one, and the same file once more would change both.
"""

import csv
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

from accounts.tenancy import current_account_id

from .import_cells import CellReader
from .import_lifecycle import move
from .import_reading import RowsFrom
from .models import HeldRow, Import, ImportSieve
from .rows import NEW
from .values import JsonValue

STEP_BYTES: Final = 32 * 1024 * 1024  # of the file that one transaction searches
FEWEST_BITS, MOST_BITS = 2**16, 2**25  # of a sieve: 4 MiB at most, however long the file is
MOST_TOGETHER: Final = 5_000  # rows that are taken together; of more about one record the last ones
MOST_BYTES_TOGETHER: Final = 4 * 1024 * 1024
AT_ONCE: Final = 500  # rows that are fetched
HOLD: Final = """
insert into records_heldrow (account_id, source_id, key, row, cells)
select %(account)s, %(import)s, n.key, n.row, n.cells
from jsonb_to_recordset(%(rows)s::jsonb) as n(key text, row int, cells jsonb)
"""


class Sieve:
    """Which keys may stand in more than one row: none of those that do is missed, a few others are caught as well."""

    def __init__(self, once: bytes, twice: bytes) -> None:
        self.once, self.twice = bytearray(once), bytearray(twice)
        self.mask = 8 * len(self.twice) - 1

    @classmethod
    def for_bytes(cls, size: int) -> "Sieve":
        """An empty one for a file of that size."""
        empty = bytes(min(max(1 << size.bit_length(), FEWEST_BITS), MOST_BITS) // 8)
        return cls(empty, empty)

    @classmethod
    def unpacked(cls, kept: ImportSieve) -> "Sieve":
        """As it was kept."""
        return cls(zlib.decompress(kept.once), zlib.decompress(kept.twice))

    def packed(self) -> dict[str, bytes]:
        """To be kept. Few bits are set, and a statement with megabytes in it takes many times their memory."""
        return {"once": zlib.compress(self.once, 1), "twice": zlib.compress(self.twice, 1)}

    def add(self, key: JsonValue) -> None:
        """A row has this key."""
        place = zlib.crc32(str(key).encode()) & self.mask
        byte, bit = place >> 3, 1 << (place & 7)
        if self.once[byte] & bit:
            self.twice[byte] |= bit
        else:
            self.once[byte] |= bit

    def catches(self, key: JsonValue) -> bool:
        """False when no other row has the key."""
        place = zlib.crc32(str(key).encode()) & self.mask
        return bool(self.twice[place >> 3] & 1 << (place & 7))


@dataclass
class Held:
    """Rows that were set aside and are taken next. `passed_over`: earlier ones about a record with too many."""

    numbers: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    last_key: str = ""
    passed_over: int = 0


def is_searched(source: Import) -> bool:
    """True when every row was looked at for what it is matched by, if by anything, or rows came in without."""
    return source.match_on == NEW or source.searched_byte >= source.size or source.next_row > 0


def search(source: Import) -> None:
    """Look through the next part of the file; the caller holds the import locked."""
    kept = ImportSieve.objects.filter(source=source).first()
    sieve = Sieve.unpacked(kept) if kept else Sieve.for_bytes(source.size)
    start = source.searched_byte or source.next_byte
    rows, reader = RowsFrom(source, start), CellReader(source)
    place = source.size
    try:
        for cells in rows:
            if (key := reader.key_of(cells)) is not None:
                sieve.add(key)
            if rows.position - start > STEP_BYTES:
                place = rows.position
                break
    except csv.Error:
        pass  # the chunk that comes to this row tells, and nothing behind it is read
    ImportSieve.objects.update_or_create(source_id=source.pk, defaults=sieve.packed())
    move(source, "run", searched_byte=place)


def sieve_of(source: Import) -> Sieve | None:
    """What tells which rows to set aside; None when the file is so short that all of it is one chunk."""
    twice = ImportSieve.objects.filter(source=source).values_list("twice", flat=True).first()
    return Sieve(b"", zlib.decompress(twice)) if twice is not None else None


def hold(source: Import, rows: Iterable[tuple[str, int, list[str]]]) -> None:
    """Set rows aside: what each is matched by, its number and its cells."""
    if held := [{"key": key, "row": number, "cells": cells} for key, number, cells in rows]:
        params: dict[str, Any] = {"account": current_account_id(), "import": source.pk, "rows": json.dumps(held)}
        with connection.cursor() as cursor:
            cursor.execute(HOLD, params)


def next_held(source: Import) -> Held:
    """The next rows that were set aside, all about a record together and in the order of the file."""
    held = HeldRow.objects.filter(source=source, key__gt=source.last_key).order_by("key", "row")
    found, size = list[tuple[str, int, list[str]]](), 0
    for key, row, cells in held.values_list("key", "row", "cells").iterator(chunk_size=AT_ONCE):
        if len(found) >= MOST_TOGETHER or size > MOST_BYTES_TOGETHER:
            if key == found[0][0]:
                return _latest(held.filter(key=key), key)
            found = [each for each in found if each[0] != key]
            break
        found.append((key, row, cells))
        size += sum(map(len, cells))
    return Held([row for _key, row, _cells in found], [cells for *_, cells in found], found[-1][0] if found else "")


def _latest(held: QuerySet[HeldRow], key: str) -> Held:
    """The last rows about one record, as many as are taken together."""
    latest, size = list[tuple[int, list[str]]](), 0
    for row, cells in held.order_by("-row").values_list("row", "cells")[:MOST_TOGETHER].iterator(chunk_size=AT_ONCE):
        size += sum(map(len, cells))
        if latest and size > MOST_BYTES_TOGETHER:
            break
        latest.append((row, cells))
    latest.reverse()
    return Held([row for row, _cells in latest], [cells for _row, cells in latest], key, held.count() - len(latest))
