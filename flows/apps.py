"""The Django app."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    """The definition of a flow: steps, branches, settings."""

    name = "flows"

    def ready(self) -> None:
        """Let conditions about events name contents and flows, and not tell what goes on in one of somebody else's."""
        from records.event_leaf import register_detail_check
        from records.event_naming import register_detail_namer

        from .event_details import check_event_detail, name_event_detail

        register_detail_check(check_event_detail)
        register_detail_namer(name_event_detail)
