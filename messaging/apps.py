"""The Django app."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Contents, messages and how they leave."""

    name = "messaging"
