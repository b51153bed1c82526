"""The time zones that forms offer."""

from functools import cache
from zoneinfo import available_timezones

DEFAULT = "Europe/Oslo"
_CONTINENTS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Australia", "Europe")
_OCEANS = ("Atlantic", "Indian", "Pacific")


@cache
def choices() -> list[tuple[str, str]]:
    """Every zone that is named after a place, as (name, name for people), by name."""
    named = sorted(zone for zone in available_timezones() if zone.split("/")[0] in _CONTINENTS + _OCEANS)
    return [(zone, zone.replace("_", " ")) for zone in [*named, "UTC"]]
