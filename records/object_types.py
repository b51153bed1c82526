"""Object types of an account's own: making, renaming, putting away. The built-in ones may be renamed too."""

import re
import unicodedata
from typing import Final

from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.history import NotAllowed, record
from scheduling.clock import now

from .built_in import OWNER
from .models import ObjectType, Property, PropertyType
from .refusals import Error, Invalid
from .used_by import in_use, told, users_of_object_type

MOST_TYPES: Final = 100
LONGEST_NAME: Final = 80
KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def create_object_type(name: str, plural: str, *, primary_label: str = "", key: str = "", by: Actor) -> ObjectType:
    """A new kind of record with the properties `name` (labelled `primary_label`) and `owner`.

    The key is made of the name when there is none. Raises `Invalid` with the paths key, name, plural, primary_label.
    """
    name, plural, label = name.strip(), plural.strip(), primary_label.strip() or _("Name")
    taken = set(ObjectType.objects.values_list("key", flat=True))
    key = key or _free_key(name, taken)
    errors = [
        *_name_errors(name, plural),
        *([] if len(label) <= 120 else [Error("primary_label", _("Enter a label of 1 to 120 characters."))]),
        *_key_errors(key, taken),
    ]
    if errors:
        raise Invalid(errors)
    made: ObjectType
    made, is_new = ObjectType.objects.get_or_create(
        key=key, defaults={"name": name, "plural": plural, "is_custom": True}
    )
    if not is_new:
        raise Invalid([_is_taken(key)])
    Property.objects.bulk_create(
        [
            Property(object_type=made, key="name", label=label, type=PropertyType.TEXT),
            Property(object_type=made, key=OWNER.key, label=str(OWNER.label), type=OWNER.type),
        ]
    )
    record(made, "created", by=by, detail={"name": name})
    return made


def rename_object_type(object_type: ObjectType, *, name: str, plural: str, by: Actor) -> None:
    """Call it something else. Raises `Invalid` with the paths name and plural."""
    name, plural = name.strip(), plural.strip()
    if errors := _name_errors(name, plural):
        raise Invalid(errors)
    if (name, plural) == (object_type.name, object_type.plural):
        return
    record(object_type, "renamed", by=by, detail={"from": object_type.name, "to": name})
    object_type.name, object_type.plural = name, plural
    object_type.save(update_fields=["name", "plural"])


def archive_object_type(object_type: ObjectType, *, by: Actor) -> None:
    """Put it away: no page offers it any more; its records stay. A second time changes nothing.

    Raises NotAllowed("built_in"), or NotAllowed("in_use") with `used_by` while flows, lists or imports are about it.
    """
    if not object_type.is_custom:
        raise NotAllowed("built_in", _("Every account has this object type. It cannot be archived."))
    if object_type.archived_at is not None:
        return
    if uses := users_of_object_type(object_type):
        raise NotAllowed("in_use", in_use(uses), used_by=told(uses))
    object_type.archived_at = now()
    object_type.save(update_fields=["archived_at"])
    record(object_type, "archived", by=by, detail={"name": object_type.name})


def restore_object_type(object_type: ObjectType, *, by: Actor) -> None:
    """Take it out again."""
    if object_type.archived_at is None:
        return
    object_type.archived_at = None
    object_type.save(update_fields=["archived_at"])
    record(object_type, "restored", by=by, detail={"name": object_type.name})


def _name_errors(name: str, plural: str) -> list[Error]:
    message = _("Enter a name of 1 to {most} characters.").format(most=LONGEST_NAME)
    return [
        Error(path, message)
        for path, given in (("name", name), ("plural", plural))
        if not 0 < len(given) <= LONGEST_NAME
    ]


def _key_errors(key: str, taken: set[str]) -> list[Error]:
    if not KEY.fullmatch(key):
        message = _("Use lower-case letters a to z, digits, - and _, with a letter first, at most 40 in all.")
        return [Error("key", message)]
    if key in taken:
        return [_is_taken(key)]
    return (
        [Error("name", _("At most {most} object types.").format(most=MOST_TYPES))] if len(taken) >= MOST_TYPES else []
    )


def _is_taken(key: str) -> Error:
    return Error("key", _("There is an object type {key} already.").format(key=key))


def _free_key(name: str, taken: set[str]) -> str:
    text = unicodedata.normalize("NFKD", name.casefold().replace("ø", "o").replace("æ", "ae"))
    stem = re.sub(r"[^a-z0-9]+", "_", text.encode("ascii", "ignore").decode()).strip("_")[:30]
    stem = stem if KEY.fullmatch(stem) else f"type_{stem}".rstrip("_")
    key, number = stem, 2
    while key in taken:
        key, number = f"{stem}_{number}", number + 1
    return key
