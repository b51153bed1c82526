"""The append-only log of what happened to records."""

from django.db import models

from accounts.tenancy import AccountModel
from scheduling.clock import now

from .record import Record


class Event(AccountModel):
    """Something that happened to a record. Append-only. `flow` and `depth` name the flow whose doing it was."""

    record = models.ForeignKey(
        Record,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    kind = models.CharField(max_length=40)
    detail = models.JSONField(default=dict)
    flow_id = models.BigIntegerField(null=True)
    depth = models.SmallIntegerField(default=0)
    at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        indexes = [
            # A record's timeline; "did this happen since".
            models.Index(fields=["account", "record", "kind", "at"], name="events_of_a_record"),
        ]


class EventPending(AccountModel):
    """An event whose consequences are still to come. Deleted in the transaction of its consequences."""

    event = models.OneToOneField(
        Event,
        primary_key=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="+",
    )

    class Meta(AccountModel.Meta):
        verbose_name_plural = "events pending"
        indexes = [models.Index(fields=["account", "event"], name="pending_of_an_account")]


class EventClientId(AccountModel):
    """A client's own id of an event that was taken in, so that sending it again adds nothing. Pruned after a while."""

    pk = models.CompositePrimaryKey("account_id", "client_id")
    client_id = models.CharField(max_length=200)
    event_id = models.BigIntegerField()
    at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        indexes = [models.Index(fields=["at"], name="client_ids_by_age")]


class ListenedKind(AccountModel):
    """A kind of event that something in the account listens to: only these become pending (set by higher packages)."""

    pk = models.CompositePrimaryKey("account_id", "kind")
    kind = models.CharField(max_length=40)


class EventKind(AccountModel):
    """A kind of event of the account's own that was taken in at least once, for menus."""

    pk = models.CompositePrimaryKey("account_id", "kind")
    kind = models.CharField(max_length=40)
