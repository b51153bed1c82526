"""Which column of a file goes where: guessed from headers in English, Swedish and Norwegian, or checked as given."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from .models import ObjectType, Property, PropertyType
from .refusals import Error, Invalid
from .schema import KEY, RESERVED, add_property

FIELDS = ("external_id", "consent", "consent_at", "former_employee")
Target = dict[str, str]  # {"property": key}, {"field": name}, or in a draft {"new": header}

# Without case, accents, spaces and punctuation. Property keys and labels are known besides.
FIELD_HEADERS = {
    "external_id": "recordid externalid contactid customerid customernumber id eksternid kontaktid kundnummer kundnr"
    " kundenummer kundenr",
    "consent": "consent marketingconsent optin newsletter newsletteroptin emailoptin nyhetsbrev nyhedsbrev samtycke"
    " samtykke",
    "consent_at": "consentat consentdate optindate samtyckesdatum samtykkedato",
    "former_employee": "formeremployee slutat sluttet",
}
PROPERTY_HEADERS = {
    "first_name": "firstname givenname forename fornamn fornavn",
    "last_name": "lastname surname familyname efternamn etternavn efternavn",
    "email": "email emailaddress mail epost epostadress epostadresse mejl mejladress mailadress",
    "phone": "phone phonenumber telephone mobile mobilephone mobilenumber cell cellphone telefon telefonnummer tlf"
    " mobil mobiltelefon mobilnummer",
    "company_name": "company companyname organisation organization foretag foretagsnamn firma firmanavn"
    " selskap bedrift",
    "city": "city town ort stad postort poststed sted by",
    "country": "country countryregion land",
    "language": "language preferredlanguage sprak",
    "time_zone": "timezone tidszon tidssone",
    "lifecycle_stage": "lifecyclestage stage kundkategori kundekategori kategori",
    "score": "score leadscore poang poeng",
    "date_of_birth": "dateofbirth birthdate birthday dob fodelsedatum fodelsedag fodselsdato fodselsdag bursdag",
    "renewal_date": "renewaldate renewal avtalfornyas avtalefornyes fornyelsedatum fornyelsesdato",
    "created_on": "createdate createddate createdon created skapad skapaddatum opprettet opprettetdato",
    "notes": "notes note comment comments anteckning anteckningar notat notater kommentar kommentarer",
    "name": "name companyname foretag foretagsnamn firma firmanavn namn navn",
    "website": "website web url homepage hemsida hjemmeside nettside webbplats",
    "employees": "employees numberofemployees anstallda ansatte antallansatte",
}


def plain(header: str) -> str:
    """The letters and digits of a header, in lower case and without accents: "Förnamn" and "FORNAMN " are one."""
    text = header.casefold().replace("ø", "o").replace("æ", "ae")
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKD", text))


def guess(headers: Iterable[str], object_type: ObjectType) -> dict[str, Target | None]:
    """Where each column seems to belong; None where it is not told. Of two for one place the first gets it."""
    known: dict[str, Target] = {}
    for field, headers_of_field in FIELD_HEADERS.items():
        known |= {word: {"field": field} for word in headers_of_field.split()}
    for property in Property.objects.filter(object_type=object_type, archived_at=None).order_by("-pk"):
        words = [*PROPERTY_HEADERS.get(property.key, "").split(), plain(property.key), plain(property.label)]
        known |= {word: {"property": property.key} for word in words if word}
    mapping: dict[str, Target | None] = {}
    for header in headers:
        target = known.get(plain(header))
        mapping[header] = None if target in mapping.values() else target
    return mapping


def check(mapping: Mapping[str, Any], headers: list[str], object_type: ObjectType) -> dict[str, Target | None]:
    """A mapping that someone gave, with None for the columns it leaves out. Raises `Invalid`: "mapping.<header>"."""
    keys = set(Property.objects.filter(object_type=object_type, archived_at=None).values_list("key", flat=True))
    errors, taken = [], list[Target]()
    for header, target in mapping.items():
        place = f"mapping.{header}"
        if header not in headers:
            errors.append(Error(place, _("The file has no column of this name.")))
        elif target is not None and not _is_known(target, keys):
            message = _("Use {{“property”: key}}, {{“field”: one of {fields}}} or null.")
            errors.append(Error(place, message.format(fields=", ".join(FIELDS))))
        elif target in taken:
            errors.append(Error(place, _("Another column goes to the same place.")))
        elif target is not None:
            taken.append(target)
    if errors:
        raise Invalid(errors)
    return {header: mapping.get(header) for header in headers}


def as_row(mapping: Mapping[str, Target | None], headers: list[str], cells: list[str]) -> dict[str, object]:
    """What a row of the file says about its record; an empty cell says nothing."""
    properties: dict[str, str] = {}
    row: dict[str, object] = {"properties": properties}
    for header, cell in zip(headers, cells, strict=False):
        target = mapping.get(header)
        if not target or not cell.strip():
            continue
        if "property" in target:
            properties[target["property"]] = cell
        elif "field" in target:
            row[target["field"]] = cell
    return row


def column_of(mapping: Mapping[str, Target | None], path: str) -> str:
    """The column that goes where an error lies; empty when there is none."""
    is_property = path.startswith("properties.")
    target = {"property": path.removeprefix("properties.")} if is_property else {"field": path}
    return next((header for header, each in mapping.items() if each == target), "")


def _is_known(target: object, keys: set[str]) -> bool:
    if not isinstance(target, dict) or len(target) != 1:
        return False
    [(kind, name)] = target.items()
    return isinstance(name, str) and name in {"property": keys, "field": FIELDS}.get(kind, ())


def add_text_property(header: str, object_type: ObjectType) -> Target:
    """A new text property for a column that belongs nowhere, under a key made from its header."""
    stem = re.sub(r"[^a-z0-9]+", "_", plain_words(header)).strip("_")[:50]
    stem = stem if KEY.fullmatch(stem) else f"column_{stem}".rstrip("_")
    taken = RESERVED | set(Property.objects.filter(object_type=object_type).values_list("key", flat=True))
    key, number = stem, 2
    while key in taken or key == "email":
        key, number = f"{stem}_{number}", number + 1
    add_property(object_type, key, header[:120], PropertyType.TEXT)
    return {"property": key}


def plain_words(header: str) -> str:
    """A header in plain lower-case letters, words still apart."""
    return " ".join(plain(word) for word in re.split(r"[^\w]+", header))
