"""The Django app."""

from django.apps import AppConfig


class ParticipantsConfig(AppConfig):
    """Records on their way through flows, and the engine that moves them."""

    name = "participants"

    def ready(self) -> None:
        """Let criteria ask who is, or has been, in a flow."""
        from records.criteria import register_leaf
        from records.erasing import register_walks_eraser

        from .commands import erase_walks
        from .participation_leaf import ParticipationLeaf

        register_walks_eraser(erase_walks)
        register_leaf("flow", ParticipationLeaf())
