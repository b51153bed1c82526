"""An error in one line of the log: its kind, its code and its places. Never its words, which may quote somebody's
values, and never the database's."""

import traceback
from pathlib import Path
from typing import Final

from django.db import DatabaseError, InterfaceError, OperationalError

from .retries import is_worth_another_try, sqlstate

# The codes of what the database never takes, such as a value too long for an index. To Django they are operational.
TOO_LARGE: Final = "54"
ROOT: Final = Path(__file__).resolve().parent.parent


def told(error: BaseException) -> str:
    """What it is: `Invalid`, or `IntegrityError 23514`."""
    return f"{type(error).__name__} {sqlstate(error) if isinstance(error, DatabaseError) else ''}".strip()


def traced(error: BaseException) -> str:
    """What it is and where it came from: `Invalid at flows/path.py:60 after > records/criteria.py:9 compile`.

    The places are those in this code, and the last. Behind them, after `from`, the error that it was made of.
    """
    frames = traceback.extract_tb(error.__traceback__)
    shown = [*(each for each in frames[:-1] if _is_ours(each.filename)), *frames[-1:]]
    way = " > ".join(f"{_short(each.filename)}:{each.lineno} {each.name}" for each in shown)
    line = f"{told(error)} at {way}" if way else told(error)
    cause = None if isinstance(error, DatabaseError) else error.__cause__
    return f"{line}, from {traced(cause)}" if cause else line


def blames_nobody(error: BaseException) -> bool:
    """Whether the same rows may go through another time: two that clashed, or a database that is not there."""
    if sqlstate(error).startswith(TOO_LARGE):
        return False
    return is_worth_another_try(error) or isinstance(error, OperationalError | InterfaceError)


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts


def _short(filename: str) -> str:
    path = Path(filename)
    if _is_ours(filename):
        return str(path.relative_to(ROOT))
    parts = path.parts
    return "/".join(parts[parts.index("site-packages") + 1 :] if "site-packages" in parts else parts[-2:])
