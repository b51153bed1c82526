"""The shapes of records, alone and in batches."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from records.models import Consent
from records.rows import MATCHES as BATCH_MATCHES
from records.upserts import MOST_ROWS, Status

from .shapes import Shape

MATCHES = ("email", "external_id", "new")


class RecordShape(Shape):
    """A record."""

    id = serializers.IntegerField()
    object_type = serializers.CharField(source="object_type.key")
    properties = serializers.DictField(help_text="Values by the keys of properties.")
    external_id = serializers.CharField(allow_null=True, help_text="Its id in your system.")
    consent = serializers.ChoiceField(Consent.choices)
    consent_at = serializers.DateTimeField(allow_null=True)
    former_employee = serializers.BooleanField()
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        """With a field whose name Python keeps for itself."""
        made_by = serializers.IntegerField(source="import_id", allow_null=True, help_text="The import that made it.")
        return {**super().get_fields(), "import": made_by}


class RecordChange(Shape):
    """What is left out stays as it is; null clears."""

    properties = serializers.DictField(required=False, help_text="Values by the keys of properties.")
    external_id = serializers.CharField(required=False, allow_null=True, max_length=200)
    consent = serializers.JSONField(required=False, help_text='true, false, "given" or "withdrawn".')
    consent_at = serializers.DateTimeField(required=False)
    former_employee = serializers.BooleanField(required=False)


class NewRecord(RecordChange):
    """A record to create; one that is there already with the same address or external id is updated."""

    object_type = serializers.CharField(default="contact")
    match_on = serializers.ChoiceField(
        MATCHES,
        required=False,
        help_text="What makes two records the same; by default the e-mail address if there is one. "
        "`new`: nothing does, it is always another record.",
    )


class Aim(Shape):
    """What of a new record is not about the record itself."""

    object_type = serializers.CharField(default="contact")
    match_on = serializers.ChoiceField(MATCHES, required=False)


class BatchRow(RecordChange):
    """One record of a batch."""

    id = serializers.IntegerField(required=False, help_text="Only where records are matched by id.")


class Rows(serializers.Field[Any, Any, Any, Any]):
    """Rows as they came: the package that writes them checks each, so that a bad one is refused alone."""

    def to_internal_value(self, data: Any) -> list[Mapping[str, Any]]:
        """At most 10,000 objects."""
        if not isinstance(data, list):
            raise serializers.ValidationError(_("Send a list of records."))
        if not 0 < len(data) <= MOST_ROWS:
            raise serializers.ValidationError(_("Send 1 to {most} records.").format(most=MOST_ROWS))
        wrong = {str(i): [_("Send an object.")] for i, row in enumerate(data) if not isinstance(row, dict)}
        if wrong:
            raise serializers.ValidationError(wrong)
        return data


class BatchQuestion(Shape):
    """Many records of one object type."""

    object_type = serializers.CharField(default="contact")
    match_on = serializers.ChoiceField(BATCH_MATCHES, default="email")
    records = Rows()


class BatchShape(Shape):
    """A batch, as the document describes it."""

    object_type = serializers.CharField(default="contact")
    match_on = serializers.ChoiceField(BATCH_MATCHES, default="email")
    records = serializers.ListField(child=BatchRow(), max_length=MOST_ROWS)


class FaultShape(Shape):
    """What is wrong with a record of a batch."""

    path = serializers.CharField(help_text="Within the record.")
    message = serializers.CharField()


class ResultShape(Shape):
    """What became of a record of the batch."""

    status = serializers.ChoiceField([each.value for each in Status])
    id = serializers.IntegerField(allow_null=True)
    errors = FaultShape(many=True)  # type: ignore[assignment]  # Serializer has a property of this name
    superseded_by = serializers.IntegerField(
        allow_null=True, help_text="The position of a later row about the same record."
    )


class BatchAnswer(Shape):
    """What became of the records, in their order."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = ResultShape(many=True)
