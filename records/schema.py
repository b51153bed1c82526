"""The object types every account begins with, and adding properties to one."""

import re
import unicodedata
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import Account
from accounts.tenancy import current_account_id

from .built_in import BUILT_IN
from .models import ObjectType, Property, PropertyType
from .property_rules import rule_errors
from .refusals import Error, Invalid

MOST_PROPERTIES = 1_000
MOST_OPTIONS = 500
LONGEST_OPTION = 200
WITH_OPTIONS = frozenset({PropertyType.CHOICE, PropertyType.MULTIPLE_CHOICE})
KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
# Columns of the record itself, which events and rows name beside the properties.
RESERVED = frozenset({"id", "external_id", "consent", "consent_at", "former_employee", "created_at", "updated_at"})


def ensure_object_types() -> None:
    """Give the current account the built-in object types and properties it lacks, labelled in its language."""
    language = Account.objects.get(pk=current_account_id()).language
    with override(language):
        ObjectType.objects.bulk_create(
            [ObjectType(key=each.key, name=str(each.name), plural=str(each.plural)) for each in BUILT_IN],
            ignore_conflicts=True,
        )
        made = {each.key: each for each in ObjectType.objects.filter(key__in=[each.key for each in BUILT_IN])}
        Property.objects.bulk_create(
            [
                Property(
                    object_type=made[of.key],
                    key=each.key,
                    label=str(each.label),
                    type=each.type,
                    options=list(each.options),
                )
                for of in BUILT_IN
                for each in of.properties
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
    is_required: bool = False,
    is_unique: bool = False,
    default: object = None,
) -> Property:
    """A new property; with an empty key it gets one made of its label.

    Raises `Invalid` with the paths key, label, type, options, description, is_unique and default.
    """
    label, chosen = label.strip(), [option.strip() for option in options]
    key = key or free_key(object_type, label)
    errors = [
        *_key_errors(object_type, key, type),
        *described_errors(label, description),
        *([] if type in PropertyType.values else [Error("type", _("Use one of: ") + ", ".join(PropertyType.values))]),
        *option_errors(type, chosen),
    ]
    made = Property(
        object_type=object_type,
        key=key,
        label=label,
        type=type,
        options=chosen,
        description=description,
        is_required=is_required,
        is_unique=is_unique,
        default=default,
    )
    if errors or (errors := rule_errors(made)):
        raise Invalid(errors)
    made.save(force_insert=True)
    return made


def free_key(object_type: ObjectType, label: str) -> str:
    """A key made of a label: "Favourite colour" gives "favourite_colour", or with a number where that is taken."""
    text = unicodedata.normalize("NFKD", label.casefold().replace("ø", "o").replace("æ", "ae"))
    stem = re.sub(r"[^a-z0-9]+", "_", text.encode("ascii", "ignore").decode()).strip("_")[:50].rstrip("_")
    stem = stem if KEY.fullmatch(stem) else f"property_{stem}".rstrip("_")
    taken = RESERVED | {"email"} | set(Property.objects.filter(object_type=object_type).values_list("key", flat=True))
    key, number = stem, 2
    while key in taken:
        key, number = f"{stem}_{number}", number + 1
    return key


def described_errors(label: str, description: str) -> list[Error]:
    """What is wrong with how a property is called and explained: the paths label and description."""
    return [
        *([] if 0 < len(label) <= 120 else [Error("label", _("Enter a label of 1 to 120 characters."))]),
        *([] if len(description) <= 500 else [Error("description", _("At most 500 characters."))]),
    ]


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


def option_errors(type: str, options: list[str]) -> list[Error]:
    """What is wrong with the options of a property of that type: the path options, or options.<number>."""
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
