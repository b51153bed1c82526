"""Starting the import of a CSV file: looked at as a whole, stored, and then worked through by records/tasks.py."""

import csv
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.tenancy import current_account_id

from . import import_mapping, lists, tasks
from .import_mapping import Target
from .import_pieces import Readable, pieces_of, store
from .import_reading import DELIMITERS, RowsFrom, Scan, encoding_named, guess_delimiter, header_of
from .models import Import, ObjectType
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
        source = Import.objects.create(name=name.strip(), object_type=object_type, mapping={}, match_on=match_on)
        start = _take_in(source, file, encoding_named(encoding) if encoding else None)
        source.delimiter = delimiter or guess_delimiter(start, source.encoding)
        headers = _read_header(source)
        found = _map(headers, mapping, object_type, create_properties)
        if MATCHES[match_on] not in found.values():
            message = _("No column of the file is for what its rows are matched by ({match_on}).")
            raise Invalid([Error("match_on", message.format(match_on=match_on))])
        source.mapping = found
        source.list = lists.create_static(lists.free_name(source.name), object_type)
        source.save()
        tasks.run_import.hint(current_account_id(), source.pk)
    return source


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
    """Store the file and learn its encoding; returns how it starts."""
    pieces = pieces_of(file)
    start = next(pieces, b"")
    if not start.strip():
        raise Invalid([Error("file", _("The file is empty."))])
    scan = Scan(start, encoding, settings.IMPORT_MAX_BYTES)
    store(source, scan.pass_on(chain([start], pieces)))
    source.encoding = scan.encoding()
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


def _map(
    headers: list[str], given: Mapping[str, Any] | None, object_type: ObjectType, create_properties: bool
) -> dict[str, Target | None]:
    if given is None:
        found = import_mapping.guess(headers, object_type)
    else:
        found = import_mapping.check(given, headers, object_type)
    if create_properties:
        for header, target in found.items():
            if target is None and header not in (given or {}):
                found[header] = import_mapping.add_text_property(header, object_type)
    return found
