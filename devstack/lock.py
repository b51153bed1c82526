"""One owner per data folder."""

import fcntl
from pathlib import Path
from types import TracebackType

from devstack import StackError


class Lock:
    """Held from `with` to its end, or to the death of this process; the file says by whom.

    What a dead owner wrote into the file does not count: only the kernel's lock does.
    """

    def __init__(self, path: Path, refusal: str) -> None:
        """`refusal` is the sentence for the second one; `{owner}` in it becomes what the first noted."""
        self.path = path
        self.refusal = refusal

    def __enter__(self) -> "Lock":
        self.file = self.path.open("a+")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.seek(0)
            owner = self.file.read().strip()
            self.file.close()
            raise StackError(self.refusal.replace("{owner}", owner or "another process")) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.truncate(0)
        self.file.close()

    def note(self, owner: str) -> None:
        """Write down who holds it and where to find it."""
        self.file.truncate(0)
        self.file.write(owner)
        self.file.flush()
