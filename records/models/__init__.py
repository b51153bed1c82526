"""Object types and their properties, the records, lists of them, and the append-only log of what happened to them."""

from .events import Event, EventClientId, EventKind, EventPending, ListenedKind
from .imports import BlankCells, DateOrder, Import, ImportFile, ImportMode, ImportStatus, RefusedRow
from .lists import List, ListEntry, ListFailure, ListFolder, ListKind, ListTally
from .properties import ObjectType, Property, PropertyType, UniqueValue
from .record import SEARCHED, Association, Consent, Erasure, Record

__all__ = [
    "SEARCHED",
    "Association",
    "BlankCells",
    "Consent",
    "DateOrder",
    "Erasure",
    "Event",
    "EventClientId",
    "EventKind",
    "EventPending",
    "Import",
    "ImportFile",
    "ImportMode",
    "ImportStatus",
    "List",
    "ListEntry",
    "ListFailure",
    "ListFolder",
    "ListKind",
    "ListTally",
    "ListenedKind",
    "ObjectType",
    "Property",
    "PropertyType",
    "Record",
    "RefusedRow",
    "UniqueValue",
]
