"""What an edit changed, as history keeps it and as people read it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

SETTINGS = {
    "name": gettext_lazy("name"),
    "description": gettext_lazy("description"),
    "time_zone": gettext_lazy("time zone"),
    "only_once": gettext_lazy("only once"),
    "filter": gettext_lazy("filter"),
    "unenrolment": gettext_lazy("unenrolment criteria"),
    "success": gettext_lazy("success criteria"),
    "jump_to_finish": gettext_lazy("jump to finish"),
    "exclusion_lists": gettext_lazy("exclusion lists"),
    "starts_at": gettext_lazy("start"),
    "enrolment_ends_at": gettext_lazy("end of enrolment"),
    "leave_flows": gettext_lazy("flows that people leave"),
    "email": gettext_lazy("e-mail settings"),
    "triggers": gettext_lazy("triggers"),
}


def between(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What differs between two documents of one flow; {} when nothing does.

    {"settings": names of what changed at the top, "steps": {"added": 2, "removed": 1, "changed": 1,
    "reordered": 1}}, each only when there is any. Branches count as part of their split.
    """
    settings = [name for name in SETTINGS if before[name] != after[name]]
    old, new = (list(_steps(document["steps"])) for document in (before, after))
    old_ids, new_ids = ({step.id for step in steps} for steps in (old, new))
    contents = {step.id: step.content for step in old}
    counts = {
        "added": len(new_ids - old_ids),
        "removed": len(old_ids - new_ids),
        "changed": sum(step.content != contents[step.id] for step in new if step.id in old_ids),
        "reordered": int(_order(old, new_ids) != _order(new, old_ids)),
    }
    steps = {what: n for what, n in counts.items() if n}
    return {**({"settings": settings} if settings else {}), **({"steps": steps} if steps else {})}


def in_words(changes: dict[str, Any]) -> str:
    """As in "name, triggers, 2 steps added"; "" for no changes."""
    steps = changes.get("steps", {})
    added, removed, changed = (steps.get(what, 0) for what in ("added", "removed", "changed"))
    words = [
        *(str(SETTINGS.get(name, name)) for name in changes.get("settings", [])),
        added and ngettext("{n} step added", "{n} steps added", added).format(n=added),
        removed and ngettext("{n} step removed", "{n} steps removed", removed).format(n=removed),
        changed and ngettext("{n} step changed", "{n} steps changed", changed).format(n=changed),
        steps.get("reordered") and _("steps reordered"),
    ]
    return ", ".join(word for word in words if word)


class _Step(NamedTuple):
    id: int
    branch_id: int | None
    content: Any  # all but its place and what stands inside


def _steps(steps: list[dict[str, Any]], branch_id: int | None = None) -> Iterator[_Step]:
    """Every step of a tree, in reading order."""
    for step in steps:
        branches = [(branch["id"], branch["name"], branch["criteria"], branch["weight"]) for branch in step["branches"]]
        yield _Step(step["id"], branch_id, (step["name"], step["settings"], branches))
        for branch in step["branches"]:
            yield from _steps(branch["steps"], branch["id"])


def _order(steps: list[_Step], others: set[int]) -> list[tuple[int, int | None]]:
    """The places of the steps that are among `others` too."""
    return [(step.id, step.branch_id) for step in steps if step.id in others]
