"""What starts people in a flow: triggers, the schedule of a schedule trigger, and its runs."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountModel
from flows.models import Activation, Flow
from scheduling.clock import now


class Trigger(AccountModel):
    """One reason why records enter a flow. Keeps its id through edits, end and start."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, db_constraint=False, related_name="triggers")
    kind = models.CharField(max_length=40)
    criteria = models.JSONField(null=True)  # who; a schedule needs it, {"all": []} says every record
    settings = models.JSONField(default=dict)

    class Meta(AccountModel.Meta):
        indexes = [models.Index(fields=["account", "flow"], name="triggers_of_a_flow")]


class CatchUp(models.TextChoices):
    """Which runs that were missed in a downtime are run after it."""

    LATEST = "latest", _("The latest")
    ALL = "all", _("All of them")
    SKIP = "skip", _("None")


class Schedule(AccountModel):
    """When a schedule trigger fires. One row with one `next_run_at` is the clock's whole knowledge of it."""

    trigger = models.OneToOneField(Trigger, on_delete=models.CASCADE, db_constraint=False, related_name="schedule")
    flow = models.ForeignKey(
        Flow,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    recurrence = models.JSONField()  # scheduling/recurrence.py
    catch_up = models.CharField(max_length=10, choices=CatchUp, default=CatchUp.LATEST)
    safety_brake = models.IntegerField(null=True)  # abort a run that matches more than this
    next_run_at = models.DateTimeField(null=True)  # null: no coming run, or the flow is not running
    skip_run_at = models.DateTimeField(null=True)  # "skip next": this one run is recorded as skipped

    class Meta(AccountModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(catch_up__in=CatchUp.values),
                name="catch_up_is_known",
            ),
        ]
        indexes = [
            # The tick: what is due, across accounts.
            models.Index(
                fields=["next_run_at"],
                condition=models.Q(next_run_at__isnull=False),
                name="schedules_due",
            ),
            # The coming runs of the flows in a list.
            models.Index(fields=["account", "flow"], name="schedules_of_a_flow"),
        ]


class OccurrenceKind(models.TextChoices):
    """What made a run."""

    SCHEDULED = "scheduled", _("Scheduled")
    RUN_NOW = "run_now", _("Run now")


class OccurrenceStatus(models.TextChoices):
    """pending -> running -> done | missed | skipped | aborted | failed."""

    PENDING = "pending", _("Coming")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    MISSED = "missed", _("Missed")
    SKIPPED = "skipped", _("Skipped")
    ABORTED = "aborted", _("Stopped")
    FAILED = "failed", _("Failed")


class Occurrence(AccountModel):
    """One firing of a schedule (screens say run). What it enrols by is frozen here as it fires."""

    schedule = models.ForeignKey(
        Schedule,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    flow = models.ForeignKey(
        Flow,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    activation = models.ForeignKey(
        Activation,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    kind = models.CharField(max_length=10, choices=OccurrenceKind, default=OccurrenceKind.SCHEDULED)
    status = models.CharField(max_length=10, choices=OccurrenceStatus, default=OccurrenceStatus.PENDING)
    reason = models.CharField(max_length=60, blank=True)
    scheduled_for = models.DateTimeField()  # its moment; relative dates in the criteria count from it
    sentence = models.CharField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64)  # what "today" means in the criteria
    criteria = models.JSONField()
    upper_id = models.BigIntegerField(null=True)  # the highest record id when it fired
    cursor = models.BigIntegerField(default=0)  # record ids up to here are dealt with
    matched = models.IntegerField(default=0)
    enrolled = models.IntegerField(default=0)
    left_out = models.JSONField(default=dict)  # reason -> how many
    failures = models.SmallIntegerField(default=0)  # chunks that raised, in a row
    idempotency_key = models.CharField(max_length=200, null=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "schedule", "scheduled_for"],
                condition=models.Q(kind="scheduled"),
                name="one_run_per_schedule_and_moment",
            ),
            models.UniqueConstraint(
                fields=["account", "flow", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="run_now_once_per_key",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=OccurrenceStatus.values),
                name="occurrence_status_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "flow", "-scheduled_for"], name="runs_of_a_flow"),
            # What a worker takes up next.
            models.Index(
                fields=["account", "id"],
                condition=models.Q(status__in=["pending", "running"]),
                name="runs_to_do",
            ),
        ]

    @property
    def lateness(self) -> timedelta:
        """How long after its moment it fired."""
        return self.created_at - self.scheduled_for


class EventSetAside(AccountModel):
    """An event whose consequences failed when it stood alone, and when it is tried again (triggers/setting_aside.py).

    Or one that was put off untried, as one after the other failed (failures: 0). No rows in good times.
    """

    pk = models.CompositePrimaryKey("account_id", "event_id")
    event_id = models.BigIntegerField()
    failures = models.IntegerField()
    retry_at = models.DateTimeField(null=True)  # null: it is pending again
    set_aside_at = models.DateTimeField()  # for the first time

    class Meta(AccountModel.Meta):
        verbose_name_plural = "events set aside"
