"""The Django app."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    """What starts people: schedules, their runs, and events."""

    name = "triggers"

    def ready(self) -> None:
        """A walk's story asks what became of a hand-over."""
        from participants import onward

        from . import setting_aside

        onward.register_put_off(setting_aside.among)
