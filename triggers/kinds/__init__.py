"""The trigger kinds, in menu order. A new kind is one module, one template, one test file and one line here."""

from .schedule import ScheduleKind

KINDS: dict[str, ScheduleKind] = {kind.kind: kind for kind in (ScheduleKind(),)}
