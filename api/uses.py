"""What uses something, as answers tell it: without the names of flows that the caller does not see."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.actors import Actor
from records import used_by
from running.used_by import seen_by

from .shapes import Shape


class Use(Shape):
    """A flow, a content, a list or an import."""

    kind = serializers.CharField(help_text="flow, content, list or import.")
    id = serializers.IntegerField()
    name = serializers.CharField()


class Uses(Shape):
    """All that use it."""

    results = Use(many=True)
    hidden = serializers.IntegerField(help_text="How many flows use it too that are visible for their owners only.")


def show(uses: Sequence[used_by.Use], actor: Actor) -> Any:
    """The uses as the API shows them to `actor`."""
    seen = seen_by(actor, uses)
    return Uses({"results": seen, "hidden": len(uses) - len(seen)}).data
