"""The bytes of an import in the database, in pieces: written as they arrive, read on from any place by any worker."""

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from .models import Import, ImportFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 1024 * 1024


class Readable(Protocol):
    """An uploaded file, or any other that is open for reading bytes."""

    def read(self, size: int = ..., /) -> bytes: ...


def pieces_of(file: Readable) -> Iterator[bytes]:
    """The file in pieces of exactly 1 MiB; the last one may be shorter."""
    piece = bytearray()
    while data := file.read(PIECE - len(piece)):
        piece += data
        if len(piece) == PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def store(source: Import, pieces: Iterable[bytes]) -> None:
    """Write the pieces down one by one, so that memory holds one of them."""
    for number, piece in enumerate(pieces):
        ImportFile.objects.create(source=source, piece=number, data=piece)


class Pieces(io.RawIOBase):
    """The stored file as a stream, from `start` bytes on."""

    def __init__(self, source: Import, start: int = 0) -> None:
        self.source = source
        self.number, self.skip = divmod(start, PIECE)
        self.piece = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill `buffer` from the current piece, fetching the next one when it is used up."""
        if not self.piece:
            self.piece = self._fetch()
        target = memoryview(buffer)
        size = min(len(target), len(self.piece))
        target[:size] = self.piece[:size]
        self.piece = self.piece[size:]
        return size

    def _fetch(self) -> memoryview:
        found = ImportFile.objects.filter(source=self.source, piece=self.number).values_list("data", flat=True)
        data = memoryview(bytes(found.first() or b""))[self.skip :]
        self.number, self.skip = self.number + 1, 0
        return data
