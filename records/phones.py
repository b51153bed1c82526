"""Phone numbers as they are kept: in the form +4712345678, wherever it can be told which number is meant."""

import re
from dataclasses import dataclass
from functools import cache

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

LONGEST = 60  # characters as typed
DIALLED_ABROAD = re.compile(r"^00(?=\s*[1-9])")
# What may be a number, though not one of the country it is read in. With a "+" the country is told, and it must be.
LOOKS_LIKE_A_NUMBER = re.compile(r"\(?[0-9][0-9\s().\-–/]*(?:\s*(?:x|ext\.?)\s*[0-9]{1,6})?", re.IGNORECASE)
FEWEST_DIGITS = 3
# A number or a part of one, as people write it when they look for it.
PART_OF_A_NUMBER = re.compile(r"\s*\(?\+?[0-9\s().\-–/]+")
BETWEEN_DIGITS = re.compile(r"\(0\)|[\s().\-–/]")
FEWEST_SEARCHED, FEWEST_WHOLE = 4, 8  # digits: to be a part of a number, and to be a number from its beginning


def region(country: object) -> str | None:
    """The country as phone numbers know it, when it is a code such as "NO"."""
    code = country.strip().upper() if isinstance(country, str) else ""
    return code if code in phonenumbers.SUPPORTED_REGIONS else None


def clean(typed: str, region: str | None) -> str:
    """The number in the form +4712345678, read in `region` when it has no country code.

    Digits of which nobody can tell the country, or which no number there has, stay as typed: a person is not left out
    of an import for a digit too many. Anything else raises ValueError with a sentence.
    """
    if plain := _plainly(typed, region):
        return plain
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


def searched(typed: str) -> str:
    """What stored numbers hold when `typed` is a part of one as people write it, or "" when it is nothing like that.

    Without the gaps, with + for 00, and without the 0 that is dialled before a number within its country.
    """
    if not PART_OF_A_NUMBER.fullmatch(typed):
        return ""
    part = DIALLED_ABROAD.sub("+", BETWEEN_DIGITS.sub("", typed))
    return part.removeprefix("0") if len(part) >= FEWEST_SEARCHED else ""


def parts(typed: str, operator: str) -> list[str]:
    """What a stored number may hold, begin or end with when it is asked for `typed`: that, and the same without gaps.

    Zeros in front are digits like others, but those of a whole number stand for its country or nothing, as do the two
    that a number begins with.
    """
    if not PART_OF_A_NUMBER.fullmatch(typed):
        return [typed]
    part = BETWEEN_DIGITS.sub("", typed)
    if operator == "starts_with":
        part = DIALLED_ABROAD.sub("+", part)
    elif operator == "contains" and len(part) >= FEWEST_WHOLE:
        part = searched(part)
    return [typed, part] if part not in ("", typed) else [typed]


def trunk_of(code: str) -> str:
    """What is dialled before a number within the countries of this code, such as 0; often nothing."""
    plan = _plan(code) if code else None
    return plan.trunk if plan else ""


def _plainly(typed: str, region: str | None) -> str | None:
    """What the library would make of digits with blanks and hyphens in between, a hundred times sooner; or None.

    Only for numbers without anything to decide: with a country code and no national prefix after it, or a national
    number that is whole with its prefix taken off.
    """
    digits = typed.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.removeprefix("+").isdigit() or digits.startswith(("+0", "00")):
        return None
    if digits.startswith("+"):
        code = next((digits[1:end] for end in (2, 3, 4) if int(digits[1:end]) in COUNTRY_CODE_TO_REGION_CODE), "")
        plan = _plan(code) if code else None
        national = digits[1 + len(code) :]
        is_told = plan is not None and national[:1] != "0" and not plan.prefix.match(national)
    else:
        plan = _plan_of(region) if region else None
        national = digits.removeprefix(plan.trunk) if plan else ""
        has_trunk = plan is not None and digits.startswith(plan.trunk) and plan.is_simple
        is_told = plan is not None and has_trunk and plan.national.fullmatch(national) is not None
    return f"+{plan.code}{national}" if plan and is_told and len(national) in plan.lengths else None


@dataclass(frozen=True)
class _Plan:
    """How numbers under one country code are made. `trunk`: what is dialled before a number within the country."""

    code: str
    lengths: frozenset[int]
    national: re.Pattern[str]
    prefix: re.Pattern[str]
    trunk: str
    is_simple: bool  # the trunk prefix is all that is ever taken off


@cache
def _plan(code: str) -> _Plan | None:
    region = phonenumbers.region_code_for_country_code(int(code))
    return _plan_from(code, PhoneMetadata.metadata_for_region_or_calling_code(int(code), region))


@cache
def _plan_of(region: str) -> _Plan | None:
    metadata = PhoneMetadata.metadata_for_region(region)
    return _plan_from(str(metadata.country_code), metadata) if metadata else None


def _plan_from(code: str, metadata: PhoneMetadata | None) -> _Plan | None:
    general = metadata.general_desc if metadata else None
    if metadata is None or general is None:
        return None
    trunk = metadata.national_prefix or ""
    return _Plan(
        code,
        frozenset(general.possible_length),
        re.compile(general.national_number_pattern or "(?!)"),
        re.compile(metadata.national_prefix_for_parsing or "(?!)"),
        trunk,
        (metadata.national_prefix_for_parsing or "") == trunk and not metadata.national_prefix_transform_rule,
    )


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
