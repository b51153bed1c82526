"""The header of a file of records as Flyt writes it, in the page's language, and knowing such a file again."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from .leaves import columns
from .models import ObjectType, Property

OLD_ID: Final = "Id"  # what exports called the column of the id before they said whose it is


def header_of(object_type: ObjectType) -> dict[str, Property | None]:
    """What each column is called and for: nothing for the id, then the properties in use, then `leaves.columns()`.

    Properties that share a label, with each other or with what every record has, are told apart by their keys.
    """
    properties = list(Property.objects.filter(object_type=object_type, archived_at=None).order_by("pk"))
    every = columns(object_type)
    id = _("Id in Flyt")
    labels = Counter([id.casefold(), *(_label(each).casefold() for each in (*properties, *every))])
    names: dict[str, Property | None] = {id: None}
    labels.update(
        f"{_label(each)} ({each.key})".casefold() for each in properties if labels[_label(each).casefold()] > 1
    )
    for each in properties:
        label = _label(each)
        names[label if labels[label.casefold()] == 1 else f"{label} ({each.key})"] = each
    return names | {_label(each): each for each in every}


def recognised(headers: Sequence[str], object_type: ObjectType) -> dict[str, Property | None]:
    """The columns of `header_of` that a file has, in the language that fits best; none when Flyt did not write it."""
    found: list[dict[str, Property | None]] = []
    for language, _name in settings.LANGUAGES:
        with override(language):
            ours = header_of(object_type)
            tells = {OLD_ID, *(_label(each) for each in columns(object_type))}
        if next(iter(ours)) in headers or tells <= set(headers):
            found.append({header: ours[header] for header in headers if header in ours})
    return max(found, key=len, default={})


def is_own_id(header: str) -> bool:
    """Whether a column is called as the id in Flyt is, now or before, without regard to case."""
    names = {OLD_ID.casefold()}
    for language, _name in settings.LANGUAGES:
        with override(language):
            names.add(_("Id in Flyt").casefold())
    return header.casefold() in names


def labels_of_columns(object_type: ObjectType) -> list[tuple[str, str]]:
    """What every record has beside its properties: each label in each language, with the key."""
    found: list[tuple[str, str]] = []
    for language, _name in settings.LANGUAGES:
        with override(language):
            found += [(_label(each), each.key) for each in columns(object_type)]
    return found


def _label(property: Property) -> str:
    """In one line without needless spaces, as an import reads a header."""
    return " ".join(str(property.label).split())
