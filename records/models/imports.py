"""Files of records on their way in."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountModel
from scheduling.clock import now

from .lists import List
from .properties import ObjectType


class ImportStatus(models.TextChoices):
    """See records/import_lifecycle.py for the moves between them."""

    DRAFT = "draft", _("Draft")
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Failed")


class ImportMode(models.TextChoices):
    """What an import may do."""

    BOTH = "both", _("Create and update")
    CREATE = "create", _("Create only")
    UPDATE = "update", _("Update only")


class BlankCells(models.TextChoices):
    """What a blank cell says about the value that a record has."""

    LEAVE = "leave", _("Leave the value")
    CLEAR = "clear", _("Clear the value")


class DateOrder(models.TextChoices):
    """How a date such as 04.03.2027 is meant; dates that begin with the year say so themselves."""

    DAY_FIRST = "day_first", _("Day first")
    MONTH_FIRST = "month_first", _("Month first")


class DecimalMark(models.TextChoices):
    """How a number such as 12,500 is meant; most numbers say so themselves."""

    POINT = "point", _("Point, as in 12.5")
    COMMA = "comma", _("Comma, as in 12,5")


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
    # Header -> {"property": key} | {"field": "external_id" ...} | {"associated": "company"} (its name) | null;
    # of a draft also {"new": header, "type": a property type}, a property to be made.
    mapping = models.JSONField()
    match_on = models.CharField(max_length=20, default="email")  # email, external_id, id, new: nothing
    mode = models.CharField(max_length=10, choices=ImportMode, default=ImportMode.BOTH)
    blank_cells = models.CharField(max_length=10, choices=BlankCells, default=BlankCells.LEAVE)
    date_order = models.CharField(max_length=12, choices=DateOrder, default=DateOrder.DAY_FIRST)
    decimal_mark = models.CharField(  # the database's default is for a worker that does not know it yet
        max_length=5, choices=DecimalMark, default=DecimalMark.POINT, db_default=DecimalMark.POINT
    )
    encoding = models.CharField(max_length=40)
    delimiter = models.CharField(max_length=4)
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.WAITING)
    size = models.BigIntegerField(default=0)  # bytes of the file
    searched_byte = models.BigIntegerField(default=0)  # how far it was searched for rows about the same record
    next_row = models.IntegerField(default=0)  # rows before it are in, or set aside
    next_byte = models.BigIntegerField(default=0)  # where in the file that row begins
    last_key = models.CharField(max_length=320, blank=True, default="")  # rows set aside are in up to this key
    rows = models.IntegerField(null=True)
    created = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    repeated = models.IntegerField(default=0)  # of those taken: about a record that an earlier row spoke of
    problem = models.TextField(blank=True)
    failures = models.SmallIntegerField(default=0)  # of the next chunk, one after the other
    created_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=ImportStatus.values),
                name="import_status_is_known",
            ),
        ]

    @property
    def rows_done(self) -> int:
        """How many rows have come to an end; those set aside have not."""
        return self.created + self.updated + self.unchanged + self.refused


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


class ImportSieve(AccountModel):
    """Which rows of a file may be about the same record, as `records.import_repeats` finds out: bit maps, packed."""

    pk = models.CompositePrimaryKey("account_id", "source_id")
    source = models.ForeignKey(
        Import,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    once = models.BinaryField()
    twice = models.BinaryField()


class HeldRow(AccountModel):
    """A row that is taken together with the others about its record, once all rows are read."""

    pk = models.CompositePrimaryKey("account_id", "source_id", "key", "row")
    source = models.ForeignKey(
        Import,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    key = models.CharField(max_length=320)  # what it is matched by
    row = models.IntegerField()
    cells = models.JSONField()


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
