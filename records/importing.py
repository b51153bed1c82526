"""Taking in a CSV file: stored and looked at as a whole, its columns settled, then worked through by records/tasks.py.

A file comes as a draft that a person corrects and starts, or is started at once with what was guessed or given.
"""

import csv
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.tenancy import current_account_id

from . import import_lifecycle, import_mapping, lists, tasks
from .import_mapping import Target
from .import_pieces import Pieces, Readable, pieces_of, store
from .import_reading import DELIMITERS, RowsFrom, Scan, encoding_named, guess_delimiter, header_of
from .models import Import, ImportStatus, ObjectType
from .refusals import Error, Invalid

MATCHES = {"email": {"property": "email"}, "external_id": {"field": "external_id"}}
LONGEST_NAME = 200


def start_import(
    *,
    name: str,
    object_type: ObjectType,
    file: Readable,
    mapping: Mapping[str, Any] | None = None,
    match_on: str,
    encoding: str | None = None,
    delimiter: str | None = None,
    create_properties: bool = False,
) -> Import:
    """Take in a CSV file with a header; its records come in the background, into a new list named after the import.

    `mapping`: column -> {"property": key}, {"field": "external_id" | "consent" | "consent_at" | "former_employee"} or
    None; guessed from the headers without one. `match_on`: "email" or "external_id". `create_properties`: columns
    that belong nowhere become text properties. Encoding and delimiter are detected. Raises `Invalid`, with nothing
    stored, with the paths name, file, encoding, delimiter, match_on and mapping.<column>.
    """
    _check_settings(name, match_on, delimiter)
    with transaction.atomic():
        source = take_in(name=name, object_type=object_type, file=file, encoding=encoding, delimiter=delimiter)
        if mapping is not None:
            source.mapping = import_mapping.check(mapping, source.columns, object_type)
        if create_properties:
            left = {header for header, target in source.mapping.items() if not target} - set(mapping or ())
            source.mapping |= {header: {"new": header} for header in left}
        start(source, name=name, mapping=source.mapping, match_on=match_on)
    return source


def take_in(
    *, name: str, object_type: ObjectType, file: Readable, encoding: str | None = None, delimiter: str | None = None
) -> Import:
    """Store a CSV file with a header as a draft, with what its encoding, delimiter and columns seem to be.

    Nothing comes in before `start`. Raises `Invalid`, with nothing stored: name, file, encoding, delimiter.
    """
    _check_settings(name, "email", delimiter)
    with transaction.atomic():
        source = Import.objects.create(
            name=name.strip(), object_type=object_type, mapping={}, status=ImportStatus.DRAFT
        )
        start = _take_in(source, file, encoding_named(encoding) if encoding else None)
        source.delimiter = delimiter or guess_delimiter(start, source.encoding)
        source.columns = _read_header(source)
        source.mapping = import_mapping.guess(source.columns, object_type)
        source.save()
    return source


def read_again(source: Import, *, encoding: str, delimiter: str) -> None:
    """Read a draft with another encoding or delimiter; its columns are guessed anew. Raises `Invalid`."""
    _check_settings(source.name, "email", delimiter)
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
        source.save(update_fields=["encoding", "delimiter", "columns", "mapping", "next_byte"])


def settle(source: Import, *, name: str, mapping: Mapping[str, Any], match_on: str) -> None:
    """Keep what a person chose for a draft. Raises `Invalid`: name, match_on and mapping.<column>."""
    _check_settings(name, match_on, None)
    source.mapping = _checked(source, mapping)
    source.name, source.match_on = name.strip(), match_on
    source.save(update_fields=["name", "mapping", "match_on"])


def is_matched(source: Import) -> bool:
    """True when a column is for what rows are matched by."""
    return MATCHES[source.match_on] in source.mapping.values()


def start(source: Import, *, name: str, mapping: Mapping[str, Any], match_on: str, by: Actor | None = None) -> bool:
    """Let a draft's records come in the background, into a new list of that name (or one like it when it is taken).

    `mapping` as in `start_import`, or {"new": header} for a text property to be made. False when it was started
    before. Raises `Invalid`.
    """
    with transaction.atomic():
        settle(source, name=name, mapping=mapping, match_on=match_on)
        if not is_matched(source):
            message = _("No column of the file is for what its rows are matched by ({match_on}).")
            raise Invalid([Error("match_on", message.format(match_on=match_on))])
        for header, target in source.mapping.items():
            if target and "new" in target:
                source.mapping[header] = import_mapping.add_text_property(header, source.object_type)
        made = lists.create_static(lists.free_name(source.name), source.object_type)
        if not import_lifecycle.move(source, "start", mapping=source.mapping, list=made):
            transaction.set_rollback(True)
            return False
        source.refresh_from_db()
        if by:
            history.record(source, "started", by=by, detail={"name": source.name})
        tasks.run_import.hint(current_account_id(), source.pk)
    return True


def _checked(source: Import, mapping: Mapping[str, Any]) -> dict[str, Target | None]:
    new = {header: {"new": header} for header, target in mapping.items() if target == {"new": header}}
    known = {header: target for header, target in mapping.items() if header not in new}
    found = import_mapping.check(known, source.columns, source.object_type)
    return {**found, **{header: new[header] for header in source.columns if header in new}}


def _check_settings(name: str, match_on: str, delimiter: str | None) -> None:
    errors = []
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        errors.append(Error("name", _("Enter a name of 1 to {most} characters.").format(most=LONGEST_NAME)))
    if match_on not in MATCHES:
        errors.append(Error("match_on", _("Use one of: {names}.").format(names=", ".join(MATCHES))))
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
