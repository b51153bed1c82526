"""Values: what each type takes, how it is kept, and the sentence that refuses."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records import phones
from records.models import PropertyType
from records.values import clean


@dataclass
class Typed:
    type: str
    options: list[str] = field(default_factory=list)


SEVERAL = Typed("multiple_choice", ["Blue", "Red", "Green, white"])
OWNER = Typed("owner")
OSLO = ZoneInfo("Europe/Oslo")
TEXT, LONG, NUMBER, DATE, MOMENT, YES_NO, CHOICE, EMAIL, PHONE, URL = (
    Typed(type, ["Lead", "Customer"] if type == "choice" else [])
    for type in ("text", "long_text", "number", "date", "datetime", "boolean", "choice", "email", "phone", "url")
)


@pytest.mark.parametrize("type", PropertyType.values)
@pytest.mark.parametrize("blank", [None, "", "  ", "\n\t\u00a0"])
def test_a_blank_value_is_none(type: str, blank: str | None) -> None:
    assert clean(Typed(type), blank) is None


@pytest.mark.parametrize(
    ("property", "value", "kept"),
    [
        (TEXT, "  Anna Åse ", "Anna Åse"),
        (TEXT, 42, "42"),
        (TEXT, '=HYPERLINK("http://x")', '=HYPERLINK("http://x")'),
        (LONG, "Ring tillbaka\nefter semestern", "Ring tillbaka\nefter semestern"),
        (NUMBER, 7, 7),
        (NUMBER, 7.0, 7),
        (NUMBER, "7", 7),
        (NUMBER, "007", 7),
        (NUMBER, "-3,5", -3.5),
        (NUMBER, "+3.5", 3.5),
        (NUMBER, "1,234", 1.234),
        (NUMBER, "1.234", 1.234),
        (NUMBER, "1 234,5", 1234.5),
        (NUMBER, "1\u00a0234\u00a0567", 1234567),
        (NUMBER, "1.234,5", 1234.5),
        (NUMBER, "1,234.5", 1234.5),
        (NUMBER, "1.234.567", 1234567),
        (NUMBER, "1’234", 1234),
        (NUMBER, "\u22125", -5),
        (DATE, "2027-09-06", "2027-09-06"),
        (DATE, "22.12.1947", "1947-12-22"),
        (DATE, "1/2/2024", "2024-02-01"),
        (DATE, "1.2.2024", "2024-02-01"),
        (DATE, "2024/2/1", "2024-02-01"),
        (DATE, "2024-02-29 00:00:00", "2024-02-29"),
        (DATE, "2024-02-29T00:00:00Z", "2024-02-29"),
        (DATE, date(2024, 2, 29), "2024-02-29"),
        (MOMENT, "2021-12-16 15:29", "2021-12-16T15:29:00Z"),
        (MOMENT, "2021-12-16T15:29:30.9+02:00", "2021-12-16T13:29:30Z"),
        (MOMENT, "16.12.2021 9:05", "2021-12-16T09:05:00Z"),
        (MOMENT, "2021-12-16", "2021-12-16T00:00:00Z"),
        (MOMENT, datetime(2021, 12, 16, 15, 29, tzinfo=UTC), "2021-12-16T15:29:00Z"),
        (YES_NO, True, True),
        (YES_NO, "Ja", True),
        (YES_NO, "YES", True),
        (YES_NO, 1, True),
        (YES_NO, "nei", False),
        (YES_NO, "Nej", False),
        (YES_NO, "no", False),
        (YES_NO, "0", False),
        (CHOICE, " customer ", "Customer"),
        (EMAIL, " Anne.Hansen@FIRMA.Example ", "anne.hansen@firma.example"),
        (EMAIL, "o'brien+news@sub.domain.no", "o'brien+news@sub.domain.no"),
        (EMAIL, "post@blåbær.no", "post@blåbær.no"),
        (EMAIL, "post@firma.xn--p1ai", "post@firma.xn--p1ai"),
        (PHONE, " +47 22 34 56 78 ", "+4722345678"),
        (PHONE, "+49(0)8058 887180", "+498058887180"),
        (PHONE, "0047 22345678", "+4722345678"),
        (PHONE, "22 34 56 78", "22 34 56 78"),
        (PHONE, "(08) 12-34.56", "(08) 12-34.56"),
        (PHONE, "+47 22 34 56 78 ext. 12", "+4722345678;ext=12"),
        (SEVERAL, "red; BLUE ;red", ["Blue", "Red"]),
        (SEVERAL, "red,blue", ["Blue", "Red"]),
        (SEVERAL, "green, white", ["Green, white"]),
        (SEVERAL, "green, white;red", ["Red", "Green, white"]),
        (SEVERAL, [" red ", ""], ["Red"]),
        (URL, "firma.example/kontakt", "https://firma.example/kontakt"),
        (URL, "http://firma.example", "http://firma.example"),
    ],
)
def test_a_value_is_kept_in_the_form_of_its_type(property: Typed, value: object, kept: object) -> None:
    found = clean(property, value)
    assert found == kept
    assert type(found) is type(kept)
    assert clean(property, found) == found, "a kept value stays as it is"


@pytest.mark.parametrize(
    ("property", "value", "sentence"),
    [
        (TEXT, ["a"], "Enter a text."),
        (TEXT, True, "Enter a text."),
        (TEXT, "a\x00b", "NUL"),
        (TEXT, "a\ud800b", "half a character"),
        (TEXT, "a" * 10_001, "at most 10000"),
        (LONG, "a" * 100_001, "at most 100000"),
        (NUMBER, "many", "“many” is not a number."),
        (NUMBER, "12 34", "not a number"),
        (NUMBER, "22.12.1947", "not a number"),
        (NUMBER, "1,2,3", "not a number"),
        (NUMBER, "nan", "not a number"),
        (NUMBER, "٣", "not a number"),
        (NUMBER, float("inf"), "too large"),
        (NUMBER, float("nan"), "too large"),
        (NUMBER, "1" * 400, "too large"),
        (NUMBER, True, "Enter a number."),
        (NUMBER, {}, "Enter a number."),
        (DATE, "31.02.2024", "31.02.2024 does not exist in the calendar."),
        (DATE, "12/22/1947", "does not exist"),
        (DATE, "22.12.47", "Write it as 2027-01-31 or 31.01.2027."),
        (DATE, "tomorrow", "is not a date"),
        (DATE, 20240101, "Enter a date"),
        (DATE, "2024-01-01 10:00", "without a time"),
        (MOMENT, "2024-01-01 25:00", "does not exist"),
        (MOMENT, "0001-01-01T00:00:00+14:00", "year"),
        (YES_NO, "maybe", "neither yes nor no"),
        (YES_NO, [], "neither yes nor no"),
        (CHOICE, "Friend", "Lead, Customer"),
        (EMAIL, "anne.young at kund.example", "no spaces"),
        (EMAIL, "ida.green@firma.example.", "The address needs an ending, such as .no."),
        (EMAIL, "ida.green@firma", "The address needs an ending, such as .no."),
        (EMAIL, "ida.green@127.0.0.1", "The address needs an ending, such as .no."),
        (EMAIL, "ida.green", "one @"),
        (EMAIL, "@firma.example", "one @"),
        (EMAIL, "a@b@firma.example", "one @"),
        (EMAIL, "ida@firma..example", "a dot or a hyphen too many"),
        (EMAIL, "ida..green@firma.example", "a dot or a hyphen too many"),
        (EMAIL, "Ida<ida@firma.example>", "needs an ending"),
        (EMAIL, "<ida@firma.example", "does not belong"),
        (EMAIL, "ida,per@firma.example", "does not belong"),
        (EMAIL, "ida\r\nbcc:x@firma.example", "no spaces"),
        (EMAIL, f"{'a' * 65}@firma.example", "too long"),
        (PHONE, "1" * 61, "at most 60"),
        (PHONE, "ring Kari", "“ring Kari” is not a phone number. Write it with its country code"),
        (PHONE, "22", "not a phone number"),
        (PHONE, "+47 22", "not a phone number"),
        (PHONE, ["+4722345678"], "Enter a text."),
        (SEVERAL, "red;pink", "“pink” is not one of the choices: Blue, Red, Green, white"),
        (SEVERAL, {"a": 1}, "Give a list of choices."),
        (SEVERAL, ["red", 7], "“7” is not one"),
        (SEVERAL, [["red"]], "Enter a text."),
        (URL, "javascript:alert(1)", "https://example.com"),
        (URL, "not a page", "https://example.com"),
        (URL, "ftp://firma.example", "https://example.com"),
        (URL, "[firma.example]", "https://example.com"),
        (URL, "https://]firma.example", "https://example.com"),
        (URL, "https://\u2100.example", "https://example.com"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_a_sentence(property: Typed, value: object, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:
        clean(property, value)
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_a_phone_number_without_country_code_belongs_to_the_region() -> None:
    assert clean(PHONE, "22 34 56 78", region="NO") == "+4722345678"
    assert clean(PHONE, "0047 22345678", region="SE") == "+4722345678"
    assert clean(PHONE, "22 34 56 78", region="XX") == "22 34 56 78"
    assert clean(PHONE, "00 83 01 46", region="NO") == "00 83 01 46", "no number there, but somebody's"
    for no_number in ("22", "+47 22", "ring Kari"):
        with pytest.raises(ValueError, match="is not a phone number"):
            clean(PHONE, no_number, region="NO")


def test_an_owner_is_a_member_by_id_or_address() -> None:
    members: dict[int | str, int] = {7: 7, "anne@firma.example": 7}
    assert [clean(OWNER, each, members=members) for each in (7, "7", " Anne@firma.example ", None)] == [7, 7, 7, None]
    for nobody in (8, "8", "ida@firma.example", True, 7.5, ["7"], {}, "\u0667", "9" * 5_000):
        with pytest.raises(ValueError, match="is no member of the account"):
            clean(OWNER, nobody, members=members)


def test_an_owner_who_was_checked_before_may_have_left() -> None:
    assert clean(OWNER, 8) == 8
    with pytest.raises(ValueError):
        clean(OWNER, "ida@firma.example")


@pytest.mark.parametrize("blank", [[], "", ";", " , ", [""]])
def test_nothing_chosen_is_no_value(blank: object) -> None:
    assert clean(SEVERAL, blank) is None


def test_a_moment_without_an_offset_is_meant_in_the_zone() -> None:
    assert clean(MOMENT, "2027-07-01 10:00", zone=OSLO) == "2027-07-01T08:00:00Z"
    assert clean(MOMENT, "2027-03-28 02:30", zone=OSLO) == "2027-03-28T01:30:00Z"  # skipped by the clock
    assert clean(MOMENT, "2027-10-31 02:30", zone=OSLO) == "2027-10-31T00:30:00Z"  # shown twice: the first
    assert clean(MOMENT, "2027-07-01T10:00:00Z", zone=OSLO) == "2027-07-01T10:00:00Z"


@settings(max_examples=300, deadline=None)
@given(
    typed=st.from_regex(r"(\+|00|0|)[0-9][0-9 \-]{2,14}", fullmatch=True)
    | st.from_regex(r"(\+4[5-9] ?|0|)[1-9][0-9 \-]{5,9}", fullmatch=True),
    region=st.sampled_from(["NO", "SE", "DK", "FI", "GB", "US", "IT", None]),
)
def test_the_short_way_with_phone_numbers_leads_where_the_library_does(typed: str, region: str | None) -> None:
    plain = phones._plainly(typed, region)
    read = phones._read(typed, region)
    if plain is not None:
        assert read is not None and plain == phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164)


def test_the_short_way_takes_ordinary_numbers() -> None:
    assert phones._plainly("070-123 45 67", "SE") == "+46701234567"
    assert phones._plainly("+47 22 34 56 78", "SE") == phones._plainly("22345678", "NO") == "+4722345678"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00Z", "0001-01-01T23:59Z", "9999-12-31T00:00Z", "31.12.9999"])
def test_a_moment_whose_day_no_calendar_has_everywhere_is_refused(moment: str) -> None:
    with pytest.raises(ValueError, match="between 1 and 9999"):
        clean(MOMENT, moment)


@pytest.mark.parametrize("moment", ["0001-01-02T00:00:00Z", "9999-12-30T23:59:59Z"])
def test_every_moment_that_is_kept_can_be_told_everywhere(moment: str) -> None:
    kept = datetime.fromisoformat(str(clean(MOMENT, moment)))
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        assert kept.astimezone(ZoneInfo(zone)) == kept
