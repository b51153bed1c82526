"""A number as people read it."""

from decimal import Decimal

from django.utils import formats

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"  # between thousands, as everywhere on the pages


def number_in_words(number: int | float) -> str:
    """12840.5 as 12 840,5: with narrow spaces, and the decimal mark of the reader's language."""
    sign, whole, mark, decimals = "", *f"{Decimal(str(abs(number))).normalize():f}".partition(".")
    if number < 0:
        sign = "-"
    grouped = f"{int(whole):,}".replace(",", NARROW_SPACE)
    return f"{sign}{grouped}{formats.get_format('DECIMAL_SEPARATOR') if mark else ''}{decimals}"
