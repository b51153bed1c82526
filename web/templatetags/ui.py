"""How values look on a page: numbers, moments, names. Built into every template."""

from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from records.models import Record

register = template.Library()

NARROW_SPACE = "\u202f"
NOTHING = "–"
TONES = ("accent", "teal", "plum", "sand", "green")


@register.simple_tag
@cache
def icon(name: str, size: str = "") -> SafeString:
    """A drawing of icons.svg; `size` "small" where the text is small."""
    kind = f"icon icon--{size}" if size else "icon"
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', kind, static("icons.svg"), name)


@register.filter
def number(value: int | None) -> str:
    """12840 as 12 840, with a narrow space; a missing value as –."""
    return NOTHING if value is None else f"{value:,}".replace(",", NARROW_SPACE)


@register.filter
def percent_of(part: int, whole: int) -> str:
    """A part of a whole in per cent; – of nothing."""
    return f"{round(100 * part / whole)} %" if whole else NOTHING


@register.filter
def share_of(part: int, whole: int) -> str:
    """A part of a whole in per cent with one decimal; – of nothing."""
    return f"{_with_decimal(100 * part / whole)} %" if whole else NOTHING


def _with_decimal(number: float) -> str:
    """Rounded to one decimal: Django alone would cut the others off, and 66.67 would be 66.6."""
    return str(formats.number_format(round(number, 1), decimal_pos=1))


@register.filter
def took(length: timedelta | None) -> str:
    """How long something took: "0.4 s", "3 min"; – for nothing."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds()
    if seconds < 60:
        return f"{_with_decimal(seconds)} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], value: datetime | None) -> str:
    """ "Mon 23 Nov, 09:00" in the account's time zone; with the year when it is not this one; – for none."""
    if value is None:
        return NOTHING
    year = timezone.localtime(context["present"]).year
    return _said(value.replace(second=0, microsecond=0), year, timezone.get_current_timezone_name(), get_language())


@lru_cache(maxsize=4096)
def _said(minute: datetime, this_year: int, _zone: str, _language: str) -> str:
    """A table says the same few moments on many rows. In the zone and the language at hand, which are named as well."""
    local = timezone.localtime(minute)
    # Translators: a moment of this year, in the letters of Django's date format.
    pattern = _("D j M, H:i") if local.year == this_year else _("D j M Y, H:i")
    return str(formats.date_format(local, pattern))


@register.filter
def record_name(record: Record | None) -> str:
    """What people call a record, also one that is gone."""
    return _("Deleted record") if record is None else record.name


@register.filter
def initials(name: object) -> str:
    """Two letters for an avatar."""
    words = [word for word in str(name).replace("@", " ").split() if word[0].isalnum()]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [str(name).strip()[:2]]
    return "".join(letters).upper()


@register.filter
def tone(number: int) -> str:
    """A colour for an avatar that stays with its owner."""
    return TONES[number % len(TONES)]
