"""The protecting rule: what people stand on, or inside, is neither moved nor removed."""

from collections.abc import Sequence

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.history import NotAllowed
from flows.models import Step
from flows.path import TRUNK, Path
from flows.steps import KINDS
from participants.models import Participant, ParticipantStatus

from .drafts import StepDraft

NEW = -1  # the id of every sequence that is not written yet


def refuse_where_people_stand(path: Path, draft: Sequence[StepDraft]) -> None:
    """Raise NotAllowed("people_stand_here") when the draft moves or removes what active participants stand on.

    Call it under the flow lock: nobody arrives between the count and the write. Moved means into another sequence,
    or to the other side of a step (or branch) that stays with it.
    """
    standing = _standing(path, _disturbed(path, draft))
    if not standing:
        return
    in_order = [step_id for step in path.sequences[TRUNK] for step_id in path.inside(step.pk)]
    here = [path.steps[step_id] for step_id in in_order if step_id in standing]
    where = ", ".join(
        ngettext("{people} person on “{name}”", "{people} people on “{name}”", standing[step.pk]).format(
            people=standing[step.pk], name=step_name(step)
        )
        for step in here
    )
    message = _(
        "What people stand on, or inside, cannot be moved or removed: {where}. "
        "Wait until they have passed, let them leave the flow, or end the flow."
    )
    raise NotAllowed(
        "people_stand_here",
        message.format(where=where),
        steps=[{"id": step.pk, "name": step_name(step), "people": standing[step.pk]} for step in here],
    )


def step_name(step: Step) -> str:
    """What a step is called: its own name, else its kind's."""
    return step.name or (str(KINDS[step.kind].label) if step.kind in KINDS else step.kind)


def _disturbed(path: Path, draft: Sequence[StepDraft]) -> set[int]:
    """The steps that the draft moves or removes, by themselves or with what they stand in."""
    sequences: dict[int | None, list[int]] = {}
    branches: dict[int, list[int]] = {}
    _lay_out(TRUNK, draft, sequences, branches)
    disturbed: set[int] = set()
    for branch_id, before in path.sequences.items():
        for step_id in _changed_places([step.pk for step in before], sequences.get(branch_id, [])):
            disturbed.update(path.inside(step_id))
    for split_id in path.steps:
        before_ids = [branch.pk for branch in path.branches_of(split_id)]
        for branch_id in _changed_places(before_ids, branches.get(split_id, [])):
            for step in path.sequences.get(branch_id, []):
                disturbed.update(path.inside(step.pk))
    return disturbed


def _lay_out(
    branch_id: int | None,
    draft: Sequence[StepDraft],
    sequences: dict[int | None, list[int]],
    branches: dict[int, list[int]],
) -> None:
    """Note which old steps each sequence of the draft holds, and which old branches each old split, in order."""
    sequences.setdefault(branch_id, []).extend(step.id for step in draft if step.id is not None)
    for step in draft:
        if step.id is not None:
            branches[step.id] = [branch.id for branch in step.branches if branch.id is not None]
        for branch in step.branches:
            _lay_out(NEW if branch.id is None else branch.id, branch.steps, sequences, branches)


def _changed_places(before: list[int], after: list[int]) -> list[int]:
    """Those of `before` that `after` lacks, or has on another side of one that stays."""
    after = [each for each in after if each in before]
    staying = [each for each in before if each in after]
    moved = {each for each in staying if set(staying[: staying.index(each)]) != set(after[: after.index(each)])}
    return [each for each in before if each not in after or each in moved]


def _standing(path: Path, step_ids: set[int]) -> dict[int, int]:
    """How many active participants stand on each of these steps."""
    if not step_ids:
        return {}
    rows = (
        Participant.objects.filter(flow_id=path.flow_id, step_id__in=step_ids, status=ParticipantStatus.ACTIVE)
        .values("step_id")
        .annotate(people=Count("pk"))
        .order_by()
    )
    return {row["step_id"]: row["people"] for row in rows}
