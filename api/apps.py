"""The Django app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """One module per resource."""

    name = "api"

    def ready(self) -> None:
        """Let kept answers forget a record, and a walk, that is erased."""
        from participants.traces import register_forgetter
        from records.erasing import register_eraser

        from .idempotency import forget_records, forget_walks

        register_eraser("answers", forget_records)
        register_forgetter("answers", forget_walks)
