"""When things happen: the clock, recurrences, sending windows and pause dates."""

from django.apps import AppConfig


class SchedulingConfig(AppConfig):
    """The lowest package; it knows no business and imports none of the others."""

    name = "scheduling"
