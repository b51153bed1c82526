"""The Django app."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Contents, messages and how they leave."""

    name = "messaging"

    def ready(self) -> None:
        """Let what was said to a record go with it."""
        from records.erasing import register_eraser

        from .erasing import erase

        register_eraser("messages", erase)
