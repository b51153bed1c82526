"""What type the values of a column suggest for a new property, and the choices that they make."""

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.translation import gettext as _

from . import values
from .import_reading import RowsFrom
from .models import Import, PropertyType
from .refusals import Error, Invalid
from .schema import LONGEST_OPTION, MOST_OPTIONS

GUESSED_FROM: Final = 1_000  # values
SCANNED_FOR_CHOICES: Final = 64 * 1024 * 1024  # bytes
CHOICES: Final = (PropertyType.CHOICE, PropertyType.MULTIPLE_CHOICE)
# What a column may become; an owner is a member, and every type has one already.
OFFERED: Final = tuple(each for each in PropertyType if each != PropertyType.OWNER)
WORDS: Final = frozenset(word for word in values.YES | values.NO if len(word) > 1)
LEADING_ZERO = re.compile(r"[+-]?0\d")
TRIED: Final = (PropertyType.NUMBER, PropertyType.DATE, PropertyType.DATETIME, PropertyType.EMAIL, PropertyType.URL)
SHORT: Final = 500  # characters; longer values make a long text


class _Plain:
    """A property that is nothing but its type."""

    def __init__(self, type: str) -> None:
        self.type, self.options = type, list[str]()


class TypeGuess:
    """The narrowest type that all values fit; text without any. A number with a leading zero is a text.

    Told value by value, none of which is kept: a thousand of them may be long ones.
    """

    def __init__(self) -> None:
        self.is_blank, self.is_words, self.is_long = True, True, False
        self.fitting: Sequence[PropertyType] = TRIED

    def add(self, cell: str) -> None:
        """One more value; a blank one says nothing."""
        if not (text := cell.strip()):
            return
        self.is_blank = False
        self.is_words = self.is_words and text.lower() in WORDS
        self.is_long = self.is_long or len(text) > SHORT or "\n" in text
        self.fitting = [type for type in self.fitting if _fits(type, text)]

    @property
    def type(self) -> str:
        """What the values so far suggest."""
        if self.is_blank:
            return PropertyType.TEXT.value
        if self.is_words:
            return PropertyType.BOOLEAN.value
        if self.fitting:
            return self.fitting[0].value
        return (PropertyType.LONG_TEXT if self.is_long else PropertyType.TEXT).value


def listen(guesses: Mapping[int, TypeGuess], cells: Sequence[str]) -> None:
    """Tell the guesses about some columns, by their place, what a row says."""
    for index, guess in guesses.items():
        if index < len(cells):
            guess.add(cells[index])


def _fits(type: PropertyType, cell: str) -> bool:
    if type == PropertyType.URL and "://" not in cell and not cell.lower().startswith("www."):
        return False
    if type == PropertyType.NUMBER and LEADING_ZERO.match(cell):
        return False
    try:
        values.clean(_Plain(type), cell)
    except ValueError:
        return False
    return True


def options_of(source: Import, header: str, type: str) -> list[str]:
    """The choices that the values of a column make, in the order of the file. Raises `Invalid`: mapping.<column>."""
    place = f"mapping.{header}"
    if source.size > SCANNED_FOR_CHOICES:
        message = _("The file is too large to gather the choices from. Add the property first, or take it as text.")
        raise Invalid([Error(place, message)])
    index, found = source.columns.index(header), dict[str, str]()
    try:
        for cells in RowsFrom(source, source.next_byte):
            for text in _choices_in(cells[index], type) if index < len(cells) else ():
                found.setdefault(text.casefold(), text)
            if len(found) > MOST_OPTIONS:
                message = _("The column has more than {most} different values. Take it as text.")
                raise Invalid([Error(place, message.format(most=MOST_OPTIONS))])
    except csv.Error as error:
        raise Invalid([Error(place, _("The file cannot be read as CSV: {reason}.").format(reason=error))]) from None
    if not found or any(len(text) > LONGEST_OPTION for text in found.values()):
        message = _("The values of this column are no choices of 1 to {most} characters. Take it as text.")
        raise Invalid([Error(place, message.format(most=LONGEST_OPTION))])
    return list(found.values())


def _choices_in(cell: str, type: str) -> list[str]:
    parts = cell.split(";" if ";" in cell else ",") if type == PropertyType.MULTIPLE_CHOICE else [cell]
    return [part.strip() for part in parts if part.strip()]
