"""What uses something, as answers tell it."""

from rest_framework import serializers

from .shapes import Shape


class Use(Shape):
    """A flow, a list or an import."""

    kind = serializers.CharField(help_text="flow, list or import.")
    id = serializers.IntegerField()
    name = serializers.CharField()


class Uses(Shape):
    """All that use it."""

    results = Use(many=True)
