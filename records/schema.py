"""The object types every account begins with, and adding properties to one."""

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts.models import Account
from accounts.tenancy import current_account_id

from .models import ObjectType, Property, PropertyType
from .refusals import Error, Invalid

MOST_PROPERTIES = 1_000
MOST_OPTIONS = 500
LONGEST_OPTION = 200
WITH_OPTIONS = frozenset({PropertyType.CHOICE, PropertyType.MULTIPLE_CHOICE})
KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
# Columns of the record itself, which events and rows name beside the properties.
RESERVED = frozenset({"id", "external_id", "consent", "consent_at", "former_employee", "created_at", "updated_at"})

STAGES = [
    "Subscriber",
    "Lead",
    "Marketing Qualified Lead",
    "Sales Qualified Lead",
    "Opportunity",
    "Customer",
    "Former customer",
    "Evangelist",
    "Other",
]

OBJECT_TYPES = {
    "contact": (gettext_lazy("Contact"), gettext_lazy("Contacts")),
    "company": (gettext_lazy("Company"), gettext_lazy("Companies")),
}
PROPERTIES = {
    "contact": [
        ("first_name", gettext_lazy("First name"), PropertyType.TEXT),
        ("last_name", gettext_lazy("Last name"), PropertyType.TEXT),
        ("email", gettext_lazy("E-mail"), PropertyType.EMAIL),
        ("phone", gettext_lazy("Phone"), PropertyType.PHONE),
        ("company_name", gettext_lazy("Company name"), PropertyType.TEXT),
        ("city", gettext_lazy("City"), PropertyType.TEXT),
        ("country", gettext_lazy("Country"), PropertyType.TEXT),
        ("language", gettext_lazy("Language"), PropertyType.TEXT),
        ("time_zone", gettext_lazy("Time zone"), PropertyType.TEXT),
        ("lifecycle_stage", gettext_lazy("Lifecycle stage"), PropertyType.CHOICE),
        ("score", gettext_lazy("Score"), PropertyType.NUMBER),
        ("date_of_birth", gettext_lazy("Date of birth"), PropertyType.DATE),
        ("renewal_date", gettext_lazy("Renewal date"), PropertyType.DATE),
        ("created_on", gettext_lazy("Created on"), PropertyType.DATETIME),
        ("notes", gettext_lazy("Notes"), PropertyType.LONG_TEXT),
    ],
    "company": [
        ("name", gettext_lazy("Name"), PropertyType.TEXT),
        ("email", gettext_lazy("E-mail"), PropertyType.EMAIL),
        ("phone", gettext_lazy("Phone"), PropertyType.PHONE),
        ("website", gettext_lazy("Website"), PropertyType.URL),
        ("city", gettext_lazy("City"), PropertyType.TEXT),
        ("country", gettext_lazy("Country"), PropertyType.TEXT),
        ("employees", gettext_lazy("Employees"), PropertyType.NUMBER),
        ("notes", gettext_lazy("Notes"), PropertyType.LONG_TEXT),
    ],
}


def ensure_object_types() -> None:
    """Give the current account the built-in object types and properties it lacks, labelled in its language."""
    language = Account.objects.get(pk=current_account_id()).language
    with override(language):
        ObjectType.objects.bulk_create(
            [ObjectType(key=key, name=str(name), plural=str(plural)) for key, (name, plural) in OBJECT_TYPES.items()],
            ignore_conflicts=True,
        )
        made = ObjectType.objects.filter(key__in=OBJECT_TYPES)
        Property.objects.bulk_create(
            [
                Property(
                    object_type=object_type,
                    key=key,
                    label=str(label),
                    type=type,
                    options=STAGES if key == "lifecycle_stage" else [],
                )
                for object_type in made
                for key, label, type in PROPERTIES[object_type.key]
            ],
            ignore_conflicts=True,
        )


def add_property(
    object_type: ObjectType,
    key: str,
    label: str,
    type: str,
    options: Sequence[str] = (),
    *,
    description: str = "",
) -> Property:
    """A new property. Raises `Invalid` with the paths key, label, type, options and description."""
    label, chosen = label.strip(), [option.strip() for option in options]
    errors = [
        *_key_errors(object_type, key, type),
        *([] if 0 < len(label) <= 120 else [Error("label", _("Enter a label of 1 to 120 characters."))]),
        *([] if type in PropertyType.values else [Error("type", _("Use one of: ") + ", ".join(PropertyType.values))]),
        *([] if len(description) <= 500 else [Error("description", _("At most 500 characters."))]),
        *_option_errors(type, chosen),
    ]
    if errors:
        raise Invalid(errors)
    return Property.objects.create(
        object_type=object_type, key=key, label=label, type=type, options=chosen, description=description
    )


def _key_errors(object_type: ObjectType, key: str, type: str) -> list[Error]:
    if not KEY.fullmatch(key):
        message = _("Use lower-case letters a to z, digits and _, with a letter first, at most 60 in all.")
        return [Error("key", message)]
    if key in RESERVED:
        return [Error("key", _("Every record has {key} already.").format(key=key))]
    if key == "email" and type != PropertyType.EMAIL:
        return [Error("key", _("A property named email has the type email."))]
    taken = set(Property.objects.filter(object_type=object_type).values_list("key", flat=True))
    if key in taken:
        return [Error("key", _("There is a property {key} already.").format(key=key))]
    if len(taken) >= MOST_PROPERTIES:
        return [Error("key", _("At most {most} properties.").format(most=MOST_PROPERTIES))]
    return []


def _option_errors(type: str, options: list[str]) -> list[Error]:
    if type not in WITH_OPTIONS:
        return [Error("options", _("Only a choice has options."))] if options else []
    if not 0 < len(options) <= MOST_OPTIONS:
        return [Error("options", _("Give 1 to {most} options.").format(most=MOST_OPTIONS))]
    if len({option.casefold() for option in options}) < len(options):
        return [Error("options", _("Two options are the same."))]
    return [
        Error(f"options.{number}", _("Enter 1 to {most} characters.").format(most=LONGEST_OPTION))
        for number, option in enumerate(options)
        if not 0 < len(option) <= LONGEST_OPTION
    ]
