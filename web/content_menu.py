"""The menu of contents that a condition about a message may name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q
from django.utils.translation import gettext as _

from messaging.models import Content

Options = list[tuple[str, str]]  # ids as text, and names


@dataclass(frozen=True)
class ContentMenu:
    """Shared contents, and those of `flows`: by id the flows that whoever reads may see. One query, once asked."""

    flows: Mapping[int, str]

    @cached_property
    def groups(self) -> list[tuple[str, Options]]:
        """What they are called under whose name: the shared ones first, then by flow."""
        rows = Content.objects.filter(Q(flow_id=None) | Q(flow_id__in=list(self.flows))).only("name", "flow_id")
        made: dict[int | None, Options] = {}
        for content in sorted(rows, key=lambda each: (each.name.casefold(), each.pk)):
            made.setdefault(content.flow_id, []).append((str(content.pk), content.name))
        shared = [(_("Shared"), made.pop(None))] if None in made else []
        of_flows = [(self.flows[flow_id], options) for flow_id, options in made.items() if flow_id is not None]
        return [*shared, *sorted(of_flows, key=lambda group: group[0].casefold())]

    @cached_property
    def ids(self) -> frozenset[str]:
        """Those in the menu."""
        return frozenset(id for _name, options in self.groups for id, _called in options)
