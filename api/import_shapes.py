"""How the API tells an import."""

from rest_framework import serializers

from records.models import BlankCells, DateOrder, DecimalMark, ImportMode, ImportStatus

from .shapes import Shape


class ImportShape(Shape):
    """A file of records on its way in."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    object_type = serializers.CharField(source="object_type.key")
    list = serializers.IntegerField(source="list_id", allow_null=True, help_text="The list that its records are in.")
    mapping = serializers.DictField(help_text="Where each column goes; null: nowhere.")
    match_on = serializers.CharField()
    mode = serializers.ChoiceField(ImportMode.choices)
    blank_cells = serializers.ChoiceField(BlankCells.choices)
    date_order = serializers.ChoiceField(DateOrder.choices)
    decimal_mark = serializers.ChoiceField(DecimalMark.choices)
    encoding = serializers.CharField()
    delimiter = serializers.CharField(trim_whitespace=False)
    status = serializers.ChoiceField(ImportStatus.choices)
    problem = serializers.CharField(allow_blank=True, help_text="Why it failed.")
    rows_done = serializers.IntegerField()
    rows = serializers.IntegerField(allow_null=True, help_text="How many there are; null until the end.")
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="created + updated + unchanged + refused = rows_done.")
    repeated = serializers.IntegerField(
        help_text="Of those taken: about a record that an earlier row spoke of; the last one is on top."
    )
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
