"""Where things lie on this machine: the checkout, the folder with all data, logs and sockets."""

import hashlib
import os
import tempfile
from io import BufferedWriter
from pathlib import Path

from devstack import StackError

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534
LONGEST_SOCKET_FOLDER = 80  # a socket's whole path must stay under 104 (macOS) or 108 (Linux) bytes
LARGEST_LOG = 5_000_000


def data_folder() -> Path:
    """The folder for everything Flyt keeps on this machine (FLYT_VAR, default `var` in the checkout)."""
    return make_folder(Path(os.environ.get("FLYT_VAR") or ROOT / "var").expanduser().absolute())


def make_folder(path: Path) -> Path:
    """Create a private folder with its parents and make sure that it can be written."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise StackError(
            f"Cannot write to {path} ({error.strerror}): make it writable for this user, "
            "or set FLYT_VAR to a folder that is."
        ) from error
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def open_log(var: Path, name: str) -> BufferedWriter:
    """Open the log of one process for appending; a large one from earlier runs is kept as `.old`."""
    path = make_folder(var / "logs") / f"{name}.log"
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.old"))
    return path.open("ab")


def log_tail(var: Path, name: str, *, lines: int = 15) -> str:
    """The last lines of a process's log, to show why it ended."""
    path = var / "logs" / f"{name}.log"
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 20_000))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def socket_folder(var: Path) -> Path:
    """Sockets lie beside the data unless their path would be too long for the system."""
    folder = var / "run"
    if len(str(folder)) <= LONGEST_SOCKET_FOLDER:
        return make_folder(folder)
    digest = hashlib.sha256(str(var).encode()).hexdigest()[:10]
    folder = make_folder(Path(tempfile.gettempdir()) / f"flyt-{os.geteuid()}-{digest}")
    owners = {os.geteuid(), NOBODY} if os.geteuid() == 0 else {os.geteuid()}
    if folder.stat().st_uid not in owners:
        raise StackError(f"{folder} belongs to another user: remove it, or set FLYT_VAR to a shorter path.")
    return folder
