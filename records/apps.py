"""The Django app."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Object types, properties, records, lists and the event log."""

    name = "records"
