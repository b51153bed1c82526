"""The definition of a flow: its settings, its steps, and the branches of its splits."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.tenancy import AccountManager, AccountModel
from messaging.models import Outbox
from records.models import List, ObjectType
from scheduling.clock import now


class FlowStatus(models.TextChoices):
    """See flows/lifecycle.py for the moves between them."""

    NOT_RUNNING = "not_running", _("Not running")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")


class Visibility(models.TextChoices):
    """Who sees a flow. Admins see every flow."""

    ALL = "all", _("Everyone in the account")
    OWNER = "owner", _("The owner")


class Folder(AccountModel):
    """A place for flows in the list. Folders may lie in folders, and only an empty one can be deleted."""

    name = models.CharField(max_length=120)
    parent = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )  # null: at the top

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "parent", "name"],
                nulls_distinct=False,
                name="folder_name_once_per_place",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FlowManager(AccountManager):
    """Deleted flows are nowhere: their rows are only being cleared away (running/deletion.py)."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """The flows that are there."""
        return super().get_queryset().filter(deleted_at=None)


class Flow(AccountModel):
    """A journey for records of one object type."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    object_type = models.ForeignKey(ObjectType, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    status = models.CharField(max_length=12, choices=FlowStatus, default=FlowStatus.NOT_RUNNING)
    revision = models.IntegerField(default=1)  # guards a write: the ETag of the flow document
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.ALL)
    folder = models.ForeignKey(
        Folder,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )  # null: in none
    outbox = models.OneToOneField(Outbox, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    time_zone = models.CharField(max_length=64, default="Europe/Oslo")

    filter = models.JSONField(null=True)  # criteria a newcomer must meet
    only_once = models.BooleanField(default=True)
    unenrolment = models.JSONField(null=True)  # criteria on which participants drop out and nobody is enrolled
    success = models.JSONField(default=list)  # [{"name": ..., "criteria": ...}]: any one suffices
    jump_to_finish = models.BooleanField(default=False)
    starts_at = models.DateTimeField(null=True)  # newcomers queue until then
    enrolment_ends_at = models.DateTimeField(null=True)
    leave_flows = models.JSONField(default=list)  # ids of the flows that a record leaves when it is enrolled here

    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    deleted_at = models.DateTimeField(null=True)  # gone for everybody; a worker clears its rows away

    objects: ClassVar[FlowManager] = FlowManager()

    class Meta(AccountModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=FlowStatus.values),
                name="flow_status_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(visibility__in=Visibility.values),
                name="flow_visibility_is_known",
            ),
        ]
        indexes = [
            # Dispatch looks at running flows only (across accounts).
            models.Index(
                fields=["id"],
                condition=models.Q(status="running"),
                name="running_flows",
            ),
            models.Index(fields=["account", "name"], name="flows_by_name"),
            models.Index(
                fields=["deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="flows_to_clear_away",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ExclusionList(AccountModel):
    """Records in this static list are not enrolled in the flow, and drop out of it."""

    pk = models.CompositePrimaryKey("flow_id", "list_id")
    flow = models.ForeignKey(
        Flow,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="exclusion_lists",
    )
    list = models.ForeignKey(List, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")


class Activation(AccountModel):
    """The time from a start of a flow to its end."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, db_constraint=False, related_name="activations")
    started_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    emptied_at = models.DateTimeField(null=True)  # when nobody was left inside after the end

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "flow"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_activation_per_flow",
            ),
        ]
        indexes = [
            # Flows that are still ending, however many have ended (across accounts).
            models.Index(
                fields=["ended_at"],
                condition=models.Q(ended_at__isnull=False, emptied_at__isnull=True),
                name="activations_to_empty",
            ),
        ]


class Step(AccountModel):
    """One thing a flow does. Steps of one sequence (the trunk, or a branch) follow each other by position."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, db_constraint=False, related_name="steps")
    branch = models.ForeignKey(
        "Branch",
        null=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="steps",
    )  # null: on the trunk
    position = models.IntegerField()
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True)
    settings = models.JSONField(default=dict)

    class Meta(AccountModel.Meta):
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name or self.kind


class Branch(AccountModel):
    """A way out of a split. The last one, "everyone else", takes whom no other took."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, db_constraint=False, related_name="branches")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, db_constraint=False, related_name="branches")
    position = models.IntegerField()
    name = models.CharField(max_length=200, blank=True)
    criteria = models.JSONField(null=True)
    is_everyone_else = models.BooleanField(default=False)
    weight = models.SmallIntegerField(null=True)  # of a random split: its part is weight / sum of weights

    class Meta(AccountModel.Meta):
        verbose_name_plural = "branches"
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "step"],
                condition=models.Q(is_everyone_else=True),
                name="one_everyone_else_per_split",
            ),
        ]

    def __str__(self) -> str:
        return self.name
