"""The Django app."""

from django.apps import AppConfig


class RunningConfig(AppConfig):
    """The verbs of a flow, what stops it, and editing it."""

    name = "running"
