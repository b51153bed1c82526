"""The Django app."""

from django.apps import AppConfig


class ParticipantsConfig(AppConfig):
    """Records on their way through flows, and the engine that moves them."""

    name = "participants"
