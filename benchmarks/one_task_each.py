"""The engine that Flyt is not: one task per participant and step, through the ORM, as most engines do it.

It does the same: checks the flow, the record and the exclusion list, does the step, logs it, counts it, queues the
next. It is written with the care of a competent team: one short transaction, select_related, update_fields.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.contrib.sessions.models import Session  # noqa: E402

from accounts.tenancy import account_scope  # noqa: E402
from config.celery import app  # noqa: E402
from flows.models import Branch, Step  # noqa: E402
from participants.models import Participant, StepLog, Tally  # noqa: E402
from records.models import ListEntry  # noqa: E402
from scheduling.clock import now  # noqa: E402


@app.task(name="benchmarks.warm", queue="one_each")
def warm() -> None:
    """Tell that the worker is up."""
    Session.objects.create(session_key="warm", session_data="", expire_date=now())


@app.task(name="benchmarks.step_one", queue="one_each")
def step_one(account_id: int, participant_id: int) -> None:
    """Take one participant one step on."""
    with account_scope(account_id):
        walk = (
            Participant.objects.select_related("record", "flow").select_for_update(of=("self",)).get(pk=participant_id)
        )
        if walk.status != "active" or walk.flow.status != "running":
            return
        if walk.record.archived_at or walk.record.former_employee:
            return
        if ListEntry.objects.filter(list__in=walk.flow.exclusion_lists.values("list_id"), record=walk.record).exists():
            return
        step = Step.objects.get(pk=walk.step_id)
        _do(step, walk)
        following = (
            Step.objects.filter(flow=walk.flow, branch=None, position__gt=step.position).order_by("position").first()
        )
        StepLog.objects.create(
            participant_id=walk.pk, hop=walk.hop, flow_id=walk.flow_id, step_id=step.pk, outcome="continued", at=now()
        )
        Tally.objects.create(flow_id=walk.flow_id, step_id=step.pk, what="passed", n=1)
        Participant.objects.filter(pk=walk.pk).update(
            hop=walk.hop + 1,
            step_id=following.pk if following else walk.step_id,
            status="active" if following else "finished",
            due_at=now() if following else None,
        )
    if following:
        step_one.delay(account_id, participant_id)


def _do(step: Step, walk: Participant) -> None:
    match step.kind:
        case "split":
            branches = Branch.objects.filter(step=step).order_by("position")
            next(b for b in branches if b.is_everyone_else or walk.record.properties.get("country") == "NO")
        case "update_record":
            walk.record.properties |= step.settings["values"]
            walk.record.updated_at = now()
            walk.record.save(update_fields=["properties", "updated_at"])
        case "add_to_list":
            ListEntry.objects.get_or_create(list_id=step.settings["list"], record=walk.record)
