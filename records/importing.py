"""Taking in a CSV file: stored and looked at as a whole, its columns settled, then worked through by records/tasks.py.

A file comes as a draft that a person corrects and starts, or is started at once with what was guessed or given.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import chain, islice
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.tenancy import current_account_id

from . import import_lifecycle, import_mapping, lists, tasks
from .export_header import is_own_id
from .import_again import date_order, decimal_mark
from .import_mapping import Target
from .import_pieces import Pieces, Readable, pieces_of, store
from .import_reading import DELIMITERS, RowsFrom, Scan, encoding_named, guess_delimiter, header_of
from .import_types import GUESSED_FROM, TypeGuess, listen
from .models import BlankCells, DateOrder, DecimalMark, Import, ImportMode, ImportStatus, ObjectType
from .refusals import Error, Invalid
from .rows import NEW

MATCHES: Final[dict[str, Target]] = {
    "email": {"property": "email"},
    "external_id": {"field": "external_id"},
    "id": {"field": "id"},
    "name": {"property": "name"},
}
MATCHED_ON: Final = (*MATCHES, NEW)  # by nothing: every row makes a record
LONGEST_NAME = 200


@dataclass(frozen=True)
class Terms:
    """How the rows of an import meet what is there. `decimal_mark`: without one as the file's numbers suggest."""

    match_on: str = "email"
    mode: str = ImportMode.BOTH
    blank_cells: str = BlankCells.LEAVE
    date_order: str = DateOrder.DAY_FIRST
    decimal_mark: str | None = None

    @classmethod
    def of(cls, source: Import) -> "Terms":
        """Those of an import as it is."""
        return cls(source.match_on, source.mode, source.blank_cells, source.date_order, source.decimal_mark)

    def check(self) -> list[Error]:
        """What is wrong, with the paths match_on, mode, blank_cells, date_order and decimal_mark."""
        known: dict[str, Iterable[str]] = {
            "match_on": MATCHED_ON,
            "mode": ImportMode.values,
            "blank_cells": BlankCells.values,
            "date_order": DateOrder.values,
            **({} if self.decimal_mark is None else {"decimal_mark": DecimalMark.values}),
        }
        message = _("Use one of: {names}.")
        errors = [
            Error(name, message.format(names=", ".join(names)))
            for name, names in known.items()
            if getattr(self, name) not in names
        ]
        if not errors and self.match_on == "id" and self.mode == ImportMode.CREATE:
            errors.append(Error("mode", _("What is matched by the id is there already, so it can only be updated.")))
        if not errors and self.match_on == NEW and self.mode == ImportMode.UPDATE:
            errors.append(Error("mode", _("Rows that are matched by nothing make records. They cannot only update.")))
        return errors


def start_import(
    *,
    name: str,
    object_type: ObjectType,
    file: Readable,
    mapping: Mapping[str, Any] | None = None,
    terms: Terms | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    create_properties: bool = False,
) -> Import:
    """Take in a CSV file with a header; its records come in the background, into a new list named after the import.

    `mapping`: column -> {"property": key}, {"field": one of `import_mapping.FIELDS`}, {"associated": "company"} (its
    name: found or made), {"new": column, "type": a property type} or None; guessed from the headers without one.
    `create_properties`: columns that belong nowhere become properties of the type that their values suggest. Encoding
    and delimiter are detected. Raises `Invalid`, with nothing stored, with the paths name, file, encoding, delimiter,
    mapping.<column> and those of `Terms`.
    """
    with transaction.atomic():
        source = draft(
            name=name,
            object_type=object_type,
            file=file,
            mapping=mapping,
            terms=terms,
            encoding=encoding,
            delimiter=delimiter,
            create_properties=create_properties,
        )
        start(source, name=name, mapping=source.mapping, terms=Terms.of(source))
    return source


def draft(
    *,
    name: str,
    object_type: ObjectType,
    file: Readable,
    mapping: Mapping[str, Any] | None = None,
    terms: Terms | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    create_properties: bool = False,
) -> Import:
    """What `start_import` would start, as a draft to look at and correct first; the same arguments and errors."""
    terms = terms or Terms()
    _check_settings(name, terms, delimiter)
    with transaction.atomic():
        source = take_in(name=name, object_type=object_type, file=file, encoding=encoding, delimiter=delimiter)
        if mapping is not None:
            source.mapping = import_mapping.check(mapping, source.columns, object_type)
        elif terms.match_on == "id":
            source.mapping = import_mapping.with_some_id(source.mapping)
        if create_properties:
            left = {header for header, target in source.mapping.items() if not target} - set(mapping or ())
            left -= import_mapping.written_by_flyt(source.columns, object_type)
            types = guess_types(source, left)
            source.mapping |= {header: {"new": header, "type": types[header]} for header in left}
        source.decimal_mark = decimal_mark(source)
        settle(source, name=name, mapping=source.mapping, terms=terms)
    return source


def take_in(
    *, name: str, object_type: ObjectType, file: Readable, encoding: str | None = None, delimiter: str | None = None
) -> Import:
    """Store a CSV file with a header as a draft, with what its encoding, delimiter and columns seem to be.

    Nothing comes in before `start`. Raises `Invalid`, with nothing stored: name, file, encoding, delimiter.
    """
    _check_settings(name, Terms(), delimiter)
    with transaction.atomic():
        source = Import.objects.create(
            name=name.strip(), object_type=object_type, mapping={}, status=ImportStatus.DRAFT
        )
        start = _take_in(source, file, encoding_named(encoding) if encoding else None)
        source.delimiter = delimiter or guess_delimiter(start, source.encoding)
        source.columns = _read_header(source)
        source.mapping = import_mapping.guess(source.columns, object_type)
        source.decimal_mark, source.date_order = decimal_mark(source), date_order(source)
        source.match_on = _usual_match(source)
        if source.match_on == "id":
            source.mapping = import_mapping.with_own_id(source.mapping)
        source.save()
    return source


def read_again(source: Import, *, encoding: str, delimiter: str) -> None:
    """Read a draft with another encoding or delimiter; its columns are guessed anew. Raises `Invalid`."""
    _check_settings(source.name, Terms(), delimiter)
    encoding = encoding_named(encoding)
    with transaction.atomic():
        if encoding != source.encoding:
            pieces = pieces_of(Pieces(source))
            start = next(pieces, b"")
            for _piece in Scan(start, encoding, settings.IMPORT_MAX_BYTES).pass_on(chain([start], pieces)):
                pass
        source.encoding, source.delimiter = encoding, delimiter
        source.columns = _read_header(source)
        source.mapping = import_mapping.guess(source.columns, source.object_type)
        source.decimal_mark, source.date_order = decimal_mark(source), date_order(source)
        names = ("encoding", "delimiter", "columns", "mapping", "decimal_mark", "date_order", "next_byte")
        source.save(update_fields=names)


def _usual_match(source: Import) -> str:
    """What the rows of a fresh draft are matched by: contacts by their address, others by what the file has."""
    key, targets = source.object_type.key, source.mapping.values()
    has = {name for name, target in MATCHES.items() if target in targets} & set(matches_of(source.object_type))
    if any(map(is_own_id, source.columns)):
        has.add("id")
    # Only contacts need an address: where others have one at all, many rows leave it blank.
    order = ("email", "id", "external_id") if key == "contact" else ("id", "external_id", "name", "email")
    return next((name for name in order if name in has), "email" if key == "contact" else NEW)


def settle(source: Import, *, name: str, mapping: Mapping[str, Any], terms: Terms) -> None:
    """Keep what a person chose for a draft. Raises `Invalid`: name, mapping.<column> and the paths of `Terms`."""
    _check_settings(name, terms, None)
    if terms.match_on not in (known := matches_of(source.object_type)):
        raise Invalid([Error("match_on", _("Use one of: {names}.").format(names=", ".join(known)))])
    source.mapping = import_mapping.check(mapping, source.columns, source.object_type)
    source.name, source.match_on, source.mode = name.strip(), terms.match_on, terms.mode
    source.blank_cells, source.date_order = terms.blank_cells, terms.date_order
    source.decimal_mark = terms.decimal_mark or source.decimal_mark
    source.save(update_fields=["name", "mapping", *(each.name for each in fields(Terms))])


def guess_types(source: Import, headers: Collection[str]) -> dict[str, str]:
    """The types that the first values of columns suggest for new properties."""
    if not headers:
        return {}
    guesses = {index: TypeGuess() for index, header in enumerate(source.columns) if header in headers}
    try:
        for cells in islice(RowsFrom(source, source.next_byte), GUESSED_FROM):
            listen(guesses, cells)
    except csv.Error:
        pass  # told where the rows are taken
    return {source.columns[index]: guess.type for index, guess in guesses.items()}


def matches_of(object_type: ObjectType) -> list[str]:
    """What rows about records of a type may be matched by; only companies are told apart by their names."""
    return [each for each in MATCHED_ON if each != "name" or object_type.key == "company"]


def is_matched(source: Import) -> bool:
    """True when a column is for what rows are matched by; when they are matched by nothing, when any goes anywhere."""
    if source.match_on == NEW:
        return any(source.mapping.values())
    return MATCHES[source.match_on] in source.mapping.values()


def start(source: Import, *, name: str, mapping: Mapping[str, Any], terms: Terms, by: Actor | None = None) -> bool:
    """Let a draft's records come in the background, into a new list of that name (or one like it when it is taken).

    `mapping` as in `start_import`. False when it was started before. Raises `Invalid`.
    """
    with transaction.atomic():
        settle(source, name=name, mapping=mapping, terms=terms)
        _check_matching(source)
        for header, target in source.mapping.items():
            if target and "new" in target:
                source.mapping[header] = import_mapping.add_new_property(source, header, target["type"])
        made = lists.create_static(lists.free_name(source.name), source.object_type)
        if not import_lifecycle.move(source, "start", mapping=source.mapping, list=made):
            transaction.set_rollback(True)
            return False
        source.refresh_from_db()
        if by:
            history.record(source, "started", by=by, detail={"name": source.name})
        tasks.run_import.hint(current_account_id(), source.pk)
    return True


def _check_matching(source: Import) -> None:
    if not is_matched(source) and source.match_on == NEW:
        raise Invalid([Error("match_on", _("No column of the file goes anywhere."))])
    if not is_matched(source):
        message = _("No column of the file is for what its rows are matched by ({match_on}).")
        raise Invalid([Error("match_on", message.format(match_on=source.match_on))])
    column = next((header for header, target in source.mapping.items() if target == MATCHES["id"]), None)
    if column is not None and source.match_on != "id":
        message = _("Only rows that are matched by the id may have one. Match on it, or leave the column out.")
        raise Invalid([Error(f"mapping.{column}", message)])


def _check_settings(name: str, terms: Terms, delimiter: str | None) -> None:
    errors = []
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        errors.append(Error("name", _("Enter a name of 1 to {most} characters.").format(most=LONGEST_NAME)))
    errors += terms.check()
    if delimiter is not None and delimiter not in DELIMITERS:
        errors.append(Error("delimiter", _("Use a comma, a semicolon, a tab or |.")))
    if errors:
        raise Invalid(errors)


def _take_in(source: Import, file: Readable, encoding: str | None) -> bytes:
    """Store the file and learn its encoding and size; returns how it starts."""
    pieces = pieces_of(file)
    start = next(pieces, b"")
    if not start.strip():
        raise Invalid([Error("file", _("The file is empty."))])
    scan = Scan(start, encoding, settings.IMPORT_MAX_BYTES)
    store(source, scan.pass_on(chain([start], pieces)))
    source.encoding, source.size = scan.encoding(), scan.size
    return start


def _read_header(source: Import) -> list[str]:
    """The column names; notes where the first row begins."""
    rows = RowsFrom(source)
    try:
        header = header_of(next(iter(rows), []))
        source.next_byte = rows.position
        if not any(any(cell.strip() for cell in cells) for cells in islice(rows, 100)):
            raise Invalid([Error("file", _("The file has no rows under its header."))])
    except csv.Error as error:
        message = _("The file cannot be read as CSV: {reason}.").format(reason=error)
        raise Invalid([Error("file", message)]) from None
    return header
