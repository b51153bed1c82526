"""The countries that forms offer: those whose phone numbers are known, by their names in the page's language."""

from functools import cache
from typing import Final

import phonenumbers
from babel import Locale
from babel.core import get_global
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from records import phones
from web import time_zones

SPOKEN_IN: Final = {"sv": "SE", "nb": "NO"}  # languages that tell a country


def of(time_zone: str, language: str) -> str:
    """The country of an account that begins in that zone and language; "" when they tell none.

    The zone decides, which the browser knows from its machine. Where it is the one that the form begins with,
    nobody may have chosen it: then a language that is spoken in another country does.
    """
    spoken = SPOKEN_IN.get(language, "")
    lies_in = get_global("zone_territories").get(get_global("zone_aliases").get(time_zone, time_zone))
    if spoken and time_zone == time_zones.DEFAULT:
        return spoken
    return phones.region(lies_in) or spoken


def choices() -> list[tuple[str, str]]:
    """Every country as (code, name), by name; before them none."""
    return [("", _("Not said")), *_named((get_language() or "en").split("-")[0])]


@cache
def _named(language: str) -> list[tuple[str, str]]:
    territories = Locale.parse(language).territories
    named = [(code, territories.get(code, code)) for code in phonenumbers.SUPPORTED_REGIONS]
    return sorted(named, key=lambda item: item[1].casefold())
