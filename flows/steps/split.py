"""Split by criteria: the first branch whose criteria someone meets takes them, "everyone else" the rest."""

from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from flows import exits
from flows.models import Flow, Step
from flows.path import Path
from records import criteria
from records.criteria_references import References

from .base import Batch, Lack, SettingsError, StepKind, only


class Split(StepKind):
    """Settings: {"exit": true, "exit_flow": id or null, "exit_list": id or null}, or {}.

    Its branches are rows of their own, each with criteria. With `exit` whom no branch takes leaves the flow, into the
    list and the other flow if they are named.
    """

    kind, label, family, icon = "split", _("Split"), "control", "split"
    hint = _("Different paths for different people")
    has_branches = has_everyone_else = True

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Whether everyone else exits, and where they go from there."""
        only(settings, *exits.NAMES)
        errors: dict[str, Any] = {}
        cleaned = exits.clean(settings, flow=flow, errors=errors)
        if errors:
            raise SettingsError(errors)
        return cleaned

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """A branch beside "everyone else", and criteria in each."""
        branches = [branch for branch in path.branches_of(step.pk) if not branch.is_everyone_else]
        if not branches:
            return [Lack("split_without_branches", gettext("Add a branch."), "branches")]
        message = gettext("Say who takes the branch “%s”.")
        missing = [Lack(*each) for each in exits.lacks(step, path)]
        if step.settings.get("exit") and any(
            path.sequences.get(branch.pk) for branch in path.branches_of(step.pk) if branch.is_everyone_else
        ):
            steps_in_vain = gettext(
                "Everyone else leaves the flow here. Move the steps of that branch, or remove them."
            )
            missing.append(Lack("exit_before_steps", steps_in_vain, "exit"))
        return missing + [
            Lack("branch_without_criteria", message % branch.name, f"branches.{number}.criteria")
            for number, branch in enumerate(branches)
            if not branch.criteria
        ]

    def summary(self, step: Step, path: Path) -> str:
        """ "3 branches"."""
        amount = len(path.branches_of(step.pk))
        return ngettext("%(n)d branch", "%(n)d branches", amount) % {"n": amount}

    def references(self, settings: dict[str, Any], object_type: str) -> References:
        """The list of those who exit."""
        return exits.references(settings)

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
        if batch.step.settings.get("exit"):
            everyone_else = next(each for each in batch.path.branches_of(batch.step.pk) if each.is_everyone_else)
            batch.execute(
                """update batch set decision = 'drop_out', reason = 'exit_after_split'
                   where decision = 'continue' and branch_id = %(branch)s""",
                branch=everyone_else.pk,
            )
            exits.exit_by(batch, "exit_after_split")
