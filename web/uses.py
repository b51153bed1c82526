"""What uses something, as a page names it: with links, and without the names of flows that the reader does not see."""

from collections.abc import Iterable
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from flows.models import Flow
from flows.visibility import visible_to
from records.used_by import Use
from web.access import AccountRequest

KINDS = {"flow": _("Flow"), "list": _("List"), "import": _("Import")}


class Uses(NamedTuple):
    """`named`: (kind in words, name, address); `hidden`: how many flows of others there are besides."""

    named: list[tuple[str, str, str]]
    hidden: int


def linked(uses: Iterable[Use], request: AccountRequest) -> Uses:
    """The uses that the reader may see, with where to find them; at most one query."""
    all_uses = list(uses)
    flow_ids = [use.id for use in all_uses if use.kind == "flow"]
    seen = set(Flow.objects.filter(visible_to(request.actor), pk__in=flow_ids).values_list("pk", flat=True))
    shown = [use for use in all_uses if use.kind != "flow" or use.id in seen]
    named = [
        (str(KINDS[use.kind]), use.name, reverse(f"web:{use.kind}", args=[request.account.slug, use.id]))
        for use in shown
    ]
    return Uses(named, len(all_uses) - len(shown))
