"""Contents, the messages made of them, the outboxes they leave through, and who may be written to."""

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountModel
from records.models import Record
from scheduling.clock import now


class SubscriptionType(AccountModel):
    """What a person subscribes to: newsletter, product news ..."""

    name = models.CharField(max_length=120)
    is_default = models.BooleanField(default=True)  # consent alone covers it, until the person unsubscribes

    class Meta(AccountModel.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="subscription_type_once_per_account")]

    def __str__(self) -> str:
        return self.name


class Subscription(AccountModel):
    """A person's own word about one subscription type."""

    record = models.ForeignKey(
        Record,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    type = models.ForeignKey(
        SubscriptionType,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="+",
    )
    subscribed = models.BooleanField()
    source = models.CharField(max_length=40)  # "form", "unsubscribe_link", "import", "member"
    at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "record", "type"],
                name="one_word_per_person_and_type",
            ),
        ]


class Suppression(AccountModel):
    """An address that gets nothing more from this account."""

    address = models.CharField(max_length=320)
    reason = models.CharField(max_length=40)  # "bounced", "complained", "member"
    at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "address"], name="address_suppressed_once")]


class Content(AccountModel):
    """What a message says: subject, preheader, HTML and text, with merge fields."""

    name = models.CharField(max_length=200)
    subject = models.CharField(max_length=500, blank=True)
    preheader = models.CharField(max_length=500, blank=True)
    html = models.TextField(blank=True)
    text = models.TextField(blank=True)  # empty: made from the HTML
    flow_id = models.BigIntegerField(null=True)  # a flow's own content goes when the flow is deleted
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        indexes = [models.Index(fields=["account", "flow_id"], name="contents_of_a_flow")]

    def __str__(self) -> str:
        return self.name


class Outbox(AccountModel):
    """How one flow speaks, and whether it may: the sender and the switch that delivery looks at.

    Higher packages set it; delivery needs to know no flow. `lock_key` is the advisory lock that whoever flips
    `held` takes exclusively and delivery takes shared, per message.
    """

    lock_key = models.BigIntegerField()
    held = models.BooleanField(default=True)
    sender_name = models.CharField(max_length=120, blank=True)
    sender_address = models.CharField(max_length=254, blank=True)
    reply_address = models.CharField(max_length=254, blank=True)
    subscription_type = models.ForeignKey(
        SubscriptionType,
        null=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
        related_name="+",
    )
    override_consent = models.BooleanField(default=False)

    class Meta(AccountModel.Meta):
        verbose_name_plural = "outboxes"


def of_records(record_ids: Iterable[int]) -> models.Q:
    """The messages to these records, and those about them."""
    ids = list(record_ids)
    return models.Q(record_id__in=ids) | models.Q(about_id__in=ids)


class MessageStatus(models.TextChoices):
    """queued -> sending -> sent | failed | cancelled | unconfirmed."""

    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    UNCONFIRMED = "unconfirmed", _("Not confirmed")


class Message(AccountModel):
    """One message to one person. Rendered at delivery, so edits reach what has not left.

    Consent, subscription and address are those of `record`. In a flow of another object type that is the primary
    contact of the record that the message is about.
    """

    outbox = models.ForeignKey(
        Outbox,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    origin_key = models.CharField(max_length=64)  # who asked for it: "participant:7:2". Once per account.
    record = models.ForeignKey(
        Record,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    about_id = models.BigIntegerField(null=True)  # the record on its way through the flow; null: `record` itself
    content = models.ForeignKey(
        Content,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    channel = models.CharField(max_length=20, default="email")
    address = models.CharField(max_length=320)  # the person's own, read again as the message leaves
    status = models.CharField(max_length=12, choices=MessageStatus, default=MessageStatus.QUEUED)
    reason = models.CharField(max_length=60, blank=True)  # why it failed or was cancelled: a stable code
    attempts = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField(default=now)
    lease_until = models.DateTimeField(null=True)  # a delivery worker has it until then
    message_id = models.CharField(max_length=200, blank=True)  # the Message-ID header, deterministic
    flow_id = models.BigIntegerField(null=True)  # whose doing, for events and statistics
    depth = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "origin_key"], name="one_message_per_origin"),
            models.CheckConstraint(
                condition=models.Q(status__in=MessageStatus.values),
                name="message_status_is_known",
            ),
        ]
        indexes = [
            # What delivery takes next.
            models.Index(
                fields=["account", "outbox", "due_at"],
                condition=models.Q(status="queued"),
                name="messages_to_deliver",
            ),
            # The sweep for messages whose worker died.
            models.Index(
                fields=["lease_until"],
                condition=models.Q(status="sending"),
                name="messages_being_sent",
            ),
            # For operators: whether they left is not known (across accounts).
            models.Index(fields=["account"], condition=models.Q(status="unconfirmed"), name="messages_unconfirmed"),
            # A record's messages; cancelling when someone leaves.
            models.Index(fields=["account", "record"], name="messages_of_a_record"),
            # The same for a deal, a company ...
            models.Index(
                fields=["account", "about_id"],
                condition=models.Q(about_id__isnull=False),
                name="messages_about_a_record",
            ),
            # The local inbox and bounces find a message by its header.
            models.Index(fields=["account", "message_id"], name="message_by_message_id"),
        ]
