"""A flow as one JSON document, as the API and the editor read it. `running/editing.py` takes it back."""

from datetime import UTC, datetime
from typing import Any

from .models import Branch, Flow, Step
from .path import TRUNK, Path


def as_document(flow: Flow) -> dict[str, Any]:
    """The whole definition of `flow`: settings, e-mail, triggers, and the tree of steps.

    Its revision is the flow's ETag. A constant number of queries, however many steps there are.
    """
    return {
        "id": flow.pk,
        "name": flow.name,
        "description": flow.description,
        "object_type": flow.object_type.key,
        "status": flow.status,
        "revision": flow.revision,
        "time_zone": flow.time_zone,
        "only_once": flow.only_once,
        "filter": flow.filter,
        "unenrolment": flow.unenrolment,
        "success": flow.success,
        "jump_to_finish": flow.jump_to_finish,
        "exclusion_lists": sorted(flow.exclusion_lists.values_list("list_id", flat=True)),
        "starts_at": moment_text(flow.starts_at),
        "enrolment_ends_at": moment_text(flow.enrolment_ends_at),
        "leave_flows": sorted(flow.leave_flows),
        "email": _email(flow),
        "triggers": _triggers(flow),
        "steps": _sequence(Path.of(flow), TRUNK),
    }


def moment_text(moment: datetime | None) -> str | None:
    """A moment as documents write it: UTC, "2027-01-31T09:00:00Z", with microseconds only when it has any."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _email(flow: Flow) -> dict[str, Any]:
    outbox = flow.outbox
    return {
        "sender_name": outbox.sender_name,
        "sender_address": outbox.sender_address,
        "reply_address": outbox.reply_address,
        "subscription_type": outbox.subscription_type_id,
        "override_consent": outbox.override_consent,
    }


def _triggers(flow: Flow) -> list[dict[str, Any]]:
    """Triggers belong to a higher package, which is known here by the rows that point at the flow."""
    triggers = flow.triggers.select_related("schedule").order_by("id")
    return [
        {
            "id": trigger.pk,
            "kind": trigger.kind,
            "criteria": trigger.criteria,
            "schedule": _schedule(getattr(trigger, "schedule", None)),
        }
        for trigger in triggers
    ]


def _schedule(schedule: Any) -> dict[str, Any] | None:
    """Null: the schedule is not filled in yet."""
    if schedule is None:
        return None
    return {
        **schedule.recurrence,
        "catch_up": schedule.catch_up,
        "safety_brake": schedule.safety_brake,
    }


def _sequence(path: Path, branch_id: int | None) -> list[dict[str, Any]]:
    return [_step(path, step) for step in path.sequences.get(branch_id, [])]


def _step(path: Path, step: Step) -> dict[str, Any]:
    return {
        "id": step.pk,
        "kind": step.kind,
        "name": step.name,
        "settings": step.settings,
        "branches": [_branch(path, branch) for branch in path.branches_of(step.pk)],
    }


def _branch(path: Path, branch: Branch) -> dict[str, Any]:
    return {
        "id": branch.pk,
        "name": branch.name,
        "criteria": branch.criteria,
        "weight": branch.weight,
        "is_everyone_else": branch.is_everyone_else,
        "steps": _sequence(path, branch.pk),
    }
