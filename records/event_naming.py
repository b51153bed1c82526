"""How what an event must be about reads: the things that its detail names are called by their names."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from .event_words import ABOUT_LISTS
from .leaves import Subject

DetailNamer = Callable[[str, str, Any, Subject], str | None]
_namers: list[DetailNamer] = []


def register_detail_namer(namer: DetailNamer) -> None:
    """Let a higher package say what a detail means, given the kind of the event, the key, the value and the subject;
    None for what is not its own."""
    _namers.append(namer)


def id_of(value: Any) -> int | None:
    """The id that a detail names, to the database as to us: 7.0 is 7 there as well."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def details_in_words(kind: str, detail: Mapping[str, Any], subject: Subject) -> str:
    """As in "content “Welcome”, link “https://…”"."""
    return ", ".join(_in_words(kind, key, value, subject) for key, value in detail.items())


def _in_words(kind: str, key: str, value: Any, subject: Subject) -> str:
    for namer in (_list, _link, *_namers):
        if (said := namer(kind, key, value, subject)) is not None:
            return said
    shown = (_("yes") if value else _("no")) if isinstance(value, bool) else str(value)
    return _("{key} is {value}").format(key=key, value=shown)


def _list(kind: str, key: str, value: Any, subject: Subject) -> str | None:
    if kind not in ABOUT_LISTS or key != "list" or (id := id_of(value)) is None:
        return None
    name = subject.lists.get(id)
    return _("list “{name}”").format(name=name) if name else _("a list that is gone")


def _link(kind: str, key: str, value: Any, _subject: Subject) -> str | None:
    return _("link “{address}”").format(address=value) if (kind, key) == ("link_clicked", "url") else None
