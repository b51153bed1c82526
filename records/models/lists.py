"""Lists of records."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountManager, AccountModel
from scheduling.clock import now

from .properties import ObjectType
from .record import Record


class ListFolder(AccountModel):
    """A drawer for lists."""

    name = models.CharField(max_length=120)

    class Meta(AccountModel.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="list_folder_name_once_per_account")]

    def __str__(self) -> str:
        return self.name


class ListKind(models.TextChoices):
    """How a list gets its records."""

    STATIC = "static", _("Static")
    DYNAMIC = "dynamic", _("Dynamic")


class ListManager(AccountManager):
    """A list that was deleted is there for nobody, though its entries are still being cleared away."""

    def get_queryset(self) -> models.QuerySet["List"]:
        """Those of the current account that were not deleted."""
        return super().get_queryset().filter(deleted_at=None)


class ListFailure(models.TextChoices):
    """Why the last evaluation of a list came to no end."""

    TOO_SLOW = "too_slow", _("Its criteria take too long")
    ERROR = "error", _("Something went wrong")


class List(AccountModel):
    """A named set of records: put there one by one (static), or whoever meets the criteria (dynamic)."""

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=ListKind, default=ListKind.STATIC)
    object_type = models.ForeignKey(ObjectType, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    # Who is in a dynamic list; of a static one, who is being put in, chunk by chunk, until all are.
    criteria = models.JSONField(null=True)
    folder = models.ForeignKey(
        ListFolder, null=True, blank=True, on_delete=models.SET_NULL, db_constraint=False, related_name="lists"
    )
    description = models.CharField(max_length=500, blank=True)
    is_hidden = models.BooleanField(default=False)  # made by Flyt, such as "a filter newly met"; on no page
    entry_count = models.BigIntegerField(default=0)  # add the tally to it
    # Dynamic: evaluated wholly when this moment has come (a timer, an import's end, changed criteria); null: when
    # events say so only.
    refresh_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)
    refresh_cursor = models.BigIntegerField(null=True)  # records up to this id are evaluated; null: none under way
    # Records that are looked at in one transaction: halved when that takes too long, doubled after every whole round.
    refresh_chunk = models.IntegerField(default=20_000)
    refresh_failure = models.CharField(max_length=10, choices=ListFailure, blank=True)
    created_at = models.DateTimeField(default=now)
    deleted_at = models.DateTimeField(null=True)  # it is hidden too, so that its name is free

    objects: ClassVar[ListManager] = ListManager()

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name"], condition=models.Q(is_hidden=False), name="list_name_once_per_account"
            ),
            models.CheckConstraint(condition=models.Q(kind__in=ListKind.values), name="list_kind_is_known"),
            models.CheckConstraint(
                condition=models.Q(refresh_failure__in=["", *ListFailure.values]), name="list_failure_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["refresh_at"], condition=models.Q(refresh_at__isnull=False), name="lists_to_refresh"),
            models.Index(
                fields=["deleted_at"], condition=models.Q(deleted_at__isnull=False), name="lists_to_clear_away"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ListEntry(AccountModel):
    """A record in a list."""

    pk = models.CompositePrimaryKey("list_id", "record_id")
    list = models.ForeignKey(List, on_delete=models.CASCADE, db_constraint=False, related_name="entries")
    record = models.ForeignKey(
        Record,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    added_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        verbose_name_plural = "list entries"
        indexes = [models.Index(fields=["account", "record"], name="lists_of_a_record")]


class ListTally(AccountModel):
    """A change in the size of a list, not yet rolled up into `List.entry_count`: appended, so nobody waits."""

    list = models.ForeignKey(List, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    change = models.IntegerField()

    class Meta(AccountModel.Meta):
        verbose_name_plural = "list tallies"
        indexes = [models.Index(fields=["account", "list"], name="tally_of_a_list")]
