"""Reading the cells of an import's rows: each column by where it goes, equal cells of a column once."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.utils.translation import gettext as _

from . import phones, values
from .import_dates import NO_DATE
from .import_mapping import COMPANY, COMPANY_NAME
from .import_numbers import as_meant
from .models import BlankCells, DateOrder, Import, Property, PropertyType
from .refusals import Error
from .rows import LONGEST_EXTERNAL_ID, NEW, Row, folded
from .upserts import reader_of
from .values import JsonValue

REMEMBERED: Final = 10_000  # different cells of a column
LONGEST_REMEMBERED: Final = 200  # characters; longer ones are seldom equal
MONTH_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(.*)", re.DOTALL)
PLAIN_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T][0-2]\d:[0-5]\d", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Only what values.clean() takes as it is, once in lower case.
PLAIN_ADDRESS = re.compile(
    r"[a-z0-9_+-]{1,30}(?:\.[a-z0-9_+-]{1,30})?@[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?\.(?:[a-z0-9]{1,60}\.)?[a-z]{2,20}"
)
Read = Callable[[str], Any]


@dataclass(frozen=True)
class _Fault:
    """Why a cell cannot be taken."""

    reason: str


class _Memory(dict[str, Any]):
    """What the cells of one column say, each read once unless it is long; blank ones say None."""

    def __init__(self, read: Read) -> None:
        self.read = read

    def __missing__(self, cell: str) -> Any:
        text = cell.strip()
        try:
            said = self.read(text) if text else None
        except ValueError as error:
            said = _Fault(str(error))
        if len(self) < REMEMBERED and len(cell) <= LONGEST_REMEMBERED:
            self[cell] = said
        return said


class CellReader:
    """Reads the rows of an import: what they say about records, as `RowReader` would have it.

    `company_of` tells the name in the column that goes to the associated company. `coming`: properties that columns go
    to before they are made, by key.
    """

    def __init__(self, source: Import, coming: Mapping[str, Property] | None = None) -> None:
        self.reader = reader_of(source.object_type, source.match_on)
        self.reader.properties.update(coming or {})
        self.match_on, self.clears = source.match_on, source.blank_cells == BlankCells.CLEAR
        self.month_first = source.date_order == DateOrder.MONTH_FIRST
        self.decimal_mark = source.decimal_mark
        self.width, self.mapping = len(source.columns), source.mapping
        self.texts: list[tuple[int, str]] = []
        self.properties: list[tuple[int, str, _Memory]] = []
        self.phones: list[tuple[int, str]] = []
        self.fields: list[tuple[int, str, _Memory]] = []
        self.key: tuple[int, _Memory] | None = None  # the column of what rows are matched by
        self.company: int | None = None
        self.country: int | None = None
        self.regions = _Memory(phones.region)  # of the countries in the file
        self.of_regions: dict[str | None, list[tuple[int, str, _Memory]]] = {}  # all columns of properties
        for index, header in enumerate(source.columns):
            self._plan(index, source.mapping.get(header) or {})

    def read(self, cells: Sequence[str]) -> tuple[Row, list[Error]]:
        """What a row says, and every fault with its path; with any, use no part of it."""
        if len(cells) > self.width and any(cell.strip() for cell in cells[self.width :]):
            return Row(), [Error("", _("The row has more cells than there are columns."))]
        if len(cells) < self.width:
            cells = [*cells, *[""] * (self.width - len(cells))]
        row = Row()
        errors = self._read_texts(cells, row.properties)
        errors += self._read_properties(cells, row.properties)
        if self.fields:
            errors += self._read_fields(cells, row.fields)
        if len(self.company_of(cells)) > values.LONGEST_TEXT:
            errors.append(Error(COMPANY["associated"], _("The name is too long.")))
        if not errors and (error := self._missing(row, cells)):
            errors.append(error)
        return row, errors

    def _missing(self, row: Row, cells: Sequence[str]) -> Error | None:
        """What a row has to say and does not: what it is matched by, or anything at all when that is nothing."""
        if self.match_on != NEW:
            return self.reader.missing_key() if row.key(self.match_on) is None else None
        said = (*row.properties.values(), *row.fields.values(), self.company_of(cells) or None)
        if all(value is None for value in said):
            return Error("", _("The row is blank in every column that is imported."))
        return None

    def _read_texts(self, cells: Sequence[str], found: dict[str, Any]) -> list[Error]:
        """Texts are as they are; a file that could be read has no character that cannot be kept."""
        errors: list[Error] = []
        for index, key in self.texts:
            text = cells[index].strip()
            if text:
                found[key] = text
                if len(text) > values.LONGEST_TEXT:
                    errors.append(Error(f"properties.{key}", _why(self._read_of(self.reader.properties[key]), text)))
            elif self.clears:
                found[key] = None
        return errors

    def _read_properties(self, cells: Sequence[str], found: dict[str, Any]) -> list[Error]:
        errors: list[Error] = []
        for index, key, memory in self._of_country(cells) if self.phones else self.properties:
            said = memory[cells[index]]
            if said is None:
                if self.clears:
                    found[key] = None
            elif type(said) is _Fault:
                errors.append(Error(f"properties.{key}", said.reason))
            else:
                found[key] = said
        return errors

    def _read_fields(self, cells: Sequence[str], found: dict[str, Any]) -> list[Error]:
        errors: list[Error] = []
        for index, name, memory in self.fields:
            said = memory[cells[index]]
            if type(said) is _Fault:
                errors.append(Error(name, said.reason))
            elif said is not None:
                found.update(said)
            elif self.clears and name == "external_id":
                found[name] = None
        return errors

    def key_of(self, cells: Sequence[str]) -> JsonValue:
        """What the row is matched by, whatever else is wrong with it; None when it does not say."""
        index, memory = self.key or (len(cells), _Memory(str))
        said = memory[cells[index]] if index < len(cells) else None
        if said is None or type(said) is _Fault:
            return None
        return said[self.match_on] if isinstance(said, dict) else said

    def company_of(self, cells: Sequence[str]) -> str:
        """The name of the company that the row speaks of, or nothing."""
        return cells[self.company].strip() if self.company is not None and self.company < len(cells) else ""

    def _plan(self, index: int, target: dict[str, str]) -> None:
        if property := self.reader.properties.get(target.get("property", "")):
            if property.key == "country":
                self.country = index
            self._plan_property(index, property)
        elif "field" in target:
            memory = _Memory(self._read_of_field(target["field"]))
            self.fields.append((index, target["field"], memory))
            if target["field"] == self.match_on:
                self.key = index, memory
        elif "associated" in target:
            self.company = index
            if (property := self.reader.properties.get(COMPANY_NAME)) and not self._has_column(COMPANY_NAME):
                self._plan_property(index, property)

    def _plan_property(self, index: int, property: Property) -> None:
        if property.type == PropertyType.TEXT:
            self.texts.append((index, property.key))
            if property.key == self.match_on:
                self.key = index, _Memory(folded)
        elif property.type == PropertyType.PHONE:
            self.phones.append((index, property.key))
        else:
            memory = _Memory(self._read_of(property))
            self.properties.append((index, property.key, memory))
            if property.key == self.match_on:
                self.key = index, memory

    def _has_column(self, key: str) -> bool:
        return {"property": key} in self.mapping.values()

    def _of_country(self, cells: Sequence[str]) -> list[tuple[int, str, _Memory]]:
        """The columns of properties, phone numbers as they are read in the country of the row."""
        region = self.regions[cells[self.country]] if self.country is not None else None
        found = self.of_regions.get(region)
        if found is None:
            found = self.of_regions[region] = [*self.properties, *self._phones(region)]
        return found

    def _phones(self, region: str | None) -> list[tuple[int, str, _Memory]]:
        region = region or phones.region(self.reader.country)

        def read_of(property: Property) -> Read:
            return lambda text: values.clean(property, text, region=region)

        return [(index, key, _Memory(read_of(self.reader.properties[key]))) for index, key in self.phones]

    def _read_of(self, property: Property) -> Read:
        """How the cells of a property are read: in short where the outcome is known, else as everywhere."""
        reader = self.reader

        def clean(text: str) -> Any:
            return values.clean(property, text, zone=reader.zone, members=reader.members)

        if property.type == PropertyType.EMAIL:
            return lambda text: low if PLAIN_ADDRESS.fullmatch(low := text.lower()) else clean(text)
        if property.type == PropertyType.NUMBER:
            return lambda text: clean(as_meant(text, self.decimal_mark))
        if property.type == PropertyType.DATE:
            return lambda text: _iso_date(text) or clean(self._turned(text))
        if property.type == PropertyType.DATETIME:
            hours = _Memory(lambda hour: _hour(hour, clean))
            return lambda text: _in_hour(hours, text) or clean(self._turned(text))
        return clean

    def _read_of_field(self, name: str) -> Read:
        if name == "id":
            return lambda text: self.reader.read_field(name, int(text) if values.WRITTEN_ID.fullmatch(text) else text)
        if name == "external_id":
            return lambda text: {name: text} if len(text) <= LONGEST_EXTERNAL_ID else self.reader.read_field(name, text)
        if name == "consent_at":
            return lambda text: None if text in NO_DATE else self.reader.read_field(name, self._turned(text))
        return lambda text: self.reader.read_field(name, text)

    def _turned(self, text: str) -> str:
        """A date that is written month first, with the year in front; nothing where a system writes that for none."""
        if text in NO_DATE:
            return ""
        if self.month_first and (found := MONTH_FIRST.fullmatch(text)):
            return f"{found[4]}-{found[1]}-{found[3]}{found[5]}"
        return text


def _why(read: Read, text: str) -> str:
    """The sentence with which a text is refused."""
    try:
        read(text)
    except ValueError as error:
        return str(error)
    return ""


def _in_hour(hours: "_Memory", text: str) -> str | None:
    """A moment such as "2027-01-31 09:30", by what its hour is; None where minutes would have to be looked at."""
    start = hours[text[:13]] if PLAIN_MOMENT.fullmatch(text) else None
    return f"{start}{text[14:16]}:00Z" if isinstance(start, str) else None


def _hour(hour: str, clean: Read) -> str | None:
    """How every moment of an hour begins; None when the clocks are changed within it."""
    first, last = clean(f"{hour}:00"), clean(f"{hour}:59")
    return first[:14] if first.endswith(":00:00Z") and last == f"{first[:14]}59:00Z" else None


def _iso_date(text: str) -> str | None:
    if not ISO_DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None
