"""How conditions about properties are put into words."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from scheduling.words import full_date

from .models import PropertyType
from .numbers import number_in_words
from .operators import DATES, Operator, Takes
from .values import JsonValue

SENTENCES: Final[dict[str, Promise]] = {
    "eq": _("%(property)s is %(value)s"),
    "ne": _("%(property)s is not %(value)s"),
    "contains": _("%(property)s contains “%(value)s”"),
    "not_contains": _("%(property)s does not contain “%(value)s”"),
    "starts_with": _("%(property)s starts with “%(value)s”"),
    "ends_with": _("%(property)s ends with “%(value)s”"),
    "in": _("%(property)s is any of %(value)s"),
    "not_in": _("%(property)s is none of %(value)s"),
    "contains_any": _("%(property)s includes %(value)s"),
    "contains_none": _("%(property)s includes none of %(value)s"),
    "contains_all": _("%(property)s includes all of %(value)s"),
    "not_contains_all": _("%(property)s does not include all of %(value)s"),
    "is_exactly": _("%(property)s is exactly %(value)s"),
    "is_not_exactly": _("%(property)s is not exactly %(value)s"),
    "lt": _("%(property)s is less than %(value)s"),
    "lte": _("%(property)s is at most %(value)s"),
    "gt": _("%(property)s is more than %(value)s"),
    "gte": _("%(property)s is at least %(value)s"),
    "between": _("%(property)s is between %(low)s and %(high)s"),
    "not_between": _("%(property)s is not between %(low)s and %(high)s"),
    "ever_was": _("%(property)s is or was ever %(value)s"),
    "never_was": _("%(property)s was never %(value)s"),
    "eq_property": _("%(property)s is the same as %(value)s"),
    "ne_property": _("%(property)s is not the same as %(value)s"),
    "lt_property": _("%(property)s is less than the value of %(value)s"),
    "gt_property": _("%(property)s is more than the value of %(value)s"),
    "is_today": _("%(property)s is today"),
    "is_yesterday": _("%(property)s is yesterday"),
    "is_tomorrow": _("%(property)s is tomorrow"),
    "is_anniversary_today": _("%(property)s is today, any year"),
    "this_week": _("%(property)s is in this week"),
    "last_week": _("%(property)s is in the last calendar week"),
    "next_week": _("%(property)s is in the next calendar week"),
    "this_month": _("%(property)s is in this month"),
    "last_month": _("%(property)s is in the last calendar month"),
    "next_month": _("%(property)s is in the next calendar month"),
    "this_quarter": _("%(property)s is in this quarter"),
    "last_quarter": _("%(property)s is in the last quarter"),
    "next_quarter": _("%(property)s is in the next quarter"),
    "this_year": _("%(property)s is in this year"),
    "last_year": _("%(property)s is in the last calendar year"),
    "next_year": _("%(property)s is in the next calendar year"),
    "known": _("%(property)s is known"),
    "unknown": _("%(property)s is unknown"),
}
SENTENCES_ABOUT_DATES: Final[dict[str, Promise]] = {
    "eq": _("%(property)s is on %(value)s"),
    "ne": _("%(property)s is not on %(value)s"),
    "lt": _("%(property)s is before %(value)s"),
    "lte": _("%(property)s is on or before %(value)s"),
    "gt": _("%(property)s is after %(value)s"),
    "gte": _("%(property)s is on or after %(value)s"),
    "lt_property": _("%(property)s is before the value of %(value)s"),
    "gt_property": _("%(property)s is after the value of %(value)s"),
}
SENTENCES_ABOUT_DAYS: Final[dict[str, Any]] = {
    "in_last_days": ngettext_lazy(
        "%(property)s is in the last %(days)d day", "%(property)s is in the last %(days)d days", "days"
    ),
    "in_next_days": ngettext_lazy(
        "%(property)s is in the next %(days)d day", "%(property)s is in the next %(days)d days", "days"
    ),
    "in_last_weeks": ngettext_lazy(
        "%(property)s is in the last %(weeks)d week", "%(property)s is in the last %(weeks)d weeks", "weeks"
    ),
    "in_next_weeks": ngettext_lazy(
        "%(property)s is in the next %(weeks)d week", "%(property)s is in the next %(weeks)d weeks", "weeks"
    ),
    "in_last_months": ngettext_lazy(
        "%(property)s is in the last %(months)d month", "%(property)s is in the last %(months)d months", "months"
    ),
    "in_next_months": ngettext_lazy(
        "%(property)s is in the next %(months)d month", "%(property)s is in the next %(months)d months", "months"
    ),
    "anniversary_in_next_days": ngettext_lazy(
        "%(property)s is in the next %(days)d day, any year",
        "%(property)s is in the next %(days)d days, any year",
        "days",
    ),
    "days_ago": ngettext_lazy(
        "%(property)s is exactly %(days)d day ago", "%(property)s is exactly %(days)d days ago", "days"
    ),
    "days_ahead": ngettext_lazy(
        "%(property)s is exactly %(days)d day from now",
        "%(property)s is exactly %(days)d days from now",
        "days",
    ),
    "before_days_ago": ngettext_lazy(
        "%(property)s is more than %(days)d day ago", "%(property)s is more than %(days)d days ago", "days"
    ),
    "after_days_ago": ngettext_lazy(
        "%(property)s is later than %(days)d day ago", "%(property)s is later than %(days)d days ago", "days"
    ),
    "before_days_ahead": ngettext_lazy(
        "%(property)s is earlier than %(days)d day from now",
        "%(property)s is earlier than %(days)d days from now",
        "days",
    ),
    "after_days_ahead": ngettext_lazy(
        "%(property)s is more than %(days)d day from now",
        "%(property)s is more than %(days)d days from now",
        "days",
    ),
    "changed_in_last_days": ngettext_lazy(
        "%(property)s changed in the last %(days)d day", "%(property)s changed in the last %(days)d days", "days"
    ),
    "not_changed_in_last_days": ngettext_lazy(
        "%(property)s did not change in the last %(days)d day",
        "%(property)s did not change in the last %(days)d days",
        "days",
    ),
}
QUOTED: Final = re.compile("[“”«]…[”»]")  # each language has quotation marks of its own
# Between the last two of several values; any other operator means one of them.
ALL_OF_THEM: Final = frozenset({"contains_all", "not_contains_all", "is_exactly", "is_not_exactly"})


def menu_label(operator: Operator, type: str) -> str:
    """The operator without property and values, as menus show it: "is at least", "is in the last … days"."""
    if operator.takes is Takes.DAYS:
        said = _counted(operator.name, "", 7).replace("7", "…")
    else:
        said = str(_sentence(operator.name, type)) % {"property": "", "value": "…", "low": "…", "high": "…"}
    said = " ".join(QUOTED.sub("…", said).split())
    return said if operator.takes is Takes.PAIR else said.removesuffix("…").strip()


def sentence(
    operator: Operator,
    label: str,
    type: str,
    operands: list[JsonValue],
    names: Mapping[Any, str] | None = None,
) -> str:
    """The condition in words, such as "Score is at least 50". `names`: what values are called, where not as stored."""
    if operator.takes is Takes.DAYS:
        return _counted(operator.name, label, int(str(operands[0])))
    words = [(names or {}).get(operand) or _in_words(operand, type) for operand in operands]
    low, high = (words[0], words[-1]) if words else ("", "")
    template = gettext("%(items)s and %(last)s") if operator.name in ALL_OF_THEM else gettext("%(items)s or %(last)s")
    value = template % {"items": ", ".join(words[:-1]), "last": high} if words[1:] else high
    return str(_sentence(operator.name, type)) % {"property": label, "value": value, "low": low, "high": high}


def _sentence(name: str, type: str) -> Promise:
    return (type in DATES and SENTENCES_ABOUT_DATES.get(name)) or SENTENCES[name]


def _counted(name: str, label: str, count: int) -> str:
    return str(SENTENCES_ABOUT_DAYS[name] % {"property": label, "days": count, "weeks": count, "months": count})


def _in_words(operand: JsonValue, type: str) -> str:
    if isinstance(operand, bool):
        return gettext("yes") if operand else gettext("no")
    if isinstance(operand, int | float) and type == PropertyType.NUMBER:
        return number_in_words(operand)
    text = str(operand)
    if type not in DATES:
        return text
    day = full_date(date.fromisoformat(text[:10]))
    if len(text) == len("YYYY-MM-DD"):
        return day
    return f"{day} {text[11:16]} UTC" if text.endswith("Z") else f"{day} {text[11:16]}"  # in the zone of the question
