"""The countries that forms offer: those whose phone numbers are known, by their names in the page's language."""

from functools import cache

import phonenumbers
from babel import Locale
from django.utils.translation import get_language
from django.utils.translation import gettext as _


def choices() -> list[tuple[str, str]]:
    """Every country as (code, name), by name; before them none."""
    return [("", _("Not said")), *_named((get_language() or "en").split("-")[0])]


@cache
def _named(language: str) -> list[tuple[str, str]]:
    territories = Locale.parse(language).territories
    named = [(code, territories.get(code, code)) for code in phonenumbers.SUPPORTED_REGIONS]
    return sorted(named, key=lambda item: item[1].casefold())
