"""Phone numbers as they are kept: in the form +4712345678, wherever it can be told which number is meant."""

import re

import phonenumbers
from django.utils.translation import gettext as _

LONGEST = 60  # characters as typed
DIALLED_ABROAD = re.compile(r"^00(?=\s*[1-9])")
# What may be a number, though not one of the country it is read in. With a "+" the country is told, and it must be.
LOOKS_LIKE_A_NUMBER = re.compile(r"\(?[0-9][0-9\s().\-–/]*(?:\s*(?:x|ext\.?)\s*[0-9]{1,6})?", re.IGNORECASE)
FEWEST_DIGITS = 3


def region(country: object) -> str | None:
    """The country as phone numbers know it, when it is a code such as "NO"."""
    code = country.strip().upper() if isinstance(country, str) else ""
    return code if code in phonenumbers.SUPPORTED_REGIONS else None


def clean(typed: str, region: str | None) -> str:
    """The number in the form +4712345678, read in `region` when it has no country code.

    Digits of which nobody can tell the country, or which no number there has, stay as typed: a person is not left out
    of an import for a digit too many. Anything else raises ValueError with a sentence.
    """
    if len(typed) > LONGEST:
        raise ValueError(_("The text is too long: at most {most} characters.").format(most=LONGEST))
    number = _read(typed, region)
    if number is not None:
        plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return f"{plain};ext={number.extension}" if number.extension else plain
    digits = sum(character.isdigit() for character in typed)
    if digits < FEWEST_DIGITS or not LOOKS_LIKE_A_NUMBER.fullmatch(typed):
        message = _("“{value}” is not a phone number. Write it with its country code, such as +47 22 34 56 78.")
        raise ValueError(message.format(value=typed))
    return typed


def _read(typed: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    """The number that is meant; new ranges come sooner than libraries learn of them, so its length decides."""
    for reading in (typed, DIALLED_ABROAD.sub("+", typed)):
        try:
            number = phonenumbers.parse(reading, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return number
    return None
