"""Reads the values of a flow document, each with its path, so that all faults are told at once."""

import math
import unicodedata
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from records import criteria
from records.models import ObjectType
from scheduling.reading import Reader

LARGEST_ID = 2**63 - 1
LONGEST_ADDRESS = 254


class DocumentReader(Reader):
    """Methods that return the value at a path, or something harmless after noting why there is none.

    What stands in the flow already (`old`) is not checked again: a property archived since, or a list deleted, is a
    problem of the flow, and must not keep anyone from saving what they came for.
    """

    def __init__(self, object_type: ObjectType | None) -> None:
        super().__init__()
        self.object_type = object_type

    def text(self, path: str, value: object, *, most: int, required: bool = False, several_lines: bool = False) -> str:
        """Text of at most `most` characters, without blanks around it."""
        if not isinstance(value, str):
            self.refuse(path, _("Write a text."))
            return ""
        text = value.strip()
        if required and not text:
            self.refuse(path, _("Write a name."))
        if len(text) > most:
            self.refuse(path, _("Write at most {most} characters.").format(most=most))
        allowed = "\n\r\t" if several_lines else ""
        if any(unicodedata.category(letter) == "Cc" and letter not in allowed for letter in text):
            self.refuse(path, _("Write it on one line, without control characters."))
        return text

    def flag(self, path: str, value: object) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            self.refuse(path, _("Write true or false."))
        return value is True

    def identity(self, path: str, value: object) -> int | None:
        """An id; null for something new."""
        if value is None:
            return None
        return self.whole_number(path, value, low=1, high=LARGEST_ID)

    def address(self, path: str, value: object) -> str:
        """An e-mail address, or nothing yet."""
        text = self.text(path, value, most=LONGEST_ADDRESS)
        if text:
            try:
                validate_email(text)
            except ValidationError:
                self.refuse(path, _("Write an e-mail address such as news@example.com."))
        return text

    def moment(self, path: str, value: object) -> datetime | None:
        """A moment with its offset from UTC, or none."""
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # told below, as for any other value that is no moment
        self.refuse(path, _("Write a moment with its offset, such as 2027-01-31T09:00:00Z."))
        return None

    def time_zone(self, path: str, value: object) -> str:
        """The name of a time zone."""
        if isinstance(value, str) and value in available_timezones():
            return value
        self.refuse(path, _("Choose a time zone such as Europe/Oslo."))
        return "UTC"

    def criteria(self, path: str, value: object, *, old: object = None) -> Any:
        """Criteria about records of the flow's object type, or none."""
        if value is None or self.object_type is None:
            return value
        if value == old:
            return old
        for error in criteria.check(value, self.object_type):
            self.refuse(f"{path}.{error.path}" if error.path else path, error.message)
        return value


def unstorable(document: object) -> list[tuple[str, str]]:
    """The faults of values that PostgreSQL cannot hold: NUL, half a character, a number that is none."""
    faults, waiting = [], [("", document)]
    while waiting:  # no recursion: the nesting of a stranger's document is not ours to bound by the stack
        path, value = waiting.pop()
        prefix = f"{path}." if path else ""
        if isinstance(value, dict):
            waiting += [(f"{prefix}{_shown(key)}", inside) for key, inside in value.items()]
            if not all(map(_is_storable, value)):
                faults.append((path, _("Remove the characters that cannot be stored.")))
        elif isinstance(value, list):
            waiting += [(f"{prefix}{position}", inside) for position, inside in enumerate(value)]
        elif isinstance(value, str) and not _is_storable(value):
            faults.append((path, _("Remove the characters that cannot be stored.")))
        elif isinstance(value, float) and not math.isfinite(value):
            faults.append((path, _("Write a number.")))
    return faults


def _shown(key: object) -> str:
    return str(key).encode("utf-8", "replace").decode()


def _is_storable(text: object) -> bool:
    """PostgreSQL's text holds neither NUL nor a lone surrogate."""
    return isinstance(text, str) and "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
