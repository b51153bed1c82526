"""What uses something, as a page names it: with links, and without the names of flows that the reader does not see."""

from collections.abc import Iterable
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from records.used_by import Use
from running.used_by import seen_by
from web.access import AccountRequest

KINDS = {"flow": _("Flow"), "content": _("Content"), "list": _("List"), "import": _("Import")}
ICONS = {"flow": "flow", "content": "mail", "list": "list", "import": "upload"}


class Link(NamedTuple):
    """A use and where to find it. `kind`: in words."""

    icon: str
    kind: str
    name: str
    address: str


class Uses(NamedTuple):
    """`hidden`: how many flows of others there are beside those `named`."""

    named: list[Link]
    hidden: int

    def __bool__(self) -> bool:
        return bool(self.named or self.hidden)


def linked(uses: Iterable[Use], request: AccountRequest) -> Uses:
    """The uses that the reader may see, with where to find them; at most one query."""
    all_uses = list(uses)
    shown = seen_by(request.actor, all_uses)
    named = [
        Link(
            ICONS[use.kind],
            str(KINDS[use.kind]),
            use.name,
            reverse(f"web:{use.kind}", args=[request.account.slug, use.id]),
        )
        for use in shown
    ]
    return Uses(named, len(all_uses) - len(shown))
