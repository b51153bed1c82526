"""The Django app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """One module per resource."""

    name = "api"

    def ready(self) -> None:
        """Let kept answers forget a record that is erased."""
        from records.erasing import register_eraser

        from .idempotency import forget_records

        register_eraser("answers", forget_records)
