"""The records themselves, and which belong together."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Concat, Lower
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountModel
from scheduling.clock import now

from .properties import ObjectType


class Consent(models.TextChoices):
    """Whether the person has agreed to be sent marketing."""

    UNKNOWN = "unknown", _("Not asked")
    GIVEN = "given", _("Given")
    WITHDRAWN = "withdrawn", _("Withdrawn")


SEARCHED = ("first_name", "last_name", "name", "email", "phone")


class Record(AccountModel):
    """A contact, company, deal ... Values are stored normalised by type (records/values.py), so comparing needs no
    cast that can fail: numbers as JSON numbers, dates as ISO text, moments as UTC ISO text, e-mail in lower case,
    multiple choices as JSON arrays in the order of the options, owners as the id of a member."""

    object_type = models.ForeignKey(ObjectType, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    properties = models.JSONField(default=dict)
    external_id = models.CharField(max_length=200, null=True)
    email = models.GeneratedField(
        expression=KeyTextTransform("email", "properties"),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    # What people search by: names, address and phone in lower case, a blank before each, the last of SEARCHED at the
    # end (records/comparisons.py relies on that). Comparing any of these properties, whole or a part of it, may use its
    # index by asking for the same text here as well.
    search_text = models.GeneratedField(
        expression=Lower(
            Concat(
                *(
                    Concat(
                        models.Value(" ", output_field=models.TextField()),
                        Coalesce(
                            KeyTextTransform(key, "properties"), models.Value("", output_field=models.TextField())
                        ),
                    )
                    for key in SEARCHED
                ),
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
    )
    import_id = models.BigIntegerField(null=True)  # the import that made it
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
            # Search, and criteria on what is searched (as the owner role: LIKE is not leakproof).
            GinIndex(
                fields=["account", "search_text"],
                opclasses=["int8_ops", "gin_trgm_ops"],
                name="record_by_search_text",
            ),
        ]

    @property
    def name(self) -> str:
        """What people call it: its name, else its address, else its number."""
        values = self.properties
        person = " ".join(str(values[key]) for key in ("first_name", "last_name") if values.get(key))
        return person or str(values.get("name") or values.get("email") or self.external_id or f"#{self.pk}")


class Erasure(AccountModel):
    """A record that is to be erased for good. Stays a while after the record, for what came in behind its back."""

    pk = models.CompositePrimaryKey("account_id", "record_id")
    record_id = models.BigIntegerField()
    suppresses = models.BooleanField(default=True)  # whether its address gets nothing more
    asked_at = models.DateTimeField(default=now)
    erased_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        indexes = [
            # What a worker takes next, across accounts and in one.
            models.Index(fields=["account", "erased_at", "record_id"], name="records_to_erase"),
        ]


class Association(AccountModel):
    """A record that belongs with another. Kept from both sides, as two rows, always written together.

    Seen from `record`, `other` is of the type `other_type`; of each type at most one is the primary one (the company
    of a contact; the contact whom a message about a deal goes to).
    """

    pk = models.CompositePrimaryKey("record_id", "other_id")
    record = models.ForeignKey(Record, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    other = models.ForeignKey(Record, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    other_type = models.ForeignKey(
        ObjectType, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    is_primary = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "record", "other_type"],
                condition=models.Q(is_primary=True),
                name="one_primary_of_each_type",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "record", "other_type", "other"], name="associated_with_a_record"),
        ]
