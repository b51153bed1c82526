"""The operators of property conditions: which types they fit, what value they take, and how a sentence puts them."""

from dataclasses import dataclass
from datetime import date
from enum import Enum

from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from scheduling.words import full_date

from . import values
from .models import Property, PropertyType
from .refusals import Error, Invalid
from .values import JsonValue

MOST_VALUES = 1_000
MOST_DAYS = 36_600

TEXTS = frozenset({PropertyType.TEXT, PropertyType.LONG_TEXT, PropertyType.EMAIL, PropertyType.PHONE, PropertyType.URL})
DATES = frozenset({PropertyType.DATE, PropertyType.DATETIME})
ALL = frozenset(PropertyType)
ORDERED = DATES | {PropertyType.NUMBER}
LISTABLE = TEXTS | {PropertyType.CHOICE, PropertyType.NUMBER}


class Takes(Enum):
    """What an operator compares with."""

    NOTHING = "nothing"
    ONE = "one"  # a value of the property's type
    PART = "part"  # a piece of text
    MANY = "many"  # a list of values
    PAIR = "pair"  # [lowest, highest]
    DAYS = "days"  # a whole number of days


@dataclass(frozen=True)
class Operator:
    """`negates` names the operator this one is the opposite of: such a one says what records without a value do."""

    name: str
    takes: Takes
    types: frozenset[PropertyType]
    negates: str = ""


# In the order of menus. Days are whole days in the time zone of the question, and today is one of them.
OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("eq", Takes.ONE, ALL),
        Operator("ne", Takes.ONE, ALL, negates="eq"),
        Operator("contains", Takes.PART, TEXTS),
        Operator("not_contains", Takes.PART, TEXTS, negates="contains"),
        Operator("starts_with", Takes.PART, TEXTS),
        Operator("ends_with", Takes.PART, TEXTS),
        Operator("in", Takes.MANY, LISTABLE),
        Operator("not_in", Takes.MANY, LISTABLE, negates="in"),
        Operator("lt", Takes.ONE, ORDERED),
        Operator("lte", Takes.ONE, ORDERED),
        Operator("gt", Takes.ONE, ORDERED),
        Operator("gte", Takes.ONE, ORDERED),
        Operator("between", Takes.PAIR, ORDERED),
        Operator("is_today", Takes.NOTHING, DATES),
        Operator("is_anniversary_today", Takes.NOTHING, frozenset({PropertyType.DATE})),
        Operator("in_last_days", Takes.DAYS, DATES),
        Operator("in_next_days", Takes.DAYS, DATES),
        Operator("days_ago", Takes.DAYS, DATES),
        Operator("days_ahead", Takes.DAYS, DATES),
        Operator("before_days_ago", Takes.DAYS, DATES),
        Operator("after_days_ahead", Takes.DAYS, DATES),
        Operator("known", Takes.NOTHING, ALL),
        Operator("unknown", Takes.NOTHING, ALL),
    )
}

SENTENCES = {
    "eq": _("%(property)s is %(value)s"),
    "ne": _("%(property)s is not %(value)s"),
    "contains": _("%(property)s contains “%(value)s”"),
    "not_contains": _("%(property)s does not contain “%(value)s”"),
    "starts_with": _("%(property)s starts with “%(value)s”"),
    "ends_with": _("%(property)s ends with “%(value)s”"),
    "in": _("%(property)s is any of %(value)s"),
    "not_in": _("%(property)s is none of %(value)s"),
    "lt": _("%(property)s is less than %(value)s"),
    "lte": _("%(property)s is at most %(value)s"),
    "gt": _("%(property)s is more than %(value)s"),
    "gte": _("%(property)s is at least %(value)s"),
    "between": _("%(property)s is between %(low)s and %(high)s"),
    "is_today": _("%(property)s is today"),
    "is_anniversary_today": _("%(property)s is today, any year"),
    "known": _("%(property)s is known"),
    "unknown": _("%(property)s is unknown"),
}
SENTENCES_ABOUT_DATES = {
    "eq": _("%(property)s is on %(value)s"),
    "ne": _("%(property)s is not on %(value)s"),
    "lt": _("%(property)s is before %(value)s"),
    "lte": _("%(property)s is on or before %(value)s"),
    "gt": _("%(property)s is after %(value)s"),
    "gte": _("%(property)s is on or after %(value)s"),
}
SENTENCES_ABOUT_DAYS = {
    "in_last_days": ngettext_lazy(
        "%(property)s is in the last %(days)d day", "%(property)s is in the last %(days)d days", "days"
    ),
    "in_next_days": ngettext_lazy(
        "%(property)s is in the next %(days)d day", "%(property)s is in the next %(days)d days", "days"
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
    "after_days_ahead": ngettext_lazy(
        "%(property)s is more than %(days)d day from now",
        "%(property)s is more than %(days)d days from now",
        "days",
    ),
}


def fitting(type: str) -> list[Operator]:
    """The operators for a property of that type, in the order of menus."""
    return [operator for operator in OPERATORS.values() if type in operator.types]


def menu_label(operator: Operator, type: str) -> str:
    """The operator without property and values, as menus show it: "is at least", "is in the last … days"."""
    if operator.takes is Takes.DAYS:
        said = str(SENTENCES_ABOUT_DAYS[operator.name] % {"property": "", "days": 7}).replace("7", "…")
    else:
        sentences = SENTENCES | SENTENCES_ABOUT_DATES if type in DATES else SENTENCES
        said = str(sentences[operator.name]) % {"property": "", "value": "…", "low": "…", "high": "…"}
    said = " ".join(said.replace("“…”", "…").split())
    return said if operator.takes is Takes.PAIR else said.removesuffix("…").strip()


def operands(operator: Operator, property: Property, value: object) -> list[JsonValue]:
    """The values that `operator` compares with, normalised like stored ones; raises `Invalid` with paths.

    A moment may also be given as a day, which then stays "YYYY-MM-DD" and stands for that whole day.
    """
    if operator.takes is Takes.NOTHING:
        if value is not None:
            raise Invalid([Error("value", gettext("This operator takes no value."))])
        return []
    if operator.takes is Takes.DAYS:
        return [_days(value)]
    if operator.takes is Takes.PART:
        if not isinstance(value, str) or not value.strip():
            raise Invalid([Error("value", gettext("Enter a text."))])
        return [_operand(_AnyText(), value.strip(), "value")]
    if operator.takes is Takes.ONE:
        return [_operand(property, value, "value")]
    return _several(operator, property, value)


class _AnyText:
    type, options = PropertyType.LONG_TEXT, list[str]()


def _several(operator: Operator, property: Property, value: object) -> list[JsonValue]:
    pair = operator.takes is Takes.PAIR
    if not isinstance(value, list) or not value or (pair and len(value) != 2):
        message = gettext("Give the lowest and the highest value.") if pair else gettext("Give a list of values.")
        raise Invalid([Error("value", message)])
    if len(value) > MOST_VALUES:
        raise Invalid([Error("value", gettext("At most %(most)d values.") % {"most": MOST_VALUES})])
    found = [_operand(property, each, f"value.{number}") for number, each in enumerate(value)]
    if pair and found[0] > found[1]:  # type: ignore[operator]  # both are numbers or both are ISO texts
        raise Invalid([Error("value", gettext("The lowest value comes first."))])
    return found


def _operand(property: values.Typed, value: object, path: str) -> JsonValue:
    try:
        if property.type == PropertyType.DATETIME and value not in (None, ""):
            return values.day_or_moment(value)
        found = values.clean(property, value)
    except ValueError as error:
        raise Invalid([Error(path, str(error))]) from None
    if found is None:
        raise Invalid([Error(path, gettext("Enter a value."))])
    return found


def _days(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DAYS:
        raise Invalid([Error("value", gettext("A whole number of days from 0 to %(most)d.") % {"most": MOST_DAYS})])
    return value


def sentence(operator: Operator, label: str, type: str, operands: list[JsonValue]) -> str:
    """The condition in words, such as "Score is at least 50"."""
    if operator.takes is Takes.DAYS:
        return str(SENTENCES_ABOUT_DAYS[operator.name] % {"property": label, "days": operands[0]})
    sentences = SENTENCES | SENTENCES_ABOUT_DATES if type in DATES else SENTENCES
    words = [_in_words(operand, type) for operand in operands]
    low, high = (words[0], words[-1]) if words else ("", "")
    value = gettext("%(items)s or %(last)s") % {"items": ", ".join(words[:-1]), "last": high} if words[1:] else high
    return str(sentences[operator.name]) % {"property": label, "value": value, "low": low, "high": high}


def _in_words(operand: JsonValue, type: str) -> str:
    if isinstance(operand, bool):
        return gettext("yes") if operand else gettext("no")
    text = str(operand)
    if type not in DATES:
        return text
    day = full_date(date.fromisoformat(text[:10]))
    return f"{day} {text[11:16]} UTC" if len(text) > 10 else day
