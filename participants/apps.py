"""The Django app."""

from django.apps import AppConfig


class ParticipantsConfig(AppConfig):
    """Records on their way through flows, and the engine that moves them."""

    name = "participants"

    def ready(self) -> None:
        """Let criteria ask who is, or has been, in a flow, and a letter wait for the engine's look at its person."""
        from messaging.delivery import register_asked_first
        from records.criteria import register_leaf
        from records.erasing import register_walks_eraser

        from .commands import erase_walks
        from .participation_leaf import ParticipationLeaf
        from .waking import IS_WOKEN

        register_asked_first(IS_WOKEN)
        register_walks_eraser(erase_walks)
        register_leaf("flow", ParticipationLeaf())
