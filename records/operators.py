"""The operators of property conditions: which types they fit, and what value they take."""

from dataclasses import dataclass
from enum import Enum

from django.utils.translation import gettext

from . import values
from .models import Property, PropertyType
from .refusals import Error, Invalid
from .values import JsonValue

MOST_VALUES = 1_000
MOST_DAYS = 36_600
LONGEST_PART = 1_000
SECONDS = {len("YYYY-MM-DDTHH:MM:SS"), len("YYYY-MM-DDTHH:MM:SSZ")}

TEXTS = frozenset({PropertyType.TEXT, PropertyType.LONG_TEXT, PropertyType.EMAIL, PropertyType.PHONE, PropertyType.URL})
DATES = frozenset({PropertyType.DATE, PropertyType.DATETIME})
NUMBERS = frozenset({PropertyType.NUMBER, PropertyType.OWNER})  # stored as JSON numbers
ALL = frozenset(PropertyType)
SEVERAL = frozenset({PropertyType.MULTIPLE_CHOICE})
SINGLE = ALL - SEVERAL
ORDERED = DATES | {PropertyType.NUMBER}
LISTABLE = TEXTS | {PropertyType.CHOICE, PropertyType.NUMBER, PropertyType.OWNER}
BIRTHDAYS = frozenset({PropertyType.DATE})
REMEMBERED = LISTABLE | {PropertyType.BOOLEAN}  # one value that can be the same again
# Columns whose changes the log does not tell, or not all: a link of a message withdraws consent in words of its own.
WITHOUT_HISTORY = frozenset({"consent", "consent_at", "created_at", "updated_at"})


class Takes(Enum):
    """What an operator compares with."""

    NOTHING = "nothing"
    ONE = "one"  # a value of the property's type
    PART = "part"  # a piece of text
    MANY = "many"  # a list of values
    PAIR = "pair"  # [lowest, highest]
    DAYS = "days"  # a whole number of days, weeks or months
    PROPERTY = "property"  # the key of another property of the same type


@dataclass(frozen=True)
class Operator:
    """`negates` names the operator this one is the opposite of: such a one says what records without a value do."""

    name: str
    takes: Takes
    types: frozenset[PropertyType]
    negates: str = ""
    is_relative: bool = False  # counts from the moment of the question
    asks_history: bool = False  # what the property was, not what it is


def _relative(name: str, takes: Takes = Takes.NOTHING, types: frozenset[PropertyType] = DATES) -> Operator:
    return Operator(name, takes, types, is_relative=True)


# In the order of menus. Days are whole days in the time zone of the question, and today is one of them.
OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("eq", Takes.ONE, SINGLE),
        Operator("ne", Takes.ONE, SINGLE, negates="eq"),
        Operator("contains", Takes.PART, TEXTS),
        Operator("not_contains", Takes.PART, TEXTS, negates="contains"),
        Operator("starts_with", Takes.PART, TEXTS),
        Operator("ends_with", Takes.PART, TEXTS),
        Operator("in", Takes.MANY, LISTABLE),
        Operator("not_in", Takes.MANY, LISTABLE, negates="in"),
        Operator("contains_any", Takes.MANY, SEVERAL),
        Operator("contains_none", Takes.MANY, SEVERAL, negates="contains_any"),
        Operator("contains_all", Takes.MANY, SEVERAL),
        Operator("not_contains_all", Takes.MANY, SEVERAL, negates="contains_all"),
        Operator("is_exactly", Takes.MANY, SEVERAL),
        Operator("is_not_exactly", Takes.MANY, SEVERAL, negates="is_exactly"),
        Operator("lt", Takes.ONE, ORDERED),
        Operator("lte", Takes.ONE, ORDERED),
        Operator("gt", Takes.ONE, ORDERED),
        Operator("gte", Takes.ONE, ORDERED),
        Operator("between", Takes.PAIR, ORDERED),
        Operator("not_between", Takes.PAIR, ORDERED, negates="between"),
        _relative("is_today"),
        _relative("is_yesterday"),
        _relative("is_tomorrow"),
        _relative("is_anniversary_today", types=BIRTHDAYS),
        _relative("anniversary_in_next_days", Takes.DAYS, BIRTHDAYS),
        *(_relative(f"in_{way}_{unit}s", Takes.DAYS) for unit in ("day", "week", "month") for way in ("last", "next")),
        *(
            _relative(f"{which}_{unit}")
            for unit in ("week", "month", "quarter", "year")
            for which in ("this", "last", "next")
        ),
        _relative("days_ago", Takes.DAYS),
        _relative("days_ahead", Takes.DAYS),
        _relative("before_days_ago", Takes.DAYS),
        _relative("after_days_ago", Takes.DAYS),
        _relative("before_days_ahead", Takes.DAYS),
        _relative("after_days_ahead", Takes.DAYS),
        Operator("ever_was", Takes.ONE, REMEMBERED, asks_history=True),
        Operator("never_was", Takes.ONE, REMEMBERED, negates="ever_was", asks_history=True),
        Operator("changed_in_last_days", Takes.DAYS, ALL, is_relative=True, asks_history=True),
        Operator(
            "not_changed_in_last_days",
            Takes.DAYS,
            ALL,
            negates="changed_in_last_days",
            is_relative=True,
            asks_history=True,
        ),
        Operator("eq_property", Takes.PROPERTY, SINGLE),
        Operator("ne_property", Takes.PROPERTY, SINGLE, negates="eq_property"),
        Operator("lt_property", Takes.PROPERTY, ORDERED),
        Operator("gt_property", Takes.PROPERTY, ORDERED),
        Operator("known", Takes.NOTHING, ALL),
        Operator("unknown", Takes.NOTHING, ALL),
    )
}


def fitting(type: str) -> list[Operator]:
    """The operators for a property of that type, in the order of menus."""
    return [operator for operator in OPERATORS.values() if type in operator.types]


def fitting_to(property: Property) -> list[Operator]:
    """The operators for that property, or column of a record, in the order of menus."""
    found = fitting(property.type)
    return [each for each in found if not each.asks_history] if property.key in WITHOUT_HISTORY else found


def operands(operator: Operator, property: Property, value: object, *, region: str | None = None) -> list[JsonValue]:
    """The values that `operator` compares with, normalised like stored ones; raises `Invalid` with paths.

    A moment may also be given as a day, which then stays "YYYY-MM-DD" and stands for that whole day, and without an
    offset, which then stays "YYYY-MM-DDTHH:MM:SS" and is meant in the zone of the question. `region` is where phone
    numbers without a country code belong.
    """
    match operator.takes:
        case Takes.NOTHING:
            if value is not None:
                raise Invalid([Error("value", gettext("This operator takes no value."))])
            return []
        case Takes.DAYS:
            return [_days(value)]
        case Takes.PART:
            return [_part(value)]
        case Takes.PROPERTY:
            return [_other_property(value)]
        case Takes.ONE:
            return [_operand(_once(property, value) if operator.asks_history else property, value, "value", region)]
    return _several(operator, property, value, region)


@dataclass(frozen=True)
class _Typed:
    type: str
    options: list[str]


def _once(property: values.Typed, value: object) -> values.Typed:
    """What it could be: a choice may have been an option that has since been taken away, so any text will do."""
    is_gone = isinstance(value, str) and value.strip().casefold() not in map(str.casefold, property.options)
    return _Typed(PropertyType.TEXT, []) if property.type == PropertyType.CHOICE and is_gone else property


def _part(value: object) -> JsonValue:
    if not isinstance(value, str) or not value.strip():
        raise Invalid([Error("value", gettext("Enter a text."))])
    if len(value) > LONGEST_PART:
        message = gettext("The text is too long: at most {most} characters.")
        raise Invalid([Error("value", message.format(most=LONGEST_PART))])
    return _operand(_Typed(PropertyType.LONG_TEXT, []), value.strip(), "value", None)


def _other_property(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Invalid([Error("value", gettext("Give the key of another property."))])
    return value


def _several(operator: Operator, property: Property, value: object, region: str | None) -> list[JsonValue]:
    pair = operator.takes is Takes.PAIR
    if not isinstance(value, list) or not value or (pair and len(value) != 2):
        message = gettext("Give the lowest and the highest value.") if pair else gettext("Give a list of values.")
        raise Invalid([Error("value", message)])
    if len(value) > MOST_VALUES:
        raise Invalid([Error("value", gettext("At most %(most)d values.") % {"most": MOST_VALUES})])
    is_several = property.type == PropertyType.MULTIPLE_CHOICE
    each_as = _Typed(PropertyType.CHOICE, property.options) if is_several else property
    found = [_operand(each_as, each, f"value.{number}", region) for number, each in enumerate(value)]
    if pair and _is_reversed(found[0], found[1]):
        raise Invalid([Error("value", gettext("The lowest value comes first."))])
    return found


def _is_reversed(low: JsonValue, high: JsonValue) -> bool:
    """Not for a moment with an offset beside one without: which comes first depends on the zone of the question."""
    if isinstance(low, str) and isinstance(high, str) and len({len(low), len(high)} & SECONDS) == 2:
        return False
    return low > high  # type: ignore[operator]  # both are numbers or both are ISO texts


def _operand(property: values.Typed, value: object, path: str, region: str | None) -> JsonValue:
    try:
        if property.type == PropertyType.DATETIME and value not in (None, ""):
            return values.day_or_moment(value)
        found = values.clean(property, value, region=region)
    except ValueError as error:
        raise Invalid([Error(path, str(error))]) from None
    if found is None:
        raise Invalid([Error(path, gettext("Enter a value."))])
    return found


def _days(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DAYS:
        raise Invalid([Error("value", gettext("A whole number from 0 to %(most)d.") % {"most": MOST_DAYS})])
    return value
