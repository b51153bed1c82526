"""The Django app."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    """What starts people: schedules, their runs, and events."""

    name = "triggers"
