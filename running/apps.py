"""The Django app."""

from django.apps import AppConfig


class RunningConfig(AppConfig):
    """The verbs of a flow, what stops it, and editing it."""

    name = "running"

    def ready(self) -> None:
        """Tell which flows and contents use a property, a list or an object type."""
        from records.used_by import register_finder

        from .used_by import contents_using, flows_using

        register_finder("flow", flows_using)
        register_finder("content", contents_using)
