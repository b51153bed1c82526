"""Split by criteria: the first branch whose criteria someone meets takes them, "everyone else" the rest."""

from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from flows.models import Flow, Step
from flows.path import Path
from records import criteria

from .base import Batch, Lack, StepKind, only


class Split(StepKind):
    """No settings: its branches are rows of their own, each with criteria."""

    kind, label, family, icon = "split", _("Split"), "control", "split"
    hint = _("Different paths for different people")
    has_branches = True

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Nothing to set."""
        only(settings)
        return {}

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """A branch beside "everyone else", and criteria in each."""
        branches = [branch for branch in path.branches_of(step.pk) if not branch.is_everyone_else]
        if not branches:
            return [Lack("split_without_branches", gettext("Add a branch."), "branches")]
        message = gettext("Say who takes the branch “%s”.")
        return [
            Lack("branch_without_criteria", message % branch.name, f"branches.{number}.criteria")
            for number, branch in enumerate(branches)
            if not branch.criteria
        ]

    def summary(self, step: Step, path: Path) -> str:
        """ "3 branches"."""
        amount = len(path.branches_of(step.pk))
        return ngettext("%(n)d branch", "%(n)d branches", amount) % {"n": amount}

    def run(self, batch: Batch) -> None:
        """Each branch takes, in order, whom no earlier one took."""
        for number, branch in enumerate(batch.path.branches_of(batch.step.pk)):
            condition = criteria.compile(
                {"all": []} if branch.is_everyone_else else branch.criteria or {"not": {"all": []}},
                object_type_id=batch.flow.object_type_id,
                moment=batch.now,
                zone=batch.flow.time_zone,
                prefix=f"b{number}",
            )
            batch.execute(
                f"""
                update batch set branch_id = %(branch)s, next_step_id = %(next)s
                from records_record r
                where r.id = batch.record_id and r.account_id = %(account)s
                  and batch.decision = 'continue' and batch.branch_id is null and ({condition.sql})
                """,
                branch=branch.pk,
                next=batch.path.first_of(branch),
                **condition.params,
            )
