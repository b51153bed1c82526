"""Object types and their properties, the records, lists of them, and the append-only log of what happened to them."""

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountModel
from scheduling.clock import now


class ObjectType(AccountModel):
    """A kind of record: contact, company, ..."""

    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    plural = models.CharField(max_length=80)

    class Meta(AccountModel.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="object_type_key_once_per_account")]

    def __str__(self) -> str:
        return self.name


class PropertyType(models.TextChoices):
    """What values a property takes, and so which operators fit it."""

    TEXT = "text", _("Text")
    LONG_TEXT = "long_text", _("Long text")
    NUMBER = "number", _("Number")
    DATE = "date", _("Date")
    DATETIME = "datetime", _("Date and time")
    BOOLEAN = "boolean", _("Yes or no")
    CHOICE = "choice", _("Choice")
    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")
    URL = "url", _("Web address")


class Property(AccountModel):
    """A typed field of an object type. `key` never changes: it is where values are stored."""

    object_type = models.ForeignKey(
        ObjectType,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="properties",
    )
    key = models.SlugField(max_length=60)
    label = models.CharField(max_length=120)
    type = models.CharField(max_length=20, choices=PropertyType)
    options = models.JSONField(default=list)  # choice: the values it may take
    description = models.CharField(max_length=500, blank=True)
    archived_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        verbose_name_plural = "properties"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "object_type", "key"],
                name="property_key_once_per_object_type",
            ),
            models.CheckConstraint(
                condition=models.Q(type__in=PropertyType.values),
                name="property_type_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Consent(models.TextChoices):
    """Whether the person has agreed to be sent marketing."""

    UNKNOWN = "unknown", _("Not asked")
    GIVEN = "given", _("Given")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Record(AccountModel):
    """A contact, company, deal ... Values are stored normalised by type (records/values.py), so comparing needs no
    cast that can fail: numbers as JSON numbers, dates as ISO text, moments as UTC ISO text, e-mail in lower case."""

    object_type = models.ForeignKey(ObjectType, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    properties = models.JSONField(default=dict)
    external_id = models.CharField(max_length=200, null=True)
    email = models.GeneratedField(
        expression=KeyTextTransform("email", "properties"),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    consent = models.CharField(max_length=12, choices=Consent, default=Consent.UNKNOWN)
    consent_at = models.DateTimeField(null=True)
    former_employee = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "object_type", "external_id"],
                condition=models.Q(external_id__isnull=False),
                name="external_id_once_per_object_type",
            ),
            models.CheckConstraint(
                condition=models.Q(consent__in=Consent.values),
                name="record_consent_is_known",
            ),
        ]
        indexes = [
            # Upserts and look-ups by address (plain text equality: leakproof, so it works under row security).
            models.Index(fields=["account", "email"], name="record_by_email"),
            # Occurrences walk an account's records by id; lists of records page by id.
            models.Index(fields=["account", "object_type", "id"], name="record_by_type"),
        ]


class ListKind(models.TextChoices):
    """How a list gets its records."""

    STATIC = "static", _("Static")
    DYNAMIC = "dynamic", _("Dynamic")


class List(AccountModel):
    """A named set of records: put there one by one (static), or whoever meets the criteria (dynamic)."""

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=ListKind, default=ListKind.STATIC)
    object_type = models.ForeignKey(ObjectType, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    criteria = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="list_name_once_per_account"),
            models.CheckConstraint(condition=models.Q(kind__in=ListKind.values), name="list_kind_is_known"),
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


class ListenedKind(AccountModel):
    """A kind of event that something in the account listens to: only these become pending (set by higher packages)."""

    pk = models.CompositePrimaryKey("account_id", "kind")
    kind = models.CharField(max_length=40)


class ImportStatus(models.TextChoices):
    """See records/import_lifecycle.py for the moves between them."""

    DRAFT = "draft", _("Draft")
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Import(AccountModel):
    """A file of records on its way in: chunk by chunk, each with its place in the file, so a crash resumes."""

    name = models.CharField(max_length=200)
    object_type = models.ForeignKey(ObjectType, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    columns = models.JSONField(default=list)  # the headers in their order (before `list` hides the built-in)
    list = models.ForeignKey(
        List,
        null=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
        related_name="+",
    )
    # Header -> {"property": key} | {"field": "external_id" ...} | null; of a draft also {"new": header}, a text
    # property to be made.
    mapping = models.JSONField()
    match_on = models.CharField(max_length=20, default="email")  # email, external_id
    encoding = models.CharField(max_length=40)
    delimiter = models.CharField(max_length=4)
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.WAITING)
    size = models.BigIntegerField(default=0)  # bytes of the file
    next_row = models.IntegerField(default=0)  # rows before it are in
    next_byte = models.BigIntegerField(default=0)  # where in the file that row begins
    rows = models.IntegerField(null=True)
    created = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=ImportStatus.values),
                name="import_status_is_known",
            ),
        ]


class ImportFile(AccountModel):
    """The bytes of an import, in pieces of at most 1 MiB, so that any worker on any machine can read on."""

    pk = models.CompositePrimaryKey("source_id", "piece")
    source = models.ForeignKey(
        Import,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    piece = models.IntegerField()
    data = models.BinaryField()


class RefusedRow(AccountModel):
    """A row of an import that was not taken, with the reason."""

    pk = models.CompositePrimaryKey("source_id", "row")
    source = models.ForeignKey(
        Import,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    row = models.IntegerField()  # 1 is the first row after the header
    column = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500)
    values = models.JSONField()
