"""Object types and their properties, the records, lists of them, and the append-only log of what happened to them."""

from .events import Event, EventClientId, EventKind, EventPending, ListenedKind
from .imports import (
    BlankCells,
    DateOrder,
    DecimalMark,
    HeldRow,
    Import,
    ImportFile,
    ImportMode,
    ImportSieve,
    ImportStatus,
    RefusedRow,
)
from .lists import List, ListEntry, ListFailure, ListFolder, ListKind, ListTally
from .properties import ObjectType, Property, PropertyType, UniqueValue
from .record import SEARCHED, Association, Consent, Erasure, Record

__all__ = [
    "SEARCHED",
    "Association",
    "BlankCells",
    "Consent",
    "DateOrder",
    "DecimalMark",
    "Erasure",
    "Event",
    "EventClientId",
    "EventKind",
    "EventPending",
    "HeldRow",
    "Import",
    "ImportFile",
    "ImportMode",
    "ImportSieve",
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
