"""Which contents name a property in their merge fields: read from the contents alone, which know no flow."""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from django.db.models import Q

from records.models import Property

from . import merging
from .audience import PERSON
from .merging import MergeError
from .models import Content
from .rendering import FIELDS, OWN_NAMES, SYSTEM_NAMES


class Naming(NamedTuple):
    """How a content names a property: as one of the flow's record, of the person written to, or both.

    `flow_id`: whose own content it is; None for one that flows share.
    """

    content_id: int
    name: str
    flow_id: int | None
    of_record: bool
    of_person: bool

    def is_about(self, property_type: str, record_type: str) -> bool:
        """Whether that is a property of the type `property_type` in a flow of `record_type`; both are keys."""
        return (self.of_record and property_type == record_type) or (self.of_person and property_type == PERSON)


def naming(property_key: str) -> list[Naming]:
    """The account's contents with a merge field of a property with that key, of whatever type. In one query."""
    holding = Q()
    for field in FIELDS:
        holding |= Q(**{f"{field}__contains": property_key})
    found = []
    for content in Content.objects.filter(holding).order_by("pk").iterator(chunk_size=50):
        paths = list(_paths(content))
        of_record = any(_is(path, "record", property_key) or _is_bare(path, property_key) for path in paths)
        of_person = any(_is(path, "contact", property_key) for path in paths)
        if of_record or of_person:
            found.append(Naming(content.pk, content.name, content.flow_id, of_record, of_person))
    return found


class Names(NamedTuple):
    """The keys of the properties that merge fields can name: of the flow's record, and of the person written to."""

    of_record: frozenset[str]
    of_person: frozenset[str]


def names(object_type_id: int | None) -> Names:
    """In a flow of the type; without one in any flow, as for a content that flows share. In one query."""
    keys = list(Property.objects.values_list("key", "object_type_id", "object_type__key"))
    return Names(
        of_record=frozenset(key for key, type_id, _type in keys if object_type_id in (None, type_id)),
        of_person=frozenset(key for key, _id, type_key in keys if type_key == PERSON),
    )


def strangers(content: Content, known: Names) -> list[str]:
    """What its merge fields name that nothing is called, each once, such as "förnamn" or "contact.city".

    A place that names a stranger stays empty in every message.
    """
    of_record, of_person = known
    inside = {"record": of_record | SYSTEM_NAMES, "contact": of_person | SYSTEM_NAMES, "account": {"name"}}
    return sorted({".".join(map(str, path[:2])) for path in _paths(content) if _is_strange(path, inside)})


def _is_strange(path: list[object], inside: Mapping[str, Collection[str]]) -> bool:
    """`record` as a whole and `record[x]` are not strange: nobody can say what they read."""
    first = str(path[0])
    if first in OWN_NAMES:
        named = path[1] if len(path) > 1 else None
        return first in inside and isinstance(named, str) and named not in inside[first]
    return first not in inside["record"]


def _paths(content: Content) -> Iterator[list[object]]:
    """What its templates read that they do not set themselves, such as ["record", "city"]; none where unreadable."""
    for field in FIELDS:
        yield from _read_by(getattr(content, field), escape=field == "html")


@lru_cache(maxsize=128)
def _read_by(source: str, *, escape: bool) -> list[list[object]]:
    try:
        template = merging.parse(source, escape=escape)
    except MergeError:
        return []
    return list(template.global_variable_segments(include_partials=False))  # type: ignore[arg-type]  # lists of lists


def _is(path: list[object], whose: str, key: str) -> bool:
    """`{{ record.city }}`; also `record` as a whole or `record[x]`, of which nobody can say what it reads."""
    return path[0] == whose and (len(path) == 1 or path[1] == key or not isinstance(path[1], str))


def _is_bare(path: list[object], key: str) -> bool:
    return path[0] == key and key not in OWN_NAMES
