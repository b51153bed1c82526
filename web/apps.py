"""The Django app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """One module per screen family."""

    name = "web"
