"""Values as the pages of each language show them."""

import pytest
from django.utils.translation import override

from accounts.models import Account
from records.models import Property, PropertyType
from records.values import JsonValue
from web.property_values import shown


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
