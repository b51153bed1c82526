"""Object types, and the typed properties that their records have."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.tenancy import AccountModel


class ObjectType(AccountModel):
    """A kind of record: contact, company, ... or one of the account's own.

    A contact is called by its first and last name, every other record by its property `name` (labelled as the type
    wishes: "Title", "Subject").
    """

    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    plural = models.CharField(max_length=80)
    is_custom = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True)

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
    MULTIPLE_CHOICE = "multiple_choice", _("Multiple choice")
    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")
    URL = "url", _("Web address")
    OWNER = "owner", _("Owner")


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
    options = models.JSONField(default=list)  # choice and multiple choice: the values it may take
    description = models.CharField(max_length=500, blank=True)
    is_required = models.BooleanField(default=False)
    is_unique = models.BooleanField(default=False)  # see UniqueValue
    default = models.JSONField(null=True)  # normalised; what a new record gets that does not say
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


class UniqueValue(AccountModel):
    """Who has a value of a property that is unique: the key is what makes a second one impossible."""

    pk = models.CompositePrimaryKey("property_id", "value")
    property = models.ForeignKey(
        Property, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    value = models.CharField(max_length=500)  # the normalised value as text, in lower case
    record_id = models.BigIntegerField()

    class Meta(AccountModel.Meta):
        indexes = [models.Index(fields=["account", "record_id"], name="unique_values_of_a_record")]
