"""The page of a draft of an import: what it shows of the file, and what its form says."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import members
from records import import_again, importing
from records.import_mapping import FIELDS, Target, may_name_company, with_own_id, without_own_id
from records.import_preview import Cell, Preview, look_at
from records.import_reading import ENCODINGS
from records.import_types import OFFERED
from records.importing import Terms
from records.models import (
    BlankCells,
    Consent,
    DateOrder,
    DecimalMark,
    Import,
    ImportMode,
    Property,
    PropertyType,
)
from records.rows import NEW as NEW_RECORDS
from web.property_values import full_moment, shown
from web.record_rows import properties_of

DELIMITERS = {
    ",": gettext_lazy("comma"),
    ";": gettext_lazy("semicolon"),
    "\t": gettext_lazy("tab"),
    "|": gettext_lazy("bar |"),
}
ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16 BE",
    "cp1252": "Windows 1252",
    "mac-roman": "Mac Roman",
    "iso8859-1": "ISO 8859-1",
    "iso8859-15": "ISO 8859-15",
    "iso8859-2": "ISO 8859-2",
    "cp850": "DOS 850",
    "cp865": "DOS 865",
    "cp437": "DOS 437",
    "cp1250": "Windows 1250",
    "cp1257": "Windows 1257",
}
FIELD_LABELS = {
    "id": gettext_lazy("Id in Flyt"),
    "external_id": gettext_lazy("External id"),
    "consent": gettext_lazy("Consent"),
    "consent_at": gettext_lazy("Date of consent"),
    "former_employee": gettext_lazy("Former employee"),
}
NEW, ASSOCIATED = "new", "associated"
NOT_MATCHED = {
    "email": gettext_lazy("Say above which column is the e-mail address."),
    "external_id": gettext_lazy("Say above which column is the external id."),
    "id": gettext_lazy("Say above which column is the id in Flyt."),
    "name": gettext_lazy("Say above which column is the name."),
    NEW_RECORDS: gettext_lazy("Say above where at least one column goes."),
}
MATCH_HINTS = {
    "email": gettext_lazy("Of several records with that address the oldest is meant."),
    "external_id": gettext_lazy("The number that your own system gives each of them. Rows need no address then."),
    "id": gettext_lazy("As an export from Flyt has it. Only updates."),
    "name": gettext_lazy("Without regard to case. Of several companies with that name the oldest is meant."),
    NEW_RECORDS: gettext_lazy("Every row makes a record, and makes another one if the file is imported again."),
}
MATCH_LABELS = {
    "email": gettext_lazy("The e-mail address"),
    "external_id": gettext_lazy("The external id"),
    "id": gettext_lazy("The id in Flyt"),
    "name": gettext_lazy("The name"),
    NEW_RECORDS: gettext_lazy("Nothing"),
}


def show(source: Import, errors: dict[str, str], form: QueryDict) -> dict[str, Any]:
    """What the page is made from. `errors`: what is wrong with what was chosen in `form`, by path."""
    preview = look_at(source)
    properties = {each.key: each for each in properties_of(source.object_type)}
    labels = {key: each.label for key, each in properties.items()}
    taken = [number for number, column in enumerate(preview.columns) if column.target]
    not_matched = "" if importing.is_matched(source) else NOT_MATCHED[source.match_on]
    return {
        "source": source,
        "preview": preview,
        "columns": _columns(preview, errors, form if errors else QueryDict()),
        "headings": [_label(preview.columns[number].target, labels) for number in taken],
        "rows": _rows(preview, taken, properties),
        "properties": labels,
        "has_phones": _has_phones(
            preview, {key for key, each in properties.items() if each.type == PropertyType.PHONE}
        ),
        "fields": {name: FIELD_LABELS[name] for name in FIELDS},
        "types": {type.value: type.label for type in OFFERED},
        "may_name_company": may_name_company(source.object_type),
        "encodings": {name: ENCODING_NAMES[name] for name in ENCODINGS},
        "delimiters": DELIMITERS,
        "matches": {name: MATCH_LABELS[name] for name in importing.matches_of(source.object_type)},
        "match_hints": MATCH_HINTS,
        "modes": ImportMode.choices,
        "blanks": BlankCells.choices,
        "orders": DateOrder.choices,
        "marks": DecimalMark.choices,
        "earlier": import_again.earlier(source),
        "errors": errors,
        "match_problem": not_matched or errors.get("match_on", ""),
    }


def _rows(preview: Preview, columns: list[int], properties: dict[str, Property]) -> list[list[dict[str, str]]]:
    """The first rows: each value as a page shows it once it is stored, or as the file has it where it does not fit."""
    targets = [preview.columns[number].target or {} for number in columns]
    kinds = [_kind(target, properties) for target in targets]
    names = members.names() if any(each.type == PropertyType.OWNER for each in kinds) else {}
    return [
        [
            {"problem": row[number].problem, "text": _shown(row[number], kind, names)}
            for number, kind in zip(columns, kinds, strict=True)
        ]
        for row in preview.rows
    ]


def _kind(target: Target, properties: dict[str, Property]) -> Property:
    """The property that a column goes to, or one like what it goes to."""
    known = properties.get(target.get("property", ""))
    return known or Property(key=target.get("field", ""), type=target.get("type", PropertyType.TEXT))


def _shown(cell: Cell, kind: Property, names: dict[int, str]) -> str:
    value = cell.value
    if value is None or kind.key == "id":
        return cell.text.strip()
    if isinstance(value, datetime):
        return full_moment(value)
    if kind.key == "consent":
        return str(Consent(value).label)
    if isinstance(value, str) and kind.type not in (PropertyType.DATE, PropertyType.DATETIME):
        return value  # a link to a web address could not be cut short
    return shown(kind, value, names)


def chosen(form: QueryDict, source: Import) -> dict[str, Any]:
    """What the form says. What it does not name stays as it is."""
    mapping: dict[str, Target | None] = dict(source.mapping)
    for number, header in enumerate(source.columns):
        choice = form.get(f"column-{number}")
        if choice is not None:
            mapping[header] = _target(choice, header)
    terms = Terms(**{each.name: form.get(each.name, getattr(source, each.name)) for each in fields(Terms)})
    if terms.match_on != source.match_on:
        mapping = with_own_id(mapping) if terms.match_on == "id" else without_own_id(mapping)
    return {"name": form.get("name", source.name), "mapping": mapping, "terms": terms}


def _has_phones(preview: Preview, keys: set[str]) -> bool:
    """Whether a column becomes a phone number, of a property with one of those keys or a new one."""
    targets = [each.target for each in preview.columns if each.target]
    return any(each.get("property") in keys or each.get("type") == PropertyType.PHONE for each in targets)


def _columns(preview: Preview, errors: dict[str, str], form: QueryDict) -> list[dict[str, Any]]:
    """The columns with what is chosen for each in its select, and what is wrong with that."""
    return [
        {
            "column": column,
            "chosen": form.get(f"column-{number}", _choice(column.target)),
            "error": errors.get(f"mapping.{column.header}", ""),
        }
        for number, column in enumerate(preview.columns)
    ]


def _choice(target: Target | None) -> str:
    """A target as the select says it: "property:city", "field:consent", "associated:company", "new:number"."""
    if not target:
        return ""
    if NEW in target:
        return f"{NEW}:{target['type']}"
    [(kind, name)] = target.items()
    return f"{kind}:{name}"


def _target(choice: str, header: str) -> Target | None:
    kind, _colon, name = choice.partition(":")
    if kind == NEW:
        return {NEW: header, "type": name}
    return {kind: name} if kind else None


def _label(target: Target | None, labels: dict[str, str]) -> str:
    if not target:
        return ""
    if NEW in target:
        return target[NEW]
    [(kind, name)] = target.items()
    if kind == ASSOCIATED:
        return _("Company")
    return str(FIELD_LABELS[name]) if kind == "field" else labels.get(name, name)
