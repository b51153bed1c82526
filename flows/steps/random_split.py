"""Random split: everyone takes a branch by chance, in the proportion of the branches' weights."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from flows.models import Branch, Flow, Step
from flows.path import Path
from records.numbers import number_in_words

from .base import Batch, Lack, StepKind, only


class RandomSplit(StepKind):
    """No settings: its branches are rows of their own, each with a weight.

    The chance is a hash of participant and step: the same however often it is asked, and each split draws anew.
    """

    kind, label, family, icon = "random_split", _("Random split"), "control", "share"
    hint = _("By chance, in shares that you choose")
    has_branches = True

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Nothing to set."""
        only(settings)
        return {}

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """Two branches, and somebody who takes one of them."""
        branches = path.branches_of(step.pk)
        if len(branches) < 2:
            return [Lack("split_without_branches", gettext("Add a branch: chance needs at least two."), "branches")]
        if not any(weight_of(branch) for branch in branches):
            return [Lack("split_without_weights", gettext("Give a branch a weight above 0."), "branches.0.weight")]
        return []

    def summary(self, step: Step, path: Path) -> str:
        """ "50 % · 50 %"."""
        return " · ".join(shares(path.branches_of(step.pk))) or gettext("No branches")

    def run(self, batch: Batch) -> None:
        """Each branch takes the next stretch of a circle as long as its weight; the hash says where one stands."""
        branches = batch.path.branches_of(batch.step.pk)
        stretches = [(branch, weight_of(branch)) for branch in branches]
        start, whole = 0, sum(weight for _branch, weight in stretches)
        for branch, weight in stretches:
            batch.execute(
                """
                update batch set branch_id = %(branch)s, next_step_id = %(next)s
                where decision = 'continue' and branch_id is null
                  and abs(hashtextextended(id::text, %(step)s) %% %(whole)s) >= %(start)s
                  and abs(hashtextextended(id::text, %(step)s) %% %(whole)s) < %(end)s
                """,
                branch=branch.pk,
                next=batch.path.first_of(branch),
                whole=whole,
                start=start,
                end=start + weight,
            )
            start += weight


def weight_of(branch: Branch) -> int:
    """Its weight; 1 while none was given."""
    return 1 if branch.weight is None else branch.weight


def shares(branches: list[Branch]) -> list[str]:
    """The part of everyone that each branch takes, as in "33 %"."""
    whole = sum(weight_of(branch) for branch in branches)
    parts = (float(f"{100 * weight_of(branch) / (whole or 1):.3g}") for branch in branches)
    return [gettext("%(n)s %%") % {"n": number_in_words(part)} for part in parts]
