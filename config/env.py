"""The only reader of the environment. A setting that must be there and is not stops the start with its name."""

import os

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}


def text(name: str, default: str | None = None) -> str:
    """The variable as text; without a default it must be set."""
    value = os.environ.get(name, default)
    if not value and default is None:
        raise ImproperlyConfigured(f"Set {name} in the environment: Flyt does not start without it.")
    return value or ""


def flag(name: str, *, default: bool = False) -> bool:
    """True for 1, true, yes and on."""
    value = os.environ.get(name)
    return default if not value else value.strip().lower() in _TRUE


def number(name: str, default: int, *, least: int | None = None) -> int:
    """A whole number, not below `least`."""
    value = os.environ.get(name)
    if not value:
        return default
    try:
        found = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if least is not None and found < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {found}.")
    return found


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]
