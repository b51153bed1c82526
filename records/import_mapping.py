"""Which column of a file goes where: guessed from headers in English, Swedish and Norwegian, or checked as given."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from .export_header import is_own_id, labels_of_columns, recognised
from .import_refusals import ADDED
from .import_types import CHOICES, OFFERED, options_of
from .leaves import is_column
from .models import Import, ObjectType, Property, PropertyType
from .refusals import Error, Invalid
from .schema import KEY, RESERVED, add_property

FIELDS = ("id", "external_id", "consent", "consent_at", "former_employee")
COMPANY: Final = {"associated": "company"}
BARE_ID: Final = "id"  # the external id of other systems, unless another column is
COMPANY_NAME: Final = "company_name"  # the property that the column of companies fills as well, where the type has it
Target = dict[str, str]  # {"property": key}, {"field": name}, COMPANY, or in a draft {"new": header, "type": type}
OWN_ID: Final[Target] = {"field": "id"}
EXTERNAL_ID: Final[Target] = {"field": "external_id"}

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
COMPANY_HEADERS = (
    "company companyname account accountname organization organisation employer associatedcompany"
    " primaryassociatedcompany foretag foretagsnamn bolag organisationsnamn arbetsgivare firma firmanavn bedrift"
    " bedriftsnavn selskap arbeidsgiver virksomhet"
)
PROPERTY_HEADERS = {
    "first_name": "firstname givenname forename fornamn tilltalsnamn fornavn",
    "last_name": "lastname surname familyname efternamn etternavn efternavn",
    "email": "email emailaddress mail epost epostadress epostadresse mejl mejladress mailadress emailadress",
    "phone": "phone phonenumber telephone mobile mobilephone mobilenumber cell cellphone telefon telefonnummer"
    " telefonnr tlf tlfnr mobil mobiltelefon mobilnummer mobilnr",
    "company_name": COMPANY_HEADERS,
    "city": "city town ort stad postort poststed sted by",
    "country": "country countryregion countrycode land landkod landkode",
    "language": "language preferredlanguage sprak",
    "time_zone": "timezone tidszon tidssone",
    "lifecycle_stage": "lifecyclestage stage kundkategori kundekategori kategori livscykelfas livssyklusfase",
    "score": "score leadscore hubspotscore poang poeng",
    "date_of_birth": "dateofbirth birthdate birthday dob fodelsedatum fodelsedag fodd fodselsdato fodselsdag fodt"
    " bursdag",
    "renewal_date": "renewaldate renewal avtalfornyas fornyas avtalefornyes fornyes fornyelsedatum fornyelsesdato",
    "created_on": "createdate createddate createdon created skapad skapaddatum opprettet opprettetdato",
    "notes": "notes note comment comments anteckning anteckningar notat notater kommentar kommentarer merknad",
    "owner": "owner contactowner companyowner dealowner recordowner agare kontaktagare ansvarig saljare eier"
    " kontakteier ansvarlig selger",
    "website": "website web url homepage domain hemsida webbadress hjemmeside nettside nettsted webbplats",
    "employees": "employees numberofemployees headcount anstallda antalanstallda ansatte antallansatte",
    "amount": "amount value dealamount sum belopp varde summa belop verdi",
    "currency": "currency valuta",
    "close_date": "closedate closingdate expectedclose avslutsdatum stangningsdatum lukkedato avslutningsdato"
    " salgsdato affarsdatum",
    "stage": "stage dealstage pipelinestage fas steg fase trinn",
    "status": "status state tillstand tilstand",
    "priority": "priority prioritet",
    "category": "category kategori type typ",
    "description": "description details body beskrivning beskrivelse",
    "kind": "kind type activitytype typ slag aktivitetstyp aktivitetstype",
    "due_date": "duedate due deadline forfallodatum forfaller frist forfallsdato",
    "done": "done completed finished klar fardig utford ferdig utfort",
    "start_date": "startdate start starts startdatum startdato",
    "end_date": "enddate end ends slutdatum sluttdato",
}
# What a record of the type is called; of no type every word of it.
NAME_HEADERS = {
    "company": f"name namn navn {COMPANY_HEADERS}",
    "deal": "name dealname deal title namn affar affarsnamn rubrik navn avtale salg salgsnavn tittel",
    "ticket": "subject name title ticketname amne arende rubrik emne sak tittel",
    "activity": "title subject name activity titel rubrik amne aktivitet tittel emne",
    "project": "name projectname project title namn projekt projektnamn navn prosjekt prosjektnavn",
}


def plain(header: str) -> str:
    """The letters and digits of a header, in lower case and without accents: "Förnamn" and "FORNAMN " are one."""
    text = header.casefold().replace("ø", "o").replace("æ", "ae")
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKD", text))


def guess(headers: Iterable[str], object_type: ObjectType) -> dict[str, Target | None]:
    """Where each column seems to belong; None where it is not told. Of two for one place the first gets it.

    What was said of refused rows, before the columns of a file that comes back mended, belongs nowhere. Nor does the
    id in a file that Flyt has written: it is no external id. The other columns of such a file are known exactly.
    """
    headers = list(headers)
    said, ours = _said_of_refused(headers), recognised(headers, object_type)
    known = _known(headers, object_type)
    mapping: dict[str, Target | None] = {header: _own(property) for header, property in ours.items()}
    for header in headers:
        if header not in ours:
            target = known.get(plain(header))
            mapping[header] = None if header in said or target in mapping.values() else target
    return {header: mapping[header] for header in headers}


def written_by_flyt(headers: list[str], object_type: ObjectType) -> set[str]:
    """The columns that no property is made of: of an export, and what was said of refused rows."""
    return {*recognised(headers, object_type), *_said_of_refused(headers)}


def _said_of_refused(headers: list[str]) -> tuple[str, ...]:
    return ADDED if tuple(headers[: len(ADDED)]) == ADDED else ()


def _known(headers: list[str], object_type: ObjectType) -> dict[str, Target]:
    """Where columns of any file belong, by their plain words."""
    known: dict[str, Target] = {}
    for field, headers_of_field in FIELD_HEADERS.items():
        known |= {word: {"field": field} for word in headers_of_field.split()}
    known |= {plain(label): {"field": key} for label, key in labels_of_columns(object_type) if key in FIELDS}
    properties = list(Property.objects.filter(object_type=object_type, archived_at=None).order_by("-pk"))
    for property in properties:
        known |= {word: {"property": property.key} for word in _headers_of(property, object_type).split()}
    for property in properties:
        words = {plain(property.key), plain(property.label)} - {""}
        known |= {word: {"property": property.key} for word in words}
    if may_name_company(object_type):
        known |= dict.fromkeys(COMPANY_HEADERS.split(), COMPANY)
    return known if _is_only_id(headers, known) else {word: known[word] for word in known if word != BARE_ID}


def _is_only_id(headers: list[str], known: Mapping[str, Target]) -> bool:
    """False when a column says better than a bare "Id" that it is the external id: then that is another id."""
    words = {plain(header) for header in headers} - {BARE_ID}
    return known.get(BARE_ID) != EXTERNAL_ID or all(known.get(word) != EXTERNAL_ID for word in words)


def _own(property: Property | None) -> Target | None:
    """Where a column that Flyt has written belongs; the id and what Flyt itself keeps track of belong nowhere."""
    if property is None:
        return None
    if is_column(property):
        return {"field": property.key} if property.key in FIELDS else None
    return {"property": property.key}


def with_own_id(mapping: Mapping[str, Target | None]) -> dict[str, Target | None]:
    """For rows that are matched by the id in Flyt: a column that is called so has it, unless another was chosen.

    A bare "Id", as exports called it before, may be another system's: only without a better name.
    """
    unused: tuple[Target | None, ...] = (None, EXTERNAL_ID)
    named = [header for header, target in mapping.items() if is_own_id(header) and target in unused]
    if not named or OWN_ID in mapping.values():
        return dict(mapping)
    return {**mapping, min(named, key=lambda header: header.casefold() == BARE_ID): OWN_ID}


def with_some_id(mapping: Mapping[str, Target | None]) -> dict[str, Target | None]:
    """The same as a guess, where what looks like another id has it when no column is called so."""
    found = with_own_id(mapping)
    if OWN_ID in found.values():
        return found
    return {header: OWN_ID if target == EXTERNAL_ID else target for header, target in found.items()}


def without_own_id(mapping: Mapping[str, Target | None]) -> dict[str, Target | None]:
    """For rows that are matched otherwise and may have no id."""
    return {header: None if target == OWN_ID else target for header, target in mapping.items()}


def _headers_of(property: Property, object_type: ObjectType) -> str:
    if property.key == "name":
        return NAME_HEADERS.get(object_type.key, "name namn navn")
    return PROPERTY_HEADERS.get(property.key, "")


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
    found = next((header for header, each in mapping.items() if each == target), "")
    if found or path not in (COMPANY["associated"], f"properties.{COMPANY_NAME}"):
        return found
    return next((header for header, each in mapping.items() if each == COMPANY), "")


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
