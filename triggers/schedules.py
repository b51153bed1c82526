"""The schedule of a flow: saved with its trigger, armed by start, disarmed by end; run now and skip next."""

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account
from accounts.tenancy import account_scope, current_account_id
from flows.models import Activation, Flow, FlowStatus
from records.models import Record
from scheduling.clock import now
from scheduling.recurrence import Recurrence, Run, next_run, runs_after
from scheduling.sentences import ScheduleWarning, sentence, warnings

from . import firing, lifecycle
from .kinds.schedule import ScheduleKind
from .models import Occurrence, OccurrenceKind, Schedule, Trigger
from .tasks import work_occurrence

ACTIVE = (FlowStatus.RUNNING, FlowStatus.PAUSED)


@dataclass(frozen=True)
class Preview:
    """What a schedule says and when it would run, nothing being saved."""

    recurrence: Recurrence
    sentence: str
    runs: list[Run]
    warnings: list[ScheduleWarning]


def save(trigger: Trigger, data: object) -> Schedule:
    """Write the schedule of `trigger` from `data` (triggers/kinds/schedule.py); raises RecurrenceError.

    Called inside an edit, under the flow's lock. In a running or paused flow it takes effect at once: what has come
    due by the old recurrence fires, and the next run is the first moment strictly after now.
    """
    flow = Flow.objects.only("status", "time_zone").get(pk=trigger.flow_id)
    settings = ScheduleKind().clean(data, time_zone=flow.time_zone)
    old = Schedule.objects.filter(trigger=trigger).first()
    if old is not None:
        firing.fire_one(old)
        old.refresh_from_db(fields=["skip_run_at"])
    following = next_run(settings.recurrence, now()) if flow.status in ACTIVE else None
    schedule, _is_new = Schedule.objects.update_or_create(
        trigger=trigger,
        defaults={
            "flow_id": trigger.flow_id,
            "recurrence": settings.recurrence.as_json(),
            "catch_up": settings.catch_up,
            "safety_brake": settings.safety_brake,
            "next_run_at": following,
            "skip_run_at": following if old is not None and old.skip_run_at == following else None,
        },
    )
    return schedule


def arm(flow: Flow) -> None:
    """Give the schedule of a flow that starts its next run. Called by `start`, in its transaction."""
    for schedule in _of(flow.pk):
        schedule.next_run_at = next_run(Recurrence.parse(schedule.recurrence), now())
        schedule.skip_run_at = None
        schedule.save(update_fields=["next_run_at", "skip_run_at"])


def disarm(flow: Flow) -> None:
    """Stop the schedule of a flow that ends, and abort its open runs. Called by `end`, in its transaction."""
    # In this order: a firing under way is waited for here, and what it wrote is seen below (triggers/firing.py).
    Schedule.objects.filter(pk__in=[schedule.pk for schedule in _of(flow.pk)]).update(
        next_run_at=None, skip_run_at=None
    )
    lifecycle.abort_all(flow, by=Actor.flyt(current_account_id()), reason="flow_ended")


def coming(flow: Flow, limit: int = 10) -> list[Run]:
    """The next runs of a running or paused flow, with the one that is to be skipped (`Schedule.skip_run_at`)."""
    schedule = next(iter(_of(flow.pk)), None)
    if schedule is None or flow.status not in ACTIVE:
        return []
    runs = runs_after(Recurrence.parse(schedule.recurrence), now(), limit=limit)
    return list(takewhile(lambda run: _takes_newcomers(flow, run.at), runs))


def preview(data: object, *, time_zone: str | None = None, limit: int = 10) -> Preview:
    """What `data`, as for `save`, says and when it would run from now on; raises RecurrenceError."""
    recurrence = ScheduleKind().clean(data, time_zone=time_zone).recurrence
    at = now()
    return Preview(recurrence, sentence(recurrence), runs_after(recurrence, at, limit=limit), warnings(recurrence, at))


def skip_next(account_id: int, flow_id: int, *, by: Actor) -> datetime:
    """Let the coming run be skipped, and return its moment; asking twice skips one.

    Raises `Flow.DoesNotExist`, or `NotAllowed` when the flow is not running, has no schedule or no coming run.
    """
    with account_scope(account_id, durable=True):
        schedule = _lock(flow_id)
        flow = _active(flow_id)
        run_at = schedule.next_run_at
        if run_at is None or not _takes_newcomers(flow, run_at):
            raise NotAllowed("no_coming_run", _("There is no coming run to skip."))
        if schedule.skip_run_at != run_at:
            schedule.skip_run_at = run_at
            schedule.save(update_fields=["skip_run_at"])
            history.record(flow, "skip_next", by=by, detail={"run_at": run_at.isoformat()})
    return run_at


def run_now(account_id: int, flow_id: int, *, by: Actor, idempotency_key: str | None = None) -> Occurrence:
    """Fire the schedule now, beside its own runs. The same key gives the same run, also long after.

    Raises `Flow.DoesNotExist`, or `NotAllowed` when the flow is not running or paused, has no schedule or no
    criteria, or its enrolment has ended.
    """
    with account_scope(account_id, durable=True):
        schedule = _lock(flow_id)
        earlier = Occurrence.objects.filter(flow_id=flow_id, idempotency_key=idempotency_key).first()
        if idempotency_key is not None and earlier is not None:
            return earlier
        flow = _active(flow_id)
        if not _takes_newcomers(flow, now()):
            raise NotAllowed("enrolment_closed", _("Enrolment in this flow has ended."))
        if schedule.trigger.criteria is None:
            raise NotAllowed("criteria_missing", _("Choose first whom a run enrols."))
        occurrence = _make_run(flow, schedule, idempotency_key)
        history.record(flow, "run_now", by=by, detail={"occurrence": occurrence.pk})
        work_occurrence.hint(account_id, occurrence.pk)
    return occurrence


def _of(flow_id: int) -> QuerySet[Schedule]:
    """The schedules of a flow (one, unless a problem keeps it from starting), found by the index of its triggers."""
    return Schedule.objects.filter(trigger__in=Trigger.objects.filter(flow_id=flow_id)).order_by("pk")


def _lock(flow_id: int) -> Schedule:
    """The schedule of a flow, its row locked: firing and the end of the flow wait (triggers/firing.py)."""
    Flow.objects.only("pk").get(pk=flow_id)
    schedule: Schedule | None = _of(flow_id).select_for_update().first()
    if schedule is None:
        raise NotAllowed("no_schedule", _("This flow has no schedule."))
    return schedule


def _active(flow_id: int) -> Flow:
    """The flow, read after its schedule was locked; raises `NotAllowed` unless it is running or paused."""
    flow: Flow = Flow.objects.get(pk=flow_id)
    if flow.status not in ACTIVE:
        raise NotAllowed("not_running", _("Turn the flow on first: it has no runs while it is not running."))
    return flow


def _takes_newcomers(flow: Flow, at: datetime) -> bool:
    return flow.enrolment_ends_at is None or at < flow.enrolment_ends_at


def _make_run(flow: Flow, schedule: Schedule, idempotency_key: str | None) -> Occurrence:
    recurrence = Recurrence.parse(schedule.recurrence)
    at = now()
    made: Occurrence = Occurrence.objects.create(
        schedule=schedule,
        flow=flow,
        activation=Activation.objects.get(flow=flow, ended_at=None),
        kind=OccurrenceKind.RUN_NOW,
        scheduled_for=at,
        sentence=firing.short_sentence(recurrence, Account.objects.get(pk=current_account_id()).language),
        time_zone=recurrence.time_zone,
        criteria=schedule.trigger.criteria,
        upper_id=Record.objects.filter(object_type=flow.object_type_id).aggregate(last=Max("pk"))["last"] or 0,
        idempotency_key=idempotency_key,
        created_at=at,
    )
    return made
