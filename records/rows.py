"""One incoming row about a record, checked against the object type before anything is looked up or written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling.clock import now

from . import phones, values
from .models import Consent, Property, PropertyType
from .refusals import Error
from .values import JsonValue, Members

FIELDS = frozenset({"id", "external_id", "properties", "consent", "consent_at", "former_employee"})
NEW = "new"  # matched by nothing: every row makes a record
MATCHES = ("email", "external_id", "id", NEW)
LONGEST_EXTERNAL_ID = 200
A_DAY = timedelta(days=1)  # by which the present of the file may be ahead


def folded(name: str) -> str:
    """A name without case as the database folds it: letter by letter, so that a sigma is one wherever it stands."""
    return name.lower() if name.isascii() else "".join(letter.lower()[0] for letter in name)


def path_of(match_on: str) -> str:
    """Where a row says what it is matched by."""
    return f"properties.{match_on}" if match_on in ("email", "name") else match_on


@dataclass(frozen=True)
class Row:
    """What a row says: only what is in `properties` and `fields` is changed; None there clears."""

    properties: dict[str, JsonValue] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)

    def key(self, match_on: str) -> JsonValue:
        """What the row is matched by; None without it."""
        if match_on == "email":
            return self.properties.get("email")
        if match_on == "name":
            name = self.properties.get("name")
            return None if name is None else folded(str(name))
        return self.fields.get(match_on)


@dataclass(frozen=True)
class RowReader:
    """Reads rows of one object type.

    `zone`: where moments without an offset were meant. `country`: where phone numbers without a country code belong,
    unless the row says. `members`: who may be an owner.
    """

    properties: dict[str, Property]
    match_on: str
    zone: ZoneInfo
    country: str = ""
    members: Members = field(default_factory=dict)
    present: datetime = field(default_factory=now)

    def read(self, row: Mapping[str, Any]) -> tuple[Row, list[Error]]:
        """The row normalised, and every fault with its path; with any, use no part of it."""
        found, errors = Row(), list(self._unknown_fields(row))
        given = row.get("properties", {})
        if isinstance(given, Mapping):
            errors += self._read_properties(given, found)
        else:
            errors.append(Error("properties", _("An object of property keys and values.")))
        for name in ("id", "external_id", "consent", "consent_at", "former_employee"):
            if name in row and name in FIELDS:
                try:
                    found.fields.update(self.read_field(name, row[name]))
                except ValueError as error:
                    errors.append(Error(name, str(error)))
        if not errors and self.match_on != NEW and found.key(self.match_on) is None:
            errors.append(self.missing_key())
        return found, errors

    def _unknown_fields(self, row: Mapping[str, Any]) -> Iterator[Error]:
        for name in row:
            if name not in FIELDS:
                yield Error(str(name), _("Not known here. Values of properties go under “properties”."))
        if "id" in row and self.match_on != "id":
            yield Error("id", _("Give an id only when rows are matched by it."))

    def _read_properties(self, given: Mapping[str, Any], found: Row) -> Iterator[Error]:
        region = phones.region(given.get("country")) or phones.region(self.country)
        for key, value in given.items():
            property = self.properties.get(key)
            if property is None:
                yield Error(f"properties.{key}", _("There is no such property."))
                continue
            try:
                found.properties[key] = values.clean(
                    property, value, region=region, zone=self.zone, members=self.members
                )
            except ValueError as error:
                yield Error(f"properties.{key}", str(error))

    def missing_key(self) -> Error:
        """The fault of a row that does not say what it is matched by, or cannot: not every type has addresses."""
        if self.match_on == "email" and "email" not in self.properties:
            return Error(
                "match_on",
                _("These records have no e-mail address. Give an external_id, or match by “new”: always another one."),
            )
        return Error(path_of(self.match_on), _("Rows are matched by this, so it cannot be left out."))

    def read_field(self, name: str, value: object) -> dict[str, Any]:
        """What a row says in one of the columns of the record itself; nothing when blank. Raises ValueError."""
        if name == "id":
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
                raise ValueError(_("An id is a whole number."))
            return {"id": value}
        if name == "external_id":
            text = values.clean(_Plain(PropertyType.TEXT), value)
            if text is not None and len(str(text)) > LONGEST_EXTERNAL_ID:
                raise ValueError(_("At most {most} characters.").format(most=LONGEST_EXTERNAL_ID))
            return {"external_id": text}
        if name == "consent":
            consent = _consent(value)
            return {"consent": consent} if consent else {}
        if name == "consent_at":
            return self._read_consent_at(value)
        answer = values.clean(_Plain(PropertyType.BOOLEAN), value)
        return {} if answer is None else {name: answer}

    def _read_consent_at(self, value: object) -> dict[str, Any]:
        text = values.clean(_Plain(PropertyType.DATETIME), value, zone=self.zone)
        if not text:
            return {}
        moment = datetime.fromisoformat(str(text))
        if moment > self.present + A_DAY:  # it would outlast a withdrawal of today
            raise ValueError(_("Consent cannot have been given in the future."))
        return {"consent_at": moment}


@dataclass(frozen=True)
class _Plain:
    type: str
    options: list[str] = field(default_factory=list)


def _consent(value: object) -> str | None:
    """Given or withdrawn, also as yes and no in the languages of files; None when the row does not say."""
    if isinstance(value, str) and value.strip().lower() in Consent.values:
        return value.strip().lower()
    answer = values.clean(_Plain(PropertyType.BOOLEAN), value)
    return None if answer is None else Consent.GIVEN if answer else Consent.WITHDRAWN
