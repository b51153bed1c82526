"""The Django app."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    """The definition of a flow: steps, branches, settings."""

    name = "flows"

    def ready(self) -> None:
        """Keep conditions about events from telling what goes on in a flow of somebody else's."""
        from records.event_leaf import register_detail_check

        from .event_details import check_event_detail

        register_detail_check(check_event_detail)
