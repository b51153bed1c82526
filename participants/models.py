"""A record's walk through a flow, the log of its steps, the counts, and the addresses in use."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountModel
from flows.models import Flow
from records.models import Record
from scheduling.clock import now


class ParticipantStatus(models.TextChoices):
    """All but active are final. See participants/lifecycle.py."""

    ACTIVE = "active", _("Active")
    FINISHED = "finished", _("Finished")
    FINISHED_WITH_SUCCESS = "finished_with_success", _("Finished with success")
    DROPPED_OUT = "dropped_out", _("Dropped out")
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE = models.Q(status="active")


class Participant(AccountModel):
    """One record's walk through one flow. Active with no step: in the queue before the first step.

    No foreign-key constraints: at a million rows they cost a third of the speed.
    """

    flow = models.ForeignKey(
        Flow,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    record = models.ForeignKey(
        Record,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    status = models.CharField(max_length=22, choices=ParticipantStatus, default=ParticipantStatus.ACTIVE)
    reason = models.CharField(max_length=60, blank=True)  # a stable code, see participants/reasons.py
    step_id = models.BigIntegerField(null=True)
    hop = models.IntegerField(default=0)  # how often a batch has moved it on
    arrived_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # when the engine looks next; null: only a wake brings it back
    wait_until = models.DateTimeField(null=True)  # fixed on arrival in a wait
    failures = models.SmallIntegerField(default=0)  # of the present step
    succeeded = models.BooleanField(default=False)
    success_criterion = models.CharField(max_length=200, blank=True)
    cause = models.CharField(max_length=20)  # "schedule", "by_hand", "list", "api", "hand_over"
    occurrence_id = models.BigIntegerField(null=True)
    only_once = models.BooleanField(default=False)  # the flow's setting when enrolled: kept for the unique index
    depth = models.SmallIntegerField(default=0)  # length of the chain of flows that led here
    enrolled_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "flow", "record"],
                condition=ACTIVE,
                name="one_active_walk",
            ),
            models.UniqueConstraint(
                fields=["account", "flow", "record"],
                condition=models.Q(only_once=True),
                name="only_once",
            ),
            models.UniqueConstraint(
                fields=["account", "occurrence_id", "record"],
                condition=models.Q(occurrence_id__isnull=False),
                name="once_per_occurrence",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ParticipantStatus.values),
                name="participant_status_is_known",
            ),
        ]
        indexes = [
            # The engine's claim: due participants of one step.
            models.Index(
                fields=["flow", "step_id", "due_at"],
                condition=ACTIVE,
                name="participants_claim",
            ),
            # Dispatch's probe: does a flow have anybody due. And "ending, n left".
            models.Index(fields=["flow", "due_at"], condition=ACTIVE, name="participants_due"),
            # Whose step has failed and is tried again: few, if any (across accounts).
            models.Index(
                fields=["account", "flow"], condition=ACTIVE & models.Q(failures__gt=0), name="participants_failing"
            ),
            # The pages of a flow's participants, newest first. The status is read from the index where few have it.
            models.Index(fields=["account", "flow", "-id", "status"], name="participants_of_a_flow"),
            # Why people left, newest first.
            models.Index(
                fields=["account", "flow", "reason", "-id"],
                condition=~models.Q(reason=""),
                name="participants_by_reason",
            ),
            # Waking: who of these records stands on a listening step. Only once: has there been an earlier walk.
            # With the account, though a record says whose it is: it answers more of each question than the index of a
            # flow then, so that it is taken also while the statistics know nothing of the flow yet.
            models.Index(fields=["account", "record", "flow"], name="participants_by_record"),
        ]


class StepLog(AccountModel):
    """What a step did to a participant. `(participant_id, hop)` is the key of every effect inside the database."""

    pk = models.CompositePrimaryKey("participant_id", "hop")
    participant_id = models.BigIntegerField()
    hop = models.IntegerField()
    flow_id = models.BigIntegerField()
    step_id = models.BigIntegerField()  # 0: the queue
    outcome = models.CharField(max_length=22)  # continued, finished, dropped_out, cancelled
    reason = models.CharField(max_length=60, blank=True)
    branch_id = models.BigIntegerField(null=True)
    arrived_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta(AccountModel.Meta):
        indexes = [
            models.Index(fields=["account", "flow_id", "-at"], name="log_of_a_flow"),
            # What one step did, however long ago it did it. A flow's id says the account.
            models.Index(fields=["flow_id", "step_id", "-at"], name="log_of_a_step"),
            # Who dropped out, among millions who went on.
            models.Index(
                fields=["account", "flow_id", "outcome", "-at"],
                condition=~models.Q(outcome="continued"),
                name="log_of_endings",
            ),
        ]


class Tally(AccountModel):
    """A change of a count, appended by a batch and rolled up into `Counter`."""

    flow_id = models.BigIntegerField()
    step_id = models.BigIntegerField(default=0)  # 0: the flow as a whole
    # enrolled, a status, "on" (standing on the step), "passed"; "took": how many a branch, whose id `step_id` is then.
    # "passed_pruned", "took_pruned": how many of those the log no longer holds (participants/log_pruning.py).
    what = models.CharField(max_length=30)
    n = models.IntegerField()

    class Meta(AccountModel.Meta):
        verbose_name_plural = "tallies"
        indexes = [models.Index(fields=["account", "flow_id"], name="tallies_of_a_flow")]


class Counter(AccountModel):
    """A rolled-up count. The truth is counter + tally, read in one statement."""

    pk = models.CompositePrimaryKey("account_id", "flow_id", "step_id", "what")
    flow_id = models.BigIntegerField()
    step_id = models.BigIntegerField(default=0)
    what = models.CharField(max_length=30)
    n = models.BigIntegerField()


class FlowAddress(AccountModel):
    """An address that is active in a flow through one participant: two contacts who share it get one message."""

    pk = models.CompositePrimaryKey("flow_id", "address")
    flow_id = models.BigIntegerField()
    address = models.CharField(max_length=320)
    participant_id = models.BigIntegerField()

    class Meta(AccountModel.Meta):
        verbose_name_plural = "flow addresses"
        indexes = [models.Index(fields=["account", "participant_id"], name="addresses_of_a_participant")]


class Wish(models.TextChoices):
    """What a flow is asked to do with somebody."""

    ENROL = "enrol", _("Enrol")
    LEAVE = "leave", _("Leave")


class Intake(AccountModel):
    """Someone who is to be enrolled in a flow, or to leave it, and why: each flow drains its own under its own lock."""

    flow = models.ForeignKey(
        Flow,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    record = models.ForeignKey(
        Record,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    wish = models.CharField(max_length=5, choices=Wish, default=Wish.ENROL)
    participant_id = models.BigIntegerField(null=True)  # the walk that is to be left, and no later one
    cause = models.CharField(max_length=20)
    cause_key = models.CharField(max_length=80)  # "list:9:<request>": one cause asks once
    depth = models.SmallIntegerField(default=0)
    at = models.DateTimeField(default=now)
    failures = models.SmallIntegerField(default=0, db_default=0)  # the database refused it, see intake_failures.py
    retry_at = models.DateTimeField(null=True)  # set aside until then

    class Meta(AccountModel.Meta):
        verbose_name_plural = "intake"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "flow", "cause_key", "record"],
                name="one_cause_asks_once",
            ),
        ]
        indexes = [
            # For operators: few, if any (across accounts).
            models.Index(fields=["account", "flow"], condition=models.Q(failures__gt=0), name="intake_failing"),
            # Who may come into a paused flow, among those who are to leave it when it is resumed.
            models.Index(fields=["flow", "id"], condition=models.Q(wish="enrol"), name="intake_to_enrol"),
        ]


class ListEnrolment(AccountModel):
    """A list that somebody asked a flow to take in, and what became of those who were in it then."""

    flow = models.ForeignKey(
        Flow,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    list_id = models.BigIntegerField()
    list_name = models.CharField(max_length=200)
    cause_key = models.CharField(max_length=80)  # of the intake that came of it
    asked = models.IntegerField()
    enrolled = models.IntegerField(default=0)
    left_out = models.JSONField(default=dict)  # {"filtered": 12}, see participants/reasons.py
    created_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "flow", "cause_key"], name="one_list_enrolment_of_a_cause"),
        ]


class LongestDue(AccountModel):
    """Who has been due for the longest in a flow, as each look sees them (running/stuck.py): a few rows, or none."""

    pk = models.CompositePrimaryKey("account_id", "flow_id")
    flow_id = models.BigIntegerField()
    participant_id = models.BigIntegerField()
    hop = models.IntegerField()
    due_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # since when it has been this one
    looked_at = models.DateTimeField()
    is_told = models.BooleanField(default=False)  # operators have been told that the flow is stuck

    class Meta(AccountModel.Meta):
        verbose_name_plural = "longest due"
