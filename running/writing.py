"""Writes the steps and branches of a draft: old ones in place, new ones beside them, and what is gone last."""

from collections.abc import Sequence

from flows.models import Branch, Flow, Step
from flows.path import Path

from .drafts import BranchDraft, StepDraft

Level = list[tuple[int | None, Sequence[StepDraft]]]  # sequences at one depth: (branch id, its steps)


def write_steps(flow: Flow, path: Path, draft: Sequence[StepDraft]) -> None:
    """Make the flow's steps those of `draft`. `path` is the flow as it is; ids of new steps are set in the draft.

    Level by level, since a branch must be there before its steps: at most four statements for each, and one for each
    old row that changed. What is gone is deleted last, when everything that stays has moved out of it.
    """
    kept_steps: set[int] = set()
    kept_branches: set[int] = set()
    level: Level = [(None, draft)]
    while level:
        steps = [(branch_id, position, step) for branch_id, sequence in level for position, step in enumerate(sequence)]
        _write_steps(flow, path, steps)
        kept_steps |= {step.id for _, _, step in steps if step.id is not None}
        branches = [
            (step.id, position, branch)
            for _, _, step in steps
            if step.id is not None
            for position, branch in enumerate(step.branches)
        ]
        _write_branches(flow, path, branches)
        kept_branches |= {branch.id for _, _, branch in branches if branch.id is not None}
        level = [(branch.id, branch.steps) for _, _, branch in branches]
    Branch.objects.filter(pk__in=path.branches.keys() - kept_branches).delete()
    Step.objects.filter(pk__in=path.steps.keys() - kept_steps).delete()


def _write_steps(flow: Flow, path: Path, level: list[tuple[int | None, int, StepDraft]]) -> None:
    new, moved = [], []
    for branch_id, position, draft in level:
        row = path.steps.get(draft.id) if draft.id else None
        if row is None:
            row = Step(flow=flow, branch_id=branch_id, position=position, kind=draft.kind)
            row.name, row.settings = draft.name, draft.settings
            new.append((draft, row))
            continue
        if (row.branch_id, row.position) != (branch_id, position):
            row.branch_id, row.position = branch_id, position
            moved.append(row)
        if (row.name, row.settings) != (draft.name, draft.settings):
            row.name, row.settings = draft.name, draft.settings
            row.save(update_fields=["name", "settings"])
    Step.objects.bulk_update(moved, ["branch", "position"])
    for (draft, _), row in zip(new, Step.objects.bulk_create(row for _, row in new), strict=True):
        draft.id = row.pk


def _write_branches(flow: Flow, path: Path, level: list[tuple[int, int, BranchDraft]]) -> None:
    new = []
    for step_id, position, draft in level:
        row = path.branches.get(draft.id) if draft.id else None
        wanted = {
            "position": position,
            "name": draft.name,
            "criteria": draft.criteria,
            "weight": draft.weight,
        }
        if row is None:
            row = Branch(flow=flow, step_id=step_id, is_everyone_else=draft.is_everyone_else, **wanted)
            new.append((draft, row))
        elif any(getattr(row, name) != value for name, value in wanted.items()):
            for name, value in wanted.items():
                setattr(row, name, value)
            row.save(update_fields=list(wanted))
    for (draft, _), row in zip(new, Branch.objects.bulk_create(row for _, row in new), strict=True):
        draft.id = row.pk
