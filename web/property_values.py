"""A value of a property as a page shows it, and as a field of a form takes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from records.models import Property, PropertyType, Record
from records.numbers import number_in_words
from records.values import JsonValue
from scheduling.words import full_date
from web.templatetags.ui import NOTHING, number

INPUTS: Final = {  # what a browser may help with; the server checks
    PropertyType.NUMBER: ("text", "decimal"),
    PropertyType.DATE: ("date", ""),
    PropertyType.DATETIME: ("datetime-local", ""),
    PropertyType.EMAIL: ("text", "email"),
    PropertyType.PHONE: ("tel", "tel"),
    PropertyType.URL: ("text", "url"),
}
LONG: Final = {PropertyType.LONG_TEXT}
Members = Mapping[int, str]  # `accounts.members.names()`


def shown(property: Property | None, value: JsonValue, members: Members | None = None) -> str:
    """The value in the page's language and the account's zone; a web address as a link; – for none.

    `members` are what owners are called.
    """
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return ", ".join(value)
    kind = property.type if property else PropertyType.TEXT
    if isinstance(value, int):
        if kind == PropertyType.OWNER and members is not None:
            return members.get(value, _("Somebody who has left"))
        return number(value)
    if isinstance(value, float):
        return number_in_words(value)
    if kind == PropertyType.URL and _leads_to_a_page(value):
        return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>', value, value)
    return _moment(kind, value)


def _leads_to_a_page(address: str) -> bool:
    try:
        return urlsplit(address).scheme in ("http", "https")
    except ValueError:  # such as https://[firma.no], kept before it was refused
        return False


def full_moment(moment: datetime) -> str:
    """A moment as in "28 March 2027 15:00", in the account's zone."""
    local = timezone.localtime(moment)
    return f"{full_date(local.date())} {local:%H:%M}"


def _moment(kind: str, value: str) -> str:
    try:
        if kind == PropertyType.DATE:
            return full_date(date.fromisoformat(value))
        if kind == PropertyType.DATETIME:
            return full_moment(datetime.fromisoformat(value))
    except ValueError:  # it was of another type when it was stored
        return value
    return value


@dataclass
class Field:
    """A field of the form of a record. `typed` is what stands in it, `original` what the record has."""

    name: str
    label: str
    kind: str  # input, textarea, select, checks
    typed: str
    input: str = "text"
    mode: str = ""
    hint: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""
    original: str = ""
    is_required: bool = False

    @property
    def checked(self) -> list[str]:
        """Of several choices, those that are made."""
        return self.typed.split("; ") if self.typed else []

    @property
    def described_by(self) -> str:
        """The ids of its hint and its fault."""
        parts = {"hint": self.hint, "error": self.error}
        return " ".join(f"{self.name}-{part}" for part, text in parts.items() if text)


def fields_of(properties: Iterable[Property], record: Record, members: Members) -> list[Field]:
    """A field for each property, with what the record has; a new one begins with the defaults."""
    is_new = record.pk is None
    return [
        _field(each, record.properties.get(each.key, each.default if is_new else None), members) for each in properties
    ]


def _field(property: Property, value: JsonValue, members: Members) -> Field:
    typed = _typed(property, value)
    made = Field(f"property-{property.key}", property.label, "input", typed, hint=property.description)
    made.is_required = property.is_required
    if property.type == PropertyType.OWNER:
        known = {str(id): name for id, name in members.items()}
        if typed and typed not in known:
            known[typed] = _("Somebody who has left")
        made.kind, made.options = "select", [("", NOTHING), *known.items()]
    elif property.type == PropertyType.MULTIPLE_CHOICE:
        made.kind, made.options = "checks", [(option, option) for option in property.options]
    elif property.type == PropertyType.CHOICE:
        made.kind, made.options = "select", [("", NOTHING), *((option, option) for option in property.options)]
    elif property.type == PropertyType.BOOLEAN:
        made.kind, made.options = "select", [("", NOTHING), ("true", _("Yes")), ("false", _("No"))]
    elif property.type in LONG:
        made.kind = "textarea"
    else:
        made.input, made.mode = INPUTS.get(PropertyType(property.type), ("text", ""))
    return made


def _typed(property: Property, value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "; ".join(value)
    if property.type == PropertyType.DATETIME:
        try:
            return timezone.localtime(datetime.fromisoformat(str(value))).strftime("%Y-%m-%dT%H:%M:%S")
        except ValueError:
            return str(value)
    return str(value)
