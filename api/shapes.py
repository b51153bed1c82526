"""The shapes that requests and answers have. They check form only: what values mean is for the packages to say."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

HIGHEST_ID = 2**63 - 1
NO_SUCH_FIELD = _("There is no such field.")


class Shape(serializers.Serializer[Any]):
    """A JSON object of exactly these fields: an unknown one is an error at its path."""

    def to_internal_value(self, data: Any) -> Any:
        """The checked values; a field that is not declared, or may only be read, is refused."""
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            errors = {str(name): [NO_SUCH_FIELD] for name in data if name not in known}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**error.detail, **errors}) from None  # type: ignore[dict-item]
        if errors:
            raise serializers.ValidationError(errors)
        return values


class Nothing(Shape):
    """An empty body."""


class Id(serializers.IntegerField):
    """The id of a row. A number, never text, and never more than the database can hold."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=HIGHEST_ID, **options)

    def to_internal_value(self, data: Any) -> int:
        """An integer; text and booleans are no ids."""
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Problem(serializers.Serializer[Any]):
    """An error, after RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="A stable word for programs.")
    detail = serializers.CharField(help_text="A sentence for people.")
    errors = serializers.ListField(  # type: ignore[assignment]  # Serializer has a property of this name
        child=serializers.DictField(child=serializers.CharField()),
        required=False,
        help_text="Every fault, with its path in the body (or ?name for a parameter).",
    )
