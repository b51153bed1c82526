"""How an imported file is written: its encoding, its delimiter, its header, and its rows from any byte on."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice

import charset_normalizer
from django.utils.translation import gettext as _

from .import_pieces import Pieces
from .models import Import
from .refusals import Error, Invalid

# Of these every byte stands for a character, so a place in the text is a place in the bytes.
ONE_BYTE = (
    "cp1252",
    "iso8859-1",
    "iso8859-15",
    "mac-roman",
    "cp850",
    "cp865",
    "cp437",
    "cp1250",
    "iso8859-2",
    "cp1257",
)
GUESSED = ("cp1252", "mac_roman", "cp850")  # of Windows, old Macs and DOS; in doubt the first
TELLING = "åäöøæßÅÄÖØÆ"  # none of their bytes is such a letter in another of these encodings
WIDE = ("utf_16_le", "utf_16_be")
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", *ONE_BYTE)
BOMS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 256 * 1024
ADDRESS = re.compile(r"\S+@\S+\.\S+")  # no name of a column, but a row of a file without names
LONGEST_LINE = 8 * 1024 * 1024
MOST_COLUMNS = 1_000
# What a spreadsheet would calculate, perhaps with apostrophes already. Our CSV files put one in front; reading such a
# file takes exactly that one away again.
CALCULATED = re.compile(r"'*[=+\-@\t\r]")


def encoding_named(name: str) -> str:
    """The encoding a person named, in the spelling used here; raises `Invalid`."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        found = ""
    found = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "ascii": "utf-8"}.get(found, found)
    if found not in ENCODINGS:
        raise Invalid([Error("encoding", _("Use one of: {names}.").format(names=", ".join(ENCODINGS)))])
    return found


def encoding_by_mark(start: bytes) -> str | None:
    """What the byte order mark says."""
    return next((name for name, mark in BOMS.items() if start.startswith(mark)), None)


class Scan:
    """Looks at every piece of a file as it passes by: whether it is text, in which encoding, within the limits."""

    def __init__(self, start: bytes, encoding: str | None, most_bytes: int) -> None:
        self.known = encoding or encoding_by_mark(start) or _wide_without_mark(start)
        self.decoder = codecs.getincrementaldecoder(self.known or "utf-8")()
        self.is_decodable = True
        self.most_bytes, self.size, self.line = most_bytes, 0, 0
        self.sample = start  # for a guess: lines with more than ASCII in them
        self.bytes_seen: set[int] = set()

    def pass_on(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces; raises `Invalid` at the first that cannot be taken."""
        for piece in pieces:
            self._measure(piece)
            self._decode(piece)
            yield piece
        if self.is_decodable:
            self._decode(b"", final=True)

    def encoding(self) -> str:
        """The encoding, once all pieces have passed; raises `Invalid`."""
        if self.is_decodable:
            return self.known or "utf-8"
        usable = [name for name in GUESSED if self._decodes_all(name)]
        if not usable:
            raise Invalid([Error("encoding", _("It cannot be told how this file is encoded. Save it as UTF-8."))])
        told = {name: sum(map(self.sample.decode(name).count, TELLING)) for name in usable}
        likely = [name for name in usable if told[name] == max(told.values())]
        return codecs.lookup(_guessed(self.sample, likely) or likely[0]).name

    def _measure(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self.most_bytes:
            most = self.most_bytes // 1024**2
            raise Invalid([Error("file", _("The file is larger than {most} MB. Split it.").format(most=most))])
        if not self._is_wide():
            self._measure_line(len(piece), max(piece.rfind(b"\n"), piece.rfind(b"\r")))

    def _measure_line(self, size: int, ends: int) -> None:
        """Refuse a line too long to be held; `ends`: where in what was read the last line ended, or -1."""
        self.line = self.line + size if ends < 0 else size - ends
        if self.line > LONGEST_LINE:
            raise _not_csv()

    def _is_wide(self) -> bool:
        return (self.known or "").startswith("utf-16")

    def _decode(self, piece: bytes, *, final: bool = False) -> None:
        self.bytes_seen.update(piece.translate(None, bytes(self.bytes_seen)))
        if b"\0" in piece and not self._is_wide():
            raise _not_csv()
        if not self.is_decodable:
            return
        try:
            text = self.decoder.decode(piece, final)
        except UnicodeDecodeError:
            if self.known:
                message = _("The file is not written in {encoding}.").format(encoding=self.known)
                raise Invalid([Error("encoding", message)]) from None
            self.is_decodable = False
            lines = (piece or self.sample).splitlines()
            self.sample = b"\n".join(line for line in lines if not line.isascii())[:SAMPLE]
            return
        if "\0" in text:
            raise _not_csv()
        if self._is_wide():  # only as text: half of another character looks like the end of a line
            self._measure_line(len(text), max(text.rfind("\n"), text.rfind("\r")))

    def _decodes_all(self, encoding: str) -> bool:
        try:
            bytes(self.bytes_seen).decode(encoding)
        except UnicodeDecodeError:
            return False
        return True


def _guessed(sample: bytes, encodings: Sequence[str]) -> str | None:
    """Which of these encodings makes the most sense of the sample, by charset-normalizer."""
    best = charset_normalizer.from_bytes(sample, cp_isolation=list(encodings)).best()
    return best.encoding if best and best.encoding in encodings else None


def _wide_without_mark(start: bytes) -> str | None:
    """UTF-16 whose byte order mark is missing: every other byte of its ASCII is zero."""
    sample = start[: SAMPLE // 4 * 2]
    if b"\0" not in sample or len(sample) % 2:
        return None
    found = _guessed(sample, WIDE)
    return codecs.lookup(found).name if found else None


def _not_csv() -> Invalid:
    message = _("This is not a text file with columns. Save the sheet as CSV and import that.")
    return Invalid([Error("file", message)])


class RowsFrom:
    """The records of a stored file from a byte on, each a list of cells; empty lines are passed over.

    An apostrophe that only keeps a spreadsheet from calculating is none of the cell.
    `position` is where the record after the latest one begins. Raises csv.Error for what is no CSV.
    """

    def __init__(self, source: Import, start: int | None = None) -> None:
        if start is None:
            head = Pieces(source).read(4) or b""
            mark = BOMS.get(source.encoding, b"")
            start = len(mark) if mark and head.startswith(mark) else 0
        self.position, self.encoding = start, source.encoding
        self.has_apostrophe = False  # in the lines of the next record
        self.is_inside = False  # a record: its lines are not at their end
        stream = io.BufferedReader(Pieces(source, start))
        self.text = io.TextIOWrapper(stream, source.encoding, newline="")
        self.records = csv.reader(self._lines(), delimiter=source.delimiter)

    def __iter__(self) -> Iterator[list[str]]:
        for cells in self.records:
            self.is_inside = False
            if self.has_apostrophe:
                self.has_apostrophe = False
                cells = [cell[1:] if cell[:1] == "'" and CALCULATED.match(cell) else cell for cell in cells]
            if cells:
                yield cells

    def _lines(self) -> Iterator[str]:
        encoding, is_utf8, is_one_byte = self.encoding, self.encoding == "utf-8", self.encoding in ONE_BYTE
        for line in self.text:
            self.position += len(line) if is_one_byte or (line.isascii() and is_utf8) else len(line.encode(encoding))
            if "'" in line:
                self.has_apostrophe = True
            self.is_inside = True
            yield line
        if self.is_inside:  # the csv module would take all that follows a lone quotation mark as one cell
            raise csv.Error(_("a quotation mark is opened and never closed"))


def guess_delimiter(start: bytes, encoding: str) -> str:
    """The delimiter with which the first rows have as many columns as the header; a comma for a single column.

    csv.reader itself is asked, as csv.Sniffer gives up on short files, on single columns and on quoted delimiters.
    """
    text = start[:SAMPLE].decode(encoding, "ignore").removeprefix("\ufeff")

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            rows = [
                len(cells)
                for cells in islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 50)
                if cells
            ]
        except csv.Error:
            return 0, 0
        return (rows.count(rows[0]) / len(rows), rows[0]) if rows and rows[0] > 1 else (0, 0)

    return max(DELIMITERS, key=fit)


def header_of(cells: list[str]) -> list[str]:
    """The column names, with one made up for a column that has none; raises `Invalid` when they are no names."""
    if len(cells) > MOST_COLUMNS:
        raise Invalid([Error("file", _("The file has more than {most} columns.").format(most=MOST_COLUMNS))])
    names = [" ".join(cell.split())[:200] or _("Column {number}").format(number=n) for n, cell in enumerate(cells, 1)]
    if not any(cell.strip() for cell in cells) or any(ADDRESS.fullmatch(cell.strip()) for cell in cells):
        raise Invalid([Error("file", _("The first row must hold the names of the columns."))])
    twice = next((name for n, name in enumerate(names) if name in names[:n]), None)
    if twice:
        raise Invalid([Error("file", _("Two columns are called “{name}”. Rename one.").format(name=twice))])
    return names
