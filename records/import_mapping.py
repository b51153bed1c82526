"""Which column of a file goes where: guessed from headers in English, Swedish and Norwegian, or checked as given."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from .import_types import CHOICES, OFFERED, options_of
from .models import Import, ObjectType, Property, PropertyType
from .refusals import Error, Invalid
from .schema import KEY, RESERVED, add_property

FIELDS = ("id", "external_id", "consent", "consent_at", "former_employee")
COMPANY: Final = {"associated": "company"}
Target = dict[str, str]  # {"property": key}, {"field": name}, COMPANY, or in a draft {"new": header, "type": type}

# Without case, accents, spaces and punctuation. Property keys and labels are known besides.
FIELD_HEADERS = {
    "external_id": "recordid externalid contactid customerid customernumber id eksternid kontaktid kundnummer kundnr"
    " kundenummer kundenr",
    "consent": "consent marketingconsent optin newsletter newsletteroptin emailoptin nyhetsbrev nyhedsbrev samtycke"
    " samtykke",
    "consent_at": "consentat consentdate optindate samtyckesdatum samtykkedato",
    "former_employee": "formeremployee exemployee hasleft slutat harslutat sluttet harsluttet tidligareanstalld"
    " tidligereansatt",
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
    """A mapping that someone gave, with None for the columns it leaves out. Raises `Invalid`: "mapping.<header>".

    A new property is called by its column and has the type that is given; "text" without one.
    """
    keys = set(Property.objects.filter(object_type=object_type, archived_at=None).values_list("key", flat=True))
    errors, taken = [], list[Target]()
    for header, target in mapping.items():
        place = f"mapping.{header}"
        if header not in headers:
            errors.append(Error(place, _("The file has no column of this name.")))
        elif target is not None and not _is_known(target, keys, object_type):
            errors.append(Error(place, _targets(object_type)))
        elif target in taken:
            errors.append(Error(place, _("Another column goes to the same place.")))
        elif target is not None:
            taken.append(target)
    if errors:
        raise Invalid(errors)
    return {header: _whole(header, mapping.get(header)) for header in headers}


def column_of(mapping: Mapping[str, Target | None], path: str) -> str:
    """The column that goes where an error lies; empty when there is none."""
    is_property = path.startswith("properties.")
    target = {"property": path.removeprefix("properties.")} if is_property else {"field": path}
    target = COMPANY if path == COMPANY["associated"] else target
    return next((header for header, each in mapping.items() if each == target), "")


def _targets(object_type: ObjectType) -> str:
    """What a column may go to, as a sentence."""
    message = _(
        "Use {{“property”: key}}, {{“field”: one of {fields}}}, {{“new”: column, “type”: type}}{company} or null."
    )
    company = ", {“associated”: “company”}" if may_name_company(object_type) else ""
    return message.format(fields=", ".join(FIELDS), company=company)


def may_name_company(object_type: ObjectType) -> bool:
    """True when a column may name the company that a record belongs to."""
    return object_type.key != COMPANY["associated"]


def _is_known(target: object, keys: set[str], object_type: ObjectType) -> bool:
    if not isinstance(target, dict) or not all(isinstance(name, str) for name in target.values()):
        return False
    if target == COMPANY:
        return may_name_company(object_type)
    if "new" in target:
        return target.keys() <= {"new", "type"} and target.get("type", PropertyType.TEXT) in OFFERED
    return len(target) == 1 and any(
        target.get(kind) in names for kind, names in (("property", keys), ("field", FIELDS))
    )


def _whole(header: str, target: Target | None) -> Target | None:
    return (
        {"new": header, "type": target.get("type", PropertyType.TEXT.value)} if target and "new" in target else target
    )


def add_new_property(source: Import, header: str, type: str) -> Target:
    """A new property for a column that belongs nowhere, under a key made from its header. Raises `Invalid`."""
    object_type = source.object_type
    stem = re.sub(r"[^a-z0-9]+", "_", plain_words(header)).strip("_")[:50]
    stem = stem if KEY.fullmatch(stem) else f"column_{stem}".rstrip("_")
    taken = RESERVED | set(Property.objects.filter(object_type=object_type).values_list("key", flat=True))
    key, number = stem, 2
    while key in taken or key == "email":
        key, number = f"{stem}_{number}", number + 1
    options = options_of(source, header, type) if type in CHOICES else ()
    try:
        add_property(object_type, key, header[:120], type, options)
    except Invalid as invalid:
        place = f"mapping.{header}"
        raise Invalid([Error(place, error.message) for error in invalid.errors]) from None
    return {"property": key}


def plain_words(header: str) -> str:
    """A header in plain lower-case letters, words still apart."""
    return " ".join(plain(word) for word in re.split(r"[^\w]+", header))
