"""The Django app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """One module per resource."""

    name = "api"
