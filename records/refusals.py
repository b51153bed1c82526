"""What is wrong with input, and where: the errors that the edges show beside a field or in a JSON answer."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Error:
    """One fault. `path` leads to it through keys and positions: "all.0.value"; "" is the whole."""

    path: str
    message: str

    def under(self, *place: str | int) -> "Error":
        """The same fault seen from further out."""
        return Error(".".join([*map(str, place), *([self.path] if self.path else [])]), self.message)


class Invalid(ValueError):
    """Input that was refused as a whole: nothing was changed."""

    def __init__(self, errors: Iterable[Error]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(f"{error.path}: {error.message}".lstrip(": ") for error in self.errors))


def legible(value: object) -> str:
    """What was given, cut so that a message or a path can show it, without what no text can hold."""
    text = value if isinstance(value, str) else type(value).__name__ if isinstance(value, dict | list) else str(value)
    return text[:40].replace("\x00", "").encode("utf-8", "replace").decode()
