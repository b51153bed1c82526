"""The Django app."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    """The definition of a flow: steps, branches, settings."""

    name = "flows"
