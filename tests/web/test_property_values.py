"""Values as the pages of each language show them."""

import pytest
from django.utils.translation import override

from accounts.models import Account
from records.models import Property, PropertyType
from records.values import JsonValue
from web.property_values import shown
from web.templatetags.ui import share_of


@pytest.mark.parametrize(
    ("type", "value", "words"),
    [
        (PropertyType.DATE, "1970-01-31", "31. januar 1970"),
        (PropertyType.DATETIME, "2026-01-31T10:00:00Z", "31. januar 2026 10:00"),
        (PropertyType.NUMBER, 12500, "12\u202f500"),
        (PropertyType.NUMBER, 12500.75, "12\u202f500,75"),
    ],
)
def test_dates_and_numbers_are_written_as_norwegians_do(
    in_acme: Account, type: PropertyType, value: JsonValue, words: str
) -> None:
    with override("nb"):
        assert shown(Property(type=type), value) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"), [(8, 12, "66,7 %"), (1, 3, "33,3 %"), (0, 3, "0,0 %"), (1, 0, "–")]
)
def test_a_share_is_rounded_not_cut(part: int, whole: int, words: str) -> None:
    with override("nb"):
        assert share_of(part, whole) == words
